"""Waiting in asyncio with a deadline, so that no cancel is lost.

`asyncio.wait_for` loses one that comes with the result, before Python 3.12.
"""

from __future__ import annotations

import asyncio
from collections import deque


def settle(future: asyncio.Future[bool], result: bool) -> None:
    """Give a future its result, unless it has one or was cancelled."""
    if not future.done():
        future.set_result(result)


async def settled(future: asyncio.Future[bool], left_s: float) -> bool:
    """Await a future's result; False if there is none after so many seconds."""
    timer = future.get_loop().call_later(left_s, settle, future, False)
    try:
        return await future
    finally:
        timer.cancel()


class Turns:
    """Whose turn it is among tasks: first come, first served."""

    def __init__(self) -> None:
        """Begin with nobody's turn."""
        self.is_taken: bool = False
        self._waiting: deque[asyncio.Future[bool]] = deque()

    async def take(self, left_s: float) -> bool:
        """Wait for the turn for so many seconds; return whether it came."""
        if not self.is_taken:
            self.is_taken = True
            return True
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await settled(turn, left_s)
        except BaseException:  # cancelled, or thrown away with its loop
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
        self.is_taken = False
