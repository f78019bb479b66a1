"""One process of a storm: `worker.py DIRECTORY ROLE NUMBER SEED TIMEOUT_S`.

A writer has records of its own and knows what each must be; where a write ended with
`OutcomeUnknown` there are two possibilities until the next write. It counts in a record that all
share. On the line "pause" it says what it knows and waits for a line more; "end" ends it.

A reader checks that every record is whole, that no count goes back, and that the two records of
each batch are equal. Both fail at the first thing that no store may do.

A "frozen" writer has a clock that stands, and is set anew between its writes; a "forking" one forks
as C programs do, without Python's hooks, and writes in the child too.
"""

from __future__ import annotations

import collections
import ctypes
import json
import os
import random
import select
import sys
import traceback
from collections.abc import Callable
from datetime import datetime
from typing import Any

import freezegun

import tiger
from tests.support.checksums import PRODUCTS, Record, random_plan, sealed
from tests.support.reader import Reader

Place = tuple[str, str]
"""A table and an id."""

IDS = 24
SHARED = "shared"


class Told:
    """Lines from stdin, which can be looked for without waiting."""

    def __init__(self) -> None:
        self._data = b""

    def has(self, line: str) -> bool:
        """Whether that line has come; it is taken. "end", and the end of stdin, end the process."""
        if b"\n" not in self._data and not select.select([0], [], [], 0)[0]:
            return False
        self.wait(line)
        return True

    def wait(self, line: str) -> None:
        """Wait for that line."""
        while b"\n" not in self._data:
            more = os.read(0, 65536)
            if not more:
                raise SystemExit
            self._data += more
        told, _, self._data = self._data.partition(b"\n")
        if told == b"end":
            raise SystemExit
        assert told.decode() == line, told


TOLD = Told()


