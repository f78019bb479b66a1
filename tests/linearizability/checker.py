"""Is a history of one key linearizable?

An operation took effect at one moment between its call and its return. `find_violation` looks for
an order of all operations that respects this and gives each the result it had (Wing and Gong, with
Lowe's memory of what was tried). An operation whose outcome is unknown returns never: it may have
taken effect at any time after its call, or not at all.

One key's state is the number it holds, or None. The numbers that are written are all different,
but for counters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

State = int | None
NEVER = math.inf
IMPOSSIBLE: Any = object()


@dataclass(frozen=True)
class Operation:
    """A call on one key: its times in nanoseconds, its argument, and its result."""

    name: str
    argument: Any
    result: Any
    call: float
    back: float
    """When it returned, or `NEVER`."""

    @property
    def is_known(self) -> bool:
        """Whether its outcome is."""
        return self.back != NEVER


def step(state: State, operation: Operation) -> State | Any:
    """Return the state after an operation, `IMPOSSIBLE` if it could not have had its result."""
    after, result = _effect(state, operation.name, operation.argument)
    return after if result == operation.result or not operation.is_known else IMPOSSIBLE


def _effect(state: State, name: str, argument: Any) -> tuple[State, Any]:
    if name == "get":
        return state, state
    if name in ("put", "restore"):  # a rollback puts what a key had, perhaps nothing
        return argument, True
    if name == "create":
        return (argument, True) if state is None else (state, False)
    if name == "patch":
        return (argument, True) if state is not None else (state, False)
    if name == "delete":
        return None, state is not None
    if name == "swap":  # an update with if_version
        expected, wanted = argument
        return (wanted, True) if state == expected else (state, False)
    if name == "add":
        return (state + argument, state + argument) if state is not None else (None, None)
    raise ValueError(name)


def find_violation(operations: Iterable[Operation], state: State = None) -> str | None:
    """Return None if the history is linearizable, else what could not be put in order."""
    history = sorted(operations, key=lambda operation: operation.call)
    wanted = sum(1 << at for at, operation in enumerate(history) if operation.is_known)
    tried: set[tuple[int, State]] = set()
    path: list[tuple[int, State, Iterator[int]]] = [(0, state, _next(history, 0))]
    farthest = (0, state)
    while path:
        done, state, candidates = path[-1]
        if done & wanted == wanted:
            return None
        for at in candidates:
            after = step(state, history[at])
            if after is not IMPOSSIBLE and (done | 1 << at, after) not in tried:
                tried.add((done | 1 << at, after))
                path.append((done | 1 << at, after, _next(history, done | 1 << at)))
                farthest = max(farthest, path[-1][:2], key=lambda f: (f[0] & wanted).bit_count())
                break
        else:
            path.pop()
    return _describe(history, *farthest)


def _next(history: list[Operation], done: int) -> Iterator[int]:
    """Yield the operations that may be next: called before any that is not done had returned."""
    first_return = NEVER
    at = (~done & done + 1).bit_length() - 1
    while at < len(history) and history[at].call <= first_return:
        if not done >> at & 1:
            yield at
            first_return = min(first_return, history[at].back)
        at += 1


def _describe(history: list[Operation], done: int, state: State) -> str:
    start = history[0].call if history else 0
    lines = [f"in order so far: {done.bit_count()} of {len(history)}; then it holds {state}; next:"]
    for at in _next(history, done):
        operation = history[at]
        until = "never" if not operation.is_known else f"{(operation.back - start) / 1000:.0f}"
        lines.append(
            f"  {operation.name} {operation.argument} -> {operation.result}, from "
            f"{(operation.call - start) / 1000:.0f} to {until} us"
        )
    return "\n".join(lines)
