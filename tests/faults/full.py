"""Fill an instance whose file system is small, kill its daemon while it is full, and compare.

`full.py DIRECTORY RECORD_SIZE SEED`; prints a JSON object of what happened.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from random import Random

import tiger
from tests.faults.storm import check
from tests.support.processes import daemons_of, end_daemons, kill, wait_for


class Filler:
    """One client that knows what was acknowledged."""

    def __init__(self, store: tiger.Store, size: int, random: Random) -> None:
        self.store, self.random = store, random
        self.text = "x" * size
        self.known: dict[str, int] = {}
        self.figures: Counter[str] = Counter()

    def fill(self) -> None:
        """Write until ten writes in a row were refused."""
        refused = 0
        while refused < 10:
            name = f"p{self.random.randrange(20_000)}"
            serial = self.figures["written"]
            try:
                self.store.plans.insert(
                    {"id": name, "n": serial, "product": f"q{serial % 3}", "text": self.text}
                )
            except tiger.StoreFull:
                refused += 1
                self.figures["refused"] += 1
            else:
                refused = 0
                self.known[name] = serial
                self.figures["written"] += 1

    def drain(self) -> None:
        """Delete a half."""
        for name in list(self.known)[::2]:
            assert self.store.plans.delete(name) is True
            del self.known[name]

    def compare(self) -> None:
        """See that there is what was acknowledged, and nothing else."""
        assert {r["id"]: r["n"] for r in self.store.plans} == self.known
        assert self.store.plans.count() == len(self.known)
        assert sum(len(self.store.plans.find_by_product(f"q{n}")) for n in range(3)) == len(
            self.known
        )
        self.store.ping()
        check(self.store.directory)

    def has_room(self) -> bool:
        """Tell whether a record can be written."""
        try:
            self.store.plans.insert({"id": "last", "text": self.text})
        except tiger.StoreFull:
            return False
        return self.store.plans.delete("last")

    def kill(self) -> None:
        """Kill the daemon."""
        self.figures["kills"] += kill(daemons_of(self.store.directory))


def main() -> None:
    directory, size, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    try:
        with tiger.connect(directory, timeout_s=30) as store:
            filler = Filler(store, size, Random(seed))
            for _ in range(2):
                filler.fill()
                filler.kill()
                filler.compare()
                filler.fill()  # what its recovery gave back
                filler.drain()
                filler.kill()
                filler.compare()
            wait_for(filler.has_room, "room after half of the records were deleted", 20)
            filler.compare()
            print(json.dumps(filler.figures))
    finally:
        end_daemons(directory)


if __name__ == "__main__":
    main()
