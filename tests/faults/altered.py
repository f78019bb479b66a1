"""A daemon with a fault built in: `python -m tests.faults.altered FAULT serve ...`.

`stop_*` stops the daemon (SIGSTOP) at that place of the first write that gets there. `clock` gives
it a wall clock that steps by years, to and fro; `hurried` looks after its instance all the time.
`fails` raises in the middle of writing a record with the id "bad", `lacks_memory` likewise, and
`fails_for_good` can then not take it back either; `cannot_clean` fails whenever there is something
to clean. The daemon that follows has no fault: clients start `python -m tigerd`.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from tiger.errors import Damaged
from tiger.wire.session import QUESTION
from tigerd.engine import applying
from tigerd.engine.cleaner import Cleaner
from tigerd.engine.plan import Effect
from tigerd.engine.planning import Planner
from tigerd.engine.recovery import Recovered
from tigerd.engine.writer import Writer
from tigerd.service import server
from tigerd.service.server import Server


def stop_once(owner: type, name: str, *, after: bool = False, of_writes: bool = False) -> None:
    """Stop before or after the first call of a method."""
    original = getattr(owner, name)
    stopped = False

    def stop() -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            os.kill(os.getpid(), signal.SIGSTOP)

    def method(self: Any, *arguments: Any, **keywords: Any) -> Any:
        is_meant = not of_writes or arguments[1] < QUESTION
        if is_meant and not after:
            stop()
        result = original(self, *arguments, **keywords)
        if is_meant and after:
            stop()
        return result

    setattr(owner, name, method)


def clock() -> None:
    """Let the wall clock step."""
    source = random.Random(7)
    time.time = lambda: source.choice((0.0, 1.0, 4e9, 1.7e9 + source.random()))
    time.time_ns = lambda: source.choice((1, 1 << 61, 17 * 10**17))


LIMIT = 300 << 20
"""Bytes of address space of a daemon that is `limited`."""


def hurry() -> None:
    """Sweep every 20 ms."""
    server.SWEEP_S = 0.02


def fail(error: Exception, *, for_good: bool = False) -> None:
    """Fail in the middle of a request that writes a record of a certain id."""
    apply_effect, recover = Writer._apply_effect, applying.recover
    recoveries = count()

    def failing(self: Writer, effect: Effect, commit: int) -> int:
        ref = apply_effect(self, effect, commit)
        if effect.key == b"bad":
            raise error
        return ref

    def recover_once(of: Writer) -> Recovered:
        if for_good and next(recoveries):
            raise Damaged("and a fault in recovery")
        return recover(of)

    Writer._apply_effect = failing  # type: ignore[method-assign]
    applying.recover = recover_once  # type: ignore[attr-defined]


def fail_to_clean() -> None:
    """Fail to take away whatever has ended."""

    def failing(self: Cleaner, steps: int) -> bool:
        if self.is_waiting:
            raise RuntimeError("a fault that is built in")
        return False

    Cleaner.take_steps = failing  # type: ignore[method-assign]


FAULTS: dict[str, Callable[[], None]] = {
    "stop_before_plan": lambda: stop_once(Planner, "__init__"),
    "stop_before_answer": lambda: stop_once(Writer, "store_answer"),
    "stop_before_commit": lambda: stop_once(Writer, "_commit"),
    "stop_after_commit": lambda: stop_once(Writer, "_commit", after=True),
    "stop_before_reply": lambda: stop_once(Server, "_reply", of_writes=True),
    "clock": clock,
    "hurried": hurry,
    "limited": lambda: resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT)),
    "fails": lambda: fail(RuntimeError("a fault that is built in")),
    "lacks_memory": lambda: fail(MemoryError()),
    "cannot_clean": fail_to_clean,
    "fails_for_good": lambda: fail(RuntimeError("a fault that is built in"), for_good=True),
}


def main() -> None:
    """Build the fault in, and serve."""
    from tigerd.service.serve import serve

    applying._write = lambda *_: None  # what is altered is in Python
    FAULTS[sys.argv[1]]()
    sys.exit(serve(sys.argv[3:]))


if __name__ == "__main__":
    main()
