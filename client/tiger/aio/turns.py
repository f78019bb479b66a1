"""Waiting in asyncio with a deadline, so that no cancellation is lost.

Before Python 3.12, `asyncio.wait_for` loses a cancellation that comes together with the result.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from tiger import system
from tiger.errors import InvalidRequest
from tiger.system import threading


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the event loop that runs here, or raise `InvalidRequest`."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise InvalidRequest(
            "tiger.aio needs asyncio's event loop, and none runs here: under trio, use "
            "tiger.connect() and call it in a thread (trio.to_thread.run_sync)"
        ) from None


def settle(future: asyncio.Future[bool], result: bool) -> None:
    """Give a future its result, unless it has one or was cancelled."""
    if not future.done():
        future.set_result(result)


async def settled(future: asyncio.Future[bool], left_s: float) -> bool:
    """Await a future's result for some seconds; return False if there is none by then."""
    cancel = _later(future.get_loop(), left_s, lambda: settle(future, False))
    try:
        return await future
    finally:
        cancel()


def _later(
    loop: asyncio.AbstractEventLoop, left_s: float, call: Callable[[], None]
) -> Callable[[], None]:
    """Call a function after some seconds; return a function that cancels this."""
    if not system.is_clock_replaced():
        return loop.call_later(left_s, call).cancel

    # A test has frozen the loop's clock, so the loop's own timers would never fire.
    def ring() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(call)

    timer = threading.Timer(min(left_s, threading.TIMEOUT_MAX), ring)
    timer.daemon = True
    timer.start()
    return timer.cancel


class Turns:
    """Turns of the tasks of one event loop: first come, first served."""

    def __init__(self) -> None:
        """Begin with no task having the turn."""
        self._turn = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        """The event loop of the task that has the turn, or had it last."""
        self._waiting: deque[asyncio.Future[bool]] = deque()

    @property
    def is_taken(self) -> bool:
        """Whether a task has the turn."""
        return self._turn.locked()

    async def take(self, left_s: float) -> bool:
        """Wait for the turn, for some seconds; return whether it came.

        Raises `InvalidRequest` if a task of another event loop has the turn, since its end could
        not be noticed here.
        """
        loop = running_loop()
        if self._turn.acquire(blocking=False):
            self._loop = loop
            return True
        if self._loop is not loop:
            raise InvalidRequest(
                "another event loop is in the middle of a request of this store; nothing was "
                "changed: connect once in each event loop that runs at the same time"
            )
        turn: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(turn)
        try:
            return await settled(turn, left_s)
        except BaseException:  # cancelled, or discarded with its loop
            if not turn.cancel() and not turn.cancelled() and turn.result():
                self.give()  # it had come just before
            raise

    def give(self) -> None:
        """Let the next one have the turn."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(True)
                return
        self._turn.release()
