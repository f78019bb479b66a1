"""One process of a history over several hosts: `caller.py DIRECTORY NUMBER SEED OPERATIONS HOW`.

As tests/linearizability/worker.py. `everywhere`: writes return when all hosts have them, and a read
is not taken to be over before all hosts have what it saw: so reads that see a write before that has
returned are in order, too.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import tiger
from tests.linearizability.worker import COUNTER, KEYS, Caller
from tiger.format import protocol
from tiger.snapshot import Snapshot
from tiger.system import os

TIMEOUT_S = 30.0


class CarefulCaller(Caller):
    """Whose reads end when all hosts have what they saw; it rolls back, too."""

    def __init__(self, store: tiger.Store, number: int, source: random.Random) -> None:
        super().__init__(store, number, source)
        self.kinds += [self.roll_back] * 2

    def roll_back(self, name: str) -> None:
        """Let each key have what it had at a mark; that counts for all keys as one write."""
        names = [*KEYS, COUNTER]
        with suppress(tiger.Conflict):
            mark = self.store.mark()
            had = {record["id"]: record["v"] for record in Snapshot(mark._moment, "global").plans}
            self.put(name)

            def call() -> list[bool]:
                self.store.rollback(mark)
                return [True] * len(names)

            self.note(names, "restore", [had.get(name) for name in names], call)

    def note(self, names: list[str], what: str, arguments: list[Any], call: Any) -> Any:
        reads = what in ("get", "swap")
        return super().note(names, what, arguments, self._seen(call) if reads else call)

    def _seen(self, call: Callable[[], Any]) -> Callable[[], Any]:
        def seen() -> Any:
            result = call()
            self.store._attached.connection.ask(protocol.EVERYWHERE)
            return result

        return seen


def main() -> None:
    directory, number, seed, count, how = sys.argv[1:]
    is_careful = how == "everywhere"
    source = random.Random(f"{seed}/{number}")
    kind = CarefulCaller if is_careful else Caller
    with tiger.connect(directory, timeout_s=TIMEOUT_S, everywhere=is_careful) as store:
        caller = kind(store, int(number) + 1, source)
        store.ping()
        import json

        print(json.dumps("ready"), flush=True)
        sys.stdin.readline()
        caller.run(int(count))
        print(json.dumps(caller.history), flush=True)


os.environ.pop("TIGERD_EVERYWHERE", None)
main()
