"""Looking for an answer again and again, instead of sleeping until it is there."""

from __future__ import annotations

from collections.abc import Callable

from tiger.system import os, time

LONG_TURN_S = 1e-3
"""When giving the processor away takes longer than this, another program has taken a turn, which
lasts milliseconds: ZeroMQ's threads, the daemon and its clients give the processor back sooner.
Four clients on two cores made 19,000 inserts a second with this limit, and 12,700 with 0.3 ms."""
FIRST, MOST = 64, 1 << 15
"""How many waits follow without a look, once a look met a long turn: FIRST of them, then twice as
many each time, up to MOST; FIRST again when there were more looks in between than were skipped. A
look that meets a long turn costs as much as a hundred other looks save."""


class Looking:
    """Looks for as long as that is cheap.

    Where the processor is free, looking is the fastest way to learn of an answer: no thread has to
    be woken. Where other programs want it, giving it away takes as long as their turn, some
    milliseconds; a process that has used up its share by looking gets the processor back last, and
    one that sleeps is woken at once. How long giving it away takes tells which of the two it is.
    """

    def __init__(self, longest_s: float) -> None:
        """Look for at most so many seconds each time."""
        self._longest_s = longest_s
        self._skip = FIRST // 2  # doubled at first
        self._skipped = 0
        self._looks = 0

    def is_worth_it(self) -> bool:
        """Tell whether to look this time: not for a while after a look that met a long turn."""
        if self._skipped:
            self._skipped -= 1
            return False
        self._looks += 1
        return True

    def _rest(self) -> None:
        """Do not look for a while."""
        self._skip = min(2 * self._skip, MOST) if self._looks < self._skip else FIRST
        self._skipped = self._skip
        self._looks = 0

    def until(self, condition: Callable[[], object]) -> bool:
        """Return whether the condition came true while it was looked for."""
        now = time.perf_counter()
        deadline = now + self._longest_s
        while not condition():
            os.sched_yield()
            before, now = now, time.perf_counter()
            if now - before > LONG_TURN_S:
                self._rest()
                return bool(condition())
            if now > deadline:
                return False
        return True
