"""One process of a history: `worker.py DIRECTORY NUMBER SEED OPERATIONS TIMEOUT_S [FAULT]`.

On the line "go" it does so many calls on a few keys that all processes share, and then prints them
as JSON: key, name, argument, result, call and return in nanoseconds of the monotonic clock, which
is the same in all processes. A return of null is never: the outcome is unknown.
"""

from __future__ import annotations

import contextlib
import json
import random
import sys
import time
from collections.abc import Callable
from typing import Any

import tiger

KEYS = ["a", "b", "c"]
COUNTER = "counter"
Entry = list[Any]


class Caller:
    """Calls at random, and notes each."""

    def __init__(self, store: Any, number: int, random: random.Random) -> None:
        self.store, self.random = store, random
        self.serial = number * 1_000_000
        self.history: list[Entry] = []
        self.kinds: list[Callable[[str], None]] = [
            *[self.get] * 8,
            *[self.peek] * 8,
            *[self.put] * 4,
            *[self.create] * 2,
            *[self.patch] * 3,
            *[self.delete] * 2,
            *[self.swap] * 3,
            *[self.add] * 3,
            *[self.read_counter] * 4,
            self.list,
            self.find,
            self.snapshot,
            self.batch,
        ]

    def run(self, count: int) -> None:
        for _ in range(count):
            self.random.choice(self.kinds)(self.random.choice(KEYS))

    def note(self, names: list[str], what: str, arguments: list[Any], call: Any) -> Any:
        """Call, and note it for each of the keys; `call` gives a result for each."""
        before = time.monotonic_ns()
        try:
            results = call()
        except tiger.OutcomeUnknown:
            results, after = [None] * len(names), None
        except tiger.DaemonUnavailable:
            return None  # certainly not done
        else:
            after = time.monotonic_ns()
        for name, argument, result in zip(names, arguments, results, strict=True):
            self.history.append([name, what, argument, result, before, after])
        return results[0]

    def record(self, name: str) -> dict[str, Any]:
        self.serial += 1
        return {"id": name, "created": 1, "product": "p", "v": self.serial}

    @property
    def table(self) -> Any:
        return self.store.plans

    def get(self, name: str) -> None:
        self.note([name], "get", [None], lambda: [value_of(self.table.get(name, None))])

    def peek(self, name: str) -> None:
        def call() -> Any:
            try:
                return [self.table.peek(name)["v"]]
            except tiger.NotFound:
                return [None]

        self.note([name], "get", [None], call)

    def read_counter(self, _: str) -> None:
        self.get(COUNTER)

    def list(self, _: str) -> None:
        self.see_all(lambda: self.table.list(limit=20).data)

    def find(self, _: str) -> None:
        self.see_all(lambda: self.table.find_by_product("p"))

    def snapshot(self, _: str) -> None:
        def call() -> Any:
            with self.store.snapshot() as view:
                return list(view.plans)

        self.see_all(call)

    def see_all(self, call: Callable[[], Any]) -> None:
        """What is in a list or not is as good as a read of each key."""
        names = [*KEYS, COUNTER]

        def values() -> Any:
            found = {record["id"]: record["v"] for record in call()}
            return [found.get(name) for name in names]

        self.note(names, "get", [None] * len(names), values)

    def put(self, name: str) -> None:
        record = self.record(name)
        self.note([name], "put", [record["v"]], lambda: [bool(self.table.insert(record))])

    def batch(self, _: str) -> None:
        names = self.random.sample(KEYS, 2)
        records = [self.record(name) for name in names]

        def call() -> Any:
            with self.store.batch() as batch:
                for record in records:
                    batch.plans.insert(record)
            return [True, True]

        self.note(names, "put", [record["v"] for record in records], call)

    def create(self, name: str) -> None:
        record = self.record(name)
        self.note(
            [name],
            "create",
            [record["v"]],
            lambda: [succeeds(lambda: self.table.create(record), tiger.AlreadyExists)],
        )

    def patch(self, name: str) -> None:
        value = self.record(name)["v"]
        self.note(
            [name],
            "patch",
            [value],
            lambda: [succeeds(lambda: self.table.patch(name, {"v": value}), tiger.NotFound)],
        )

    def delete(self, name: str) -> None:
        self.note([name], "delete", [None], lambda: [self.table.delete(name)])

    def swap(self, name: str) -> None:
        """An update of the version that was read just before."""
        version = 0

        def read() -> Any:
            nonlocal version
            try:
                content, version = self.table.read_version(name)
            except tiger.NotFound:
                return [None]
            return [content["v"]]

        before = self.note([name], "get", [None], read)
        if before is None:
            return
        record = self.record(name)

        def swap() -> list[bool]:
            while not succeeds(lambda: self.table.update(record, version), tiger.Conflict):
                if read() != [before]:
                    return [False]
                # A rollback brought the value back, as another version.
            return [True]

        self.note([name], "swap", [[before, record["v"]]], swap)

    def add(self, _: str) -> None:
        def call() -> Any:
            return [self.table.modify(COUNTER, lambda r: {**r, "v": r["v"] + 1})["v"]]

        self.note([COUNTER], "add", [1], call)


def value_of(record: Any) -> Any:
    return None if record is None else record["v"]


def succeeds(call: Callable[[], Any], error: type[Exception]) -> bool:
    try:
        call()
    except error:
        return False
    return True


def remember_blindly() -> None:
    """Break the reader: what it has read twice it takes for what is there."""
    from tiger.reading.cache import NOWHERE
    from tiger.reading.reads import MISSING, TableReads

    original = TableReads.get

    def get(self: Any, id: str, default: Any = MISSING) -> Any:
        view = self._records.view
        kept = view is not NOWHERE and view._younger.copied.get(id)
        if kept:
            return kept.content()
        return original(self, id, default)

    TableReads.get = get  # type: ignore[assignment]


def main() -> None:
    directory, number, seed, count, timeout_s, *fault = sys.argv[1:]
    if fault == ["remember_blindly"]:
        remember_blindly()
    source = random.Random(f"{seed}/{number}")
    with tiger.connect(directory, timeout_s=float(timeout_s)) as store:
        caller = Caller(store, int(number) + 1, source)
        with contextlib.suppress(tiger.DaemonUnavailable):
            store.ping()  # so that the first call is not the one that connects
        print(json.dumps("ready"), flush=True)
        assert sys.stdin.readline() == "go\n"
        caller.run(int(count))
        print(json.dumps(caller.history), flush=True)


if __name__ == "__main__":
    main()