class Writer:
    """Writes at random and remembers what was acknowledged."""

    def __init__(self, store: Any, number: int, random: random.Random) -> None:
        self.store, self.number, self.random = store, number, random
        self.known: dict[Place, list[Record | None]] = {}
        self.added = self.unsure = self.serial = 0
        self.done: collections.Counter[str] = collections.Counter()
        self.kinds: list[Callable[[], None]] = [
            *[self.create] * 4,
            *[self.create_again] * 2,
            *[self.insert] * 4,
            *[self.patch] * 4,
            *[self.update_if_version] * 2,
            *[self.update_too_late] * 2,
            *[self.delete] * 4,
            *[self.add] * 4,
            *[self.insert_many] * 2,
            *[self.batch] * 3,
            self.refused_batch,
            self.clear,
        ]

    def run(self) -> None:
        """Write until told to end."""
        while True:
            if TOLD.has("pause"):
                self.report()
                TOLD.wait("go")
            kind = self.random.choice(self.kinds)
            kind()
            self.done[kind.__name__] += 1

    def report(self) -> None:
        known = [[*place, records] for place, records in self.known.items()]
        print(
            json.dumps(
                {"known": known, "added": self.added, "unsure": self.unsure, "done": self.done}
            ),
            flush=True,
        )

    # --- What is known ---

    def attempt(self, call: Callable[[], Any], after: dict[Place, Record | None]) -> Any:
        """Do it, and note what is there then; return what it returned, or None."""
        try:
            result = call()
        except tiger.OutcomeUnknown:
            self.done["unknown"] += 1
            for place, record in after.items():
                self.known[place] = [*self.possible(place), record]
        except tiger.DaemonUnavailable:
            self.done["unavailable"] += 1  # certainly not done
        else:
            self.done["acknowledged"] += 1
            for place, record in after.items():
                self.known[place] = [record]
            self.look(after)
            return result
        return None

    def refused(self, call: Callable[[], Any], error: type[Exception]) -> None:
        """Do what must be refused, with that error."""
        try:
            call()
        except error:
            self.done["refused"] += 1
        except tiger.OutcomeUnknown:
            self.done["unknown"] += 1
        except tiger.DaemonUnavailable:
            self.done["unavailable"] += 1
        else:
            raise AssertionError(f"not refused with {error.__name__}")

    def look(self, after: dict[Place, Record | None]) -> None:
        """See at once what was acknowledged."""
        for (table, name), record in after.items():
            seen = self.store.table(table).get(name, None)
            assert seen == record, f"lost: {table} {name} is {seen}, not {record}"

    def possible(self, place: Place) -> list[Record | None]:
        return self.known.get(place, [None])

    def certain(self, *, there: bool) -> Place | None:
        """A place of which is known whether there is a record."""
        places = [
            place
            for place, records in self.known.items()
            if len(records) == 1 and (records[0] is not None) == there and place[0] == "plans"
        ]
        return self.random.choice(places) if places else None

    def record(self, name: str) -> Record:
        self.serial += 1
        return random_plan(self.random, name, n=self.serial)

    def any_name(self) -> str:
        return f"w{self.number}-{self.random.randrange(IDS)}"

    def places(self, names: list[str]) -> dict[Place, Record | None]:
        return {("plans", name): self.record(name) for name in names}

    # --- The writes ---

    def create(self) -> None:
        """Of an id that never was: if it is there already, this was done twice."""
        self.serial += 1
        name = f"w{self.number}-new{self.serial}"
        record = self.record(name)
        try:
            self.attempt(lambda: self.store.plans.create(record), {("plans", name): record})
        except tiger.AlreadyExists:
            raise AssertionError(f"doubled: {name} was created by the first of two") from None
        self.forget_some()

    def forget_some(self) -> None:
        """Delete some of what was created, so that the number stays small."""
        fresh = [place for place in self.known if "-new" in place[1]]
        for place in fresh[:-IDS]:
            was_certain = len(self.known[place]) == 1 and self.known[place][0] is not None
            deleted = self.attempt(lambda p=place: self.store.plans.delete(p[1]), {place: None})
            assert deleted in ((True, None) if was_certain else (True, False, None)), place
            if self.known[place] == [None]:
                del self.known[place]

    def create_again(self) -> None:
        place = self.certain(there=True)
        if place is not None:
            record = self.record(place[1])
            self.refused(lambda: self.store.plans.create(record), tiger.AlreadyExists)
            self.look({place: self.known[place][0]})

    def insert(self) -> None:
        ((place, record),) = self.places([self.any_name()]).items()
        self.attempt(lambda: self.store.plans.insert(record), {place: record})

    def patch(self) -> None:
        place = self.certain(there=True)
        if place is None:
            return
        before = self.known[place][0]
        assert before is not None
        after = sealed({**before, "product": self.random.choice(PRODUCTS), "n": self.serial})
        changes = {key: after[key] for key in ("product", "n", "checksum")}
        result = self.attempt(lambda: self.store.plans.patch(place[1], changes), {place: after})
        assert result in (after, None), f"torn: patched to {result}, not {after}"

    def update_if_version(self) -> None:
        """Which fails if it is done twice."""
        place = self.certain(there=True)
        if place is None:
            return
        record, version = self.record(place[1]), self.store.plans.version(place[1])
        try:
            self.attempt(
                lambda: self.store.plans.update(record, if_version=version), {place: record}
            )
        except tiger.Conflict:
            raise AssertionError(f"doubled: {place} was updated by the first of two") from None

    def update_too_late(self) -> None:
        place = self.certain(there=True)
        if place is None:
            return
        record, version = self.record(place[1]), self.store.plans.version(place[1])
        self.refused(
            lambda: self.store.plans.update(record, if_version=version - 1), tiger.Conflict
        )
        self.look({place: self.known[place][0]})

    def delete(self) -> None:
        there = self.random.random() < 0.8
        place = self.certain(there=there)
        if place is not None:
            result = self.attempt(lambda: self.store.plans.delete(place[1]), {place: None})
            assert result in (there, None), f"doubled: the delete of {place} returned {result}"

    def add(self) -> None:
        """One more in a record that all writers share."""
        try:
            self.store.coupons.modify(SHARED, lambda r: sealed({**r, "n": r["n"] + 1}))
        except tiger.OutcomeUnknown:
            self.unsure += 1
        except tiger.DaemonUnavailable:
            self.done["unavailable"] += 1
        else:
            self.added += 1

    def insert_many(self) -> None:
        after = self.places(sorted({self.any_name() for _ in range(6)}))
        self.attempt(lambda: self.store.plans.insert_many(after.values()), after)

    def batch(self) -> None:
        """A coupon and an event that are always equal, and a delete beside them."""
        record = self.record(f"pair{self.number}")
        after: dict[Place, Record | None] = {
            ("coupons", record["id"]): record,
            ("events", record["id"]): record,
            ("plans", self.any_name()): None,
        }

        def call() -> None:
            with self.store.batch() as batch:
                for (table, name), content in after.items():
                    if content is None:
                        batch.table(table).delete(name)
                    else:
                        batch.table(table).insert(content)

        self.attempt(call, after)

    def refused_batch(self) -> None:
        """Of which nothing is done, for its last write is refused."""
        place = self.certain(there=True)
        if place is None:
            return

        def call() -> None:
            with self.store.batch() as batch:
                batch.plans.insert(self.record(self.any_name()))
                batch.coupons.insert(self.record(f"pair{self.number}"))
                batch.plans.create(self.record(place[1]))

        self.refused(call, tiger.AlreadyExists)

    def clear(self) -> None:
        """A namespace that comes and goes, so that its space is wanted back."""
        passing = self.store.namespace(f"passing-{self.number}")
        for call in (
            lambda: passing.plans.insert_many(self.record(f"p{n}") for n in range(20)),
            passing.clear_namespace,
        ):
            self.attempt(call, {})


