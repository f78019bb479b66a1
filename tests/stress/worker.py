"""One process of the stress test: `worker.py DIRECTORY NAMESPACE ROLE NUMBER SEED`.

A writer does a bounded number of writes and ends. A reader reads until its stdin is closed; it
raises at the first thing that no store may show. Both print a JSON object of what they did.

Every record carries the CRC of all its other fields, so that a mixture of two versions is seen.
Every writer keeps a coupon and an event equal, by batches; every reader compares the pairs.
"""

from __future__ import annotations

import collections
import json
import random
import select
import sys
from collections.abc import Callable
from typing import Any

import tiger
from tests.support.checksums import Record, checksum, sealed

WRITES = 1_200  # of each writer
WRITERS = 3
POOL = 120  # ids that the writers share, so that they meet
PRODUCTS = ["prod_a", "prod_b", "prod_c"]


class Writer:
    """Writes at random, of every kind."""

    def __init__(self, store: Any, number: int, random: random.Random) -> None:
        self.store, self.number, self.random = store, number, random
        self.done: collections.Counter[str] = collections.Counter()
        self.pair = 0

    def run(self) -> collections.Counter[str]:
        """Does all the writes and tells how many of each kind."""
        kinds: list[Callable[[], None]] = [
            *[self.insert] * 6,
            *[self.move] * 3,
            *[self.modify] * 2,
            *[self.delete] * 3,
            *[self.write_pair] * 3,
            self.insert_many,
            self.churn,
        ]
        for _ in range(WRITES):
            kind = self.random.choice(kinds)
            kind()
            self.done[kind.__name__] += 1
        return self.done

    def any_id(self) -> str:
        return f"p{self.random.randrange(POOL)}"

    def plan(self, name: str) -> Record:
        return sealed(
            {
                "id": name,
                "created": self.random.randrange(40),
                "product": self.random.choice(PRODUCTS),
                "active": self.random.random() < 0.5,
                "writer": self.number,
                "text": chr(97 + self.random.randrange(26)) * self.random.randrange(400),
            }
        )

    def insert(self) -> None:
        self.store.plans.insert(self.plan(self.any_id()))

    def move(self) -> None:
        """A change of `created`, and with it of the place."""
        self.modify(created=self.random.randrange(40))

    def modify(self, **changes: Any) -> None:
        changes = changes or {"product": self.random.choice(PRODUCTS)}
        try:
            self.store.plans.modify(self.any_id(), lambda record: sealed({**record, **changes}))
        except tiger.NotFound:
            self.done["missed"] += 1

    def delete(self) -> None:
        self.store.plans.delete(self.any_id())

    def insert_many(self) -> None:
        names = self.random.sample(range(POOL), 10)
        self.store.plans.insert_many(self.plan(f"p{name}") for name in names)

    def write_pair(self) -> None:
        """A coupon and an event, changed in one batch."""
        self.pair += 1
        record = sealed({"id": f"pair{self.number}", "created": self.number, "n": self.pair})
        with self.store.batch() as batch:
            batch.coupons.insert(record)
            batch.events.insert(record)

    def churn(self) -> None:
        """A namespace that comes and goes, so that its space is wanted back."""
        passing = self.store.namespace(f"passing-{self.number}")
        passing.plans.insert_many(self.plan(f"p{number}") for number in range(20))
        passing.clear_namespace()


