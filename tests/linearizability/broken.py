"""A daemon that breaks a promise: `python -m tests.linearizability.broken FAULT serve ...`.

For the tests of the tests: histories with it must not pass.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from tiger.format import layout
from tigerd.engine import applying
from tigerd.engine.plan import Outcome, Plan
from tigerd.engine.writer import Writer
from tigerd.service.server import Server


def commit_first() -> None:
    """Store the commit number before what belongs to it, and take a while between the two."""
    apply_effect, commit_of = Writer._apply_effect, Writer._commit

    def apply(self: Writer, plan: Plan, asked: Any) -> Outcome:
        self._reserve(plan)
        commit = self.commit + 1
        self.store_answer(asked, plan.status, commit, 0)
        commit_of(self, commit)
        time.sleep(0.002)
        for effect in plan.effects.values():
            apply_effect(self, effect, commit)
        return plan.outcome()

    Writer.apply = apply  # type: ignore[method-assign]


def lose_updates() -> None:
    """Acknowledge each twentieth write, and forget it."""
    apply, count = Writer.apply, 0

    def losing(self: Writer, plan: Plan, asked: Any) -> Outcome:
        nonlocal count
        count += 1
        if count % 20 == 0:
            plan.effects.clear()
        return apply(self, plan, asked)

    Writer.apply = losing  # type: ignore[method-assign]


def apply_twice() -> None:
    """Apply each request as often as it comes; and each tenth comes twice."""
    write, count = Server._write, 0

    def writing(self: Server, peer: bytes, asked: Any, answer: bool, operations: Any) -> None:
        nonlocal count
        count += 1
        write(self, peer, asked, answer, operations)
        if count % 10 == 0:
            at = layout.client_at(asked[0], layout.CLIENT_ANSWER)
            self._control.store(at, 0)
            write(self, peer, asked, answer, operations)

    Server._write = writing  # type: ignore[method-assign]


FAULTS: dict[str, Callable[[], None]] = {
    "commit_first": commit_first,
    "lose_updates": lose_updates,
    "apply_twice": apply_twice,
}


def main() -> None:
    """Break it, and serve."""
    from tigerd.service.serve import serve

    applying._write = lambda *_: None  # what is broken is in Python
    FAULTS[sys.argv[1]]()
    sys.exit(serve(sys.argv[3:]))


if __name__ == "__main__":
    main()
