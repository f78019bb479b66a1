"""Processes that do the same thing at the same moment."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from threading import Barrier
from typing import Any

import tiger
import tigerstripe

SIZE = 3
PATIENCE_S = 60

_together: Barrier


class Crowd:
    """Processes that are kept, because starting them takes longer than most tests."""

    def __init__(self) -> None:
        """Prepare the processes. They are not forked, because a test run has threads."""
        context = multiprocessing.get_context("spawn")
        barrier = context.Barrier(SIZE)
        self._pool = ProcessPoolExecutor(SIZE, context, initializer=_join, initargs=(barrier,))

    def run(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Return what the function returned in each process; they begin together.

        A store among the arguments arrives as a connection to the same account; the Stripe code
        in these processes talks to it.
        """
        calls = [self._pool.submit(_call, function, *arguments) for _ in range(SIZE)]
        return [call.result() for call in calls]

    def close(self) -> None:
        """Let the processes end."""
        self._pool.shutdown()


def _join(barrier: Barrier) -> None:
    global _together  # noqa: PLW0603 - what a pool hands to its processes stays there
    _together = barrier


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    with contextlib.ExitStack() as stores:
        for argument in arguments:
            if isinstance(argument, tiger.Store):
                stores.enter_context(argument)
                stores.enter_context(tigerstripe.Account(argument).installed())
        _together.wait(PATIENCE_S)
        return function(*arguments)