class Reader:
    """Reads at random, by every kind of read, and checks all it sees."""

    def __init__(self, store: Any, random: random.Random) -> None:
        self.store, self.random = store, random
        self.done: collections.Counter[str] = collections.Counter()
        self.versions: dict[str, int] = {}
        self.pairs: dict[str, int] = {}

    def run(self) -> collections.Counter[str]:
        """Reads until stdin is closed, and then once more of each kind."""
        kinds: list[Callable[[], None]] = [
            self.get,
            self.peek,
            self.page,
            self.filter,
            self.find,
            self.see_pairs,
            self.see_all,
        ]
        while not select.select([sys.stdin], [], [], 0)[0]:
            for kind in self.random.choices(kinds, [40, 40, 6, 4, 4, 8, 1], k=20):
                kind()
                self.done[kind.__name__] += 1
        for kind in kinds:
            kind()
        return self.done

    def check(self, record: Record) -> Record:
        assert record["checksum"] == checksum(record), f"a mixture: {record}"
        return record

    def check_all(self, records: list[Record]) -> list[Record]:
        """Whole records, newest first, none twice."""
        for record in records:
            self.check(record)
        created = [record["created"] for record in records]
        assert created == sorted(created, reverse=True), f"out of order: {created}"
        names = [record["id"] for record in records]
        assert len(set(names)) == len(names), f"twice: {names}"
        return records

    def get(self) -> None:
        name = f"p{self.random.randrange(POOL)}"
        record = self.store.plans.get(name, None)
        if record is not None:
            assert self.check(record)["id"] == name

    def peek(self) -> None:
        name = f"p{self.random.randrange(POOL)}"
        try:
            seen = self.store.plans.peek(name)
        except tiger.NotFound:
            return
        assert self.check(dict(seen))["id"] == name

    def page(self) -> None:
        limit = self.random.choice([1, 5, 10, 50])
        page = self.store.plans.list(limit=limit)
        assert len(self.check_all(page.data)) <= limit
        if page.data:
            cursor = self.random.choice(page.data)["id"]
            direction = self.random.choice(["starting_after", "ending_before"])
            try:
                page = self.store.plans.list(limit=limit, **{direction: cursor})
            except tiger.InvalidCursor:
                self.done["deleted cursors"] += 1
                return
            assert cursor not in {record["id"] for record in self.check_all(page.data)}

    def filter(self) -> None:
        product = self.random.choice(PRODUCTS)
        page = self.store.plans.list(limit=20, product=product, active=True)
        for record in self.check_all(page.data):
            assert (record["product"], record["active"]) == (product, True)

    def find(self) -> None:
        product = self.random.choice(PRODUCTS)
        for record in self.check_all(self.store.plans.find_by_product(product)):
            assert record["product"] == product
        for record in self.check_all(self.store.plans.find_active()):
            assert record["active"] is True

    def see_pairs(self) -> None:
        """All of a batch or nothing of it, and never an older one than before."""
        with self.store.snapshot() as view:
            coupons, events = view.coupons.list(limit=100).data, view.events.list(limit=100).data
        assert coupons == events, f"half a batch: {coupons} {events}"
        for record in self.check_all(coupons):
            assert record["n"] >= self.pairs.get(record["id"], 0), "time went back"
            self.pairs[record["id"]] = record["n"]

    def see_all(self) -> None:
        """Every kind of read of one snapshot agrees with the others."""
        with self.store.snapshot() as view:
            plans = view.plans
            everything = self.check_all(list(plans))
            paged = list(plans.list(limit=self.random.choice([7, 30])).auto_paging_iter())
            assert paged == everything
            assert plans.count() == len(everything)
            for product in PRODUCTS:
                matching = [record for record in everything if record["product"] == product]
                assert plans.find_by_product(product) == matching
            assert plans.find_active() == [record for record in everything if record["active"]]
            for record in self.random.sample(everything, min(5, len(everything))):
                assert plans.get(record["id"]) == record


def main() -> None:
    """Does what the command line says."""
    directory, namespace, role, number, seed = sys.argv[1:]
    source = random.Random(f"{seed}/{role}/{number}")
    with tiger.connect(directory, namespace=namespace, timeout_s=30) as store:
        if role == "reader":
            print("ready", flush=True)
            done = Reader(store, source).run()
        else:
            done = Writer(store, int(number), source).run()
    print(json.dumps(done), flush=True)


if __name__ == "__main__":
    main()