class FrozenWriter(Writer):
    """A writer in a test that freezes time: each of its writes sees a clock that stands still."""

    def run(self) -> None:
        with freezegun.freeze_time("2024-02-29 12:00:00") as self.clock:
            super().run()

    def attempt(self, call: Callable[[], Any], after: dict[Place, Record | None]) -> Any:
        self.clock.move_to(datetime(self.random.randrange(1990, 2060), 1, 1))
        self.done["clocks"] += 1
        return super().attempt(call, after)


class ForkingWriter(Writer):
    """A writer in a process that is forked behind Python's back, before its children write."""

    def __init__(self, store: Any, number: Any, random: random.Random) -> None:
        super().__init__(store, number, random)
        self.fork = ctypes.PyDLL(None).fork  # unlike os.fork, it calls nobody's hooks
        self.kinds += [self.write_in_a_child]

    def write_in_a_child(self) -> None:
        """Write at the same time in a child, and note what was acknowledged there."""
        self.done["forks"] += 1
        source, sink = os.pipe()
        pid = self.fork()
        if not pid:
            self.be_the_child(sink)
        os.close(sink)
        for _ in range(self.random.randrange(8)):
            self.random.choice((self.create, self.insert, self.patch, self.add))()
        with os.fdopen(source) as told:
            lines = told.read()
        assert os.waitpid(pid, 0)[1] == 0, "a child failed"
        child = json.loads(lines)
        self.known |= {(table, name): records for table, name, records in child["known"]}
        self.added += child["added"]
        self.unsure += child["unsure"]
        for table, name, records in child["known"]:
            seen = self.store.table(table).get(name, None)
            assert seen in records, f"lost: {table} {name} is {seen}, a child wrote {records}"

    def be_the_child(self, sink: int) -> None:
        """Write under names of its own, tell the parent, and end."""
        code = 1
        try:
            self.number = f"{self.number}-child{self.done['forks']}"
            self.random = random.Random(f"{self.number} {self.serial}")
            self.known, self.added, self.unsure = {}, 0, 0
            for _ in range(self.random.randrange(1, 12)):
                self.random.choice((self.create, self.create, self.patch, self.delete, self.add))()
            known = [[*place, records] for place, records in self.known.items()]
            told = json.dumps({"known": known, "added": self.added, "unsure": self.unsure})
            os.write(sink, told.encode())
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)


WRITERS = {"writer": Writer, "frozen": FrozenWriter, "forking": ForkingWriter}


def main() -> None:
    """Do what the command line says."""
    directory, role, number, seed, timeout_s = sys.argv[1:]
    source = random.Random(f"{seed}/{role}/{number}")
    is_writer = role in WRITERS

    def any_name() -> str:
        return f"w{source.randrange(3)}-{source.randrange(IDS)}"

    with tiger.connect(directory, autostart=is_writer, timeout_s=float(timeout_s)) as store:
        print(json.dumps("ready"), flush=True)
        if is_writer:
            WRITERS[role](store, int(number), source).run()
        else:
            done = Reader(store, source, any_name, SHARED).run(lambda: TOLD.has("pause"))
            print(json.dumps({"done": done}), flush=True)


if __name__ == "__main__":
    main()
