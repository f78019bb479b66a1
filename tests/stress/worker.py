"""One process of the stress test: `worker.py DIRECTORY NAMESPACE ROLE NUMBER SEED`.

A writer does a bounded number of writes and ends; a reader reads until it is told a line. Both
say that they are ready, and at the end what they did.
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
from tests.support.checksums import PRODUCTS, Record, random_plan, sealed
from tests.support.reader import Reader

WRITES = 1_200  # of each writer
POOL = 120  # ids that the writers share, so that they meet


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
        return random_plan(self.random, name)

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


def main() -> None:
    """Does what the command line says."""
    directory, namespace, role, number, seed = sys.argv[1:]
    source = random.Random(f"{seed}/{role}/{number}")
    with tiger.connect(directory, namespace=namespace, timeout_s=30) as store:
        print(json.dumps("ready"), flush=True)
        if role == "reader":
            reader = Reader(store, source, lambda: f"p{source.randrange(POOL)}")
            done = reader.run(lambda: bool(select.select([sys.stdin], [], [], 0)[0]))
        else:
            done = Writer(store, int(number), source).run()
    print(json.dumps(done), flush=True)


if __name__ == "__main__":
    main()
