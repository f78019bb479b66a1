"""One process of a history over several hosts: `caller.py DIRECTORY NUMBER SEED OPERATIONS HOW`.

As tests/linearizability/worker.py. `everywhere`: writes return when all hosts have them, and a read
is not taken to be over before all hosts have what it saw: so reads that see a write before that has
returned are in order, too.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

import tiger
from tests.linearizability.worker import Caller
from tiger.format import protocol
from tiger.system import os

TIMEOUT_S = 30.0


class CarefulCaller(Caller):
    """Whose reads end when all hosts have what they saw."""

    def note(self, names: list[str], what: str, arguments: list[Any], call: Any) -> Any:
        return super().note(names, what, arguments, self._seen(call) if what == "get" else call)

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
