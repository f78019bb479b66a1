"""Histories of many processes on a few keys, checked key by key."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import tiger
from tests.linearizability.checker import NEVER, Operation, find_violation
from tests.linearizability.worker import COUNTER, KEYS
from tests.support.processes import Worker, daemons_of, instance_directory, kill, serving, workers

WORKER = Path(__file__).with_name("worker.py")
WORKERS = 5
BROKEN_HISTORIES = 20

History = dict[str, list[Operation]]
"""By key."""


class NotLinearizable(AssertionError):
    """A history has no order."""


def record_history(
    directory: Path,
    seed: int,
    operations: int,
    *,
    kills: int = 0,
    timeout_s: float = 30,
    fault: str = "",
) -> History:
    """Let processes call, and return what they noted; the daemon is killed meanwhile so often."""
    random = Random(seed)
    with workers() as start:
        with tiger.connect(directory) as store:
            store.clear_namespace()
            store.plans.insert({"id": COUNTER, "created": 0, "product": "p", "v": 0})
        callers = [
            start(WORKER, directory, number, seed, operations, timeout_s, *[fault] * bool(fault))
            for number in range(WORKERS)
        ]
        for caller in callers:
            assert caller.hear() == "ready"
        for caller in callers:
            caller.say("go")
        for _ in range(kills):
            time.sleep(random.random() * 0.2)  # a random moment
            kill(daemons_of(directory))  # if there is one: the callers may have ended
        return hear(callers)


def hear(callers: list[Worker]) -> History:
    """Return what all callers did, once each of them has ended."""
    history: History = {name: [] for name in (*KEYS, COUNTER)}
    for caller in callers:
        for name, what, argument, result, call, back in caller.hear():
            given = tuple(argument) if isinstance(argument, list) else argument
            returned = NEVER if back is None else back
            history[name].append(Operation(what, given, result, call, returned))
    return history


def check_history(history: History) -> Counter[str]:
    """Raise `NotLinearizable`, or return how much was checked."""
    figures: Counter[str] = Counter(histories=len(history))
    for name, operations in history.items():
        found = find_violation(operations, 0 if name == COUNTER else None)
        if found:
            raise NotLinearizable(f"key {name!r}: {found}")
        figures["operations"] += len(operations)
        figures["unknown"] += sum(not operation.is_known for operation in operations)
    return figures


def run_histories(seed: int, operations: int = 300) -> Counter[str]:
    """Record histories with no fault, with kills, and with clients that give up; check them."""
    figures: Counter[str] = Counter()
    ways: list[dict[str, Any]] = [{}, {"kills": 2}, {"kills": 2, "timeout_s": 0.05}]
    with instance_directory() as directory:
        for number, way in enumerate(ways):
            figures += check_history(record_history(directory, seed + number, operations, **way))
            figures["history_kills"] += way.get("kills", 0)
    return figures


def run_broken(seed: int, daemon: str = "", reader: str = "") -> None:
    """Record histories with a daemon or readers that break a promise, and check each.

    Whether the promise is seen to be broken is up to the system's scheduler.
    """
    with instance_directory() as directory, ExitStack() as stack:
        if daemon:
            module = f"tests.linearizability.broken {daemon}"
            stack.enter_context(serving(directory, module=module))
        for number in range(BROKEN_HISTORIES):
            check_history(record_history(directory, seed + number, 200, fault=reader))
