"""A limit on the memory of messages that were begun and not finished.

ZeroMQ makes room for a message when its head has come, and waits for the rest as long as its sender
is connected. It does not say how much it holds, so the process's own memory is looked at.
"""

from __future__ import annotations

from tiger.system import os, time

HELD_MAX = 256 << 20
"""Bytes by which the daemon's memory may have grown, and for how long it may be more: a message of
the largest size that is allowed takes a fraction of a second."""
HELD_S = 2.0


class Unfinished:
    """Tells when it is too much."""

    def __init__(self) -> None:
        """Count from here."""
        self._level = private_bytes() or 0
        self._since: float | None = None
        """When it was found to be more than it may be."""

    def is_too_much(self, known: int) -> bool:
        """Look; tell whether it is time to end the connections. From then on it counts anew.

        `known` are the bytes of whole messages, which will be served.
        """
        private = private_bytes()
        if private is None:
            return False
        held = private - known
        self._level = min(self._level, held)
        if held - self._level <= HELD_MAX:
            self._since = None
            return False
        now = time.monotonic()
        if self._since is None:
            self._since = now
        if now - self._since < HELD_S:
            return False
        self._level, self._since = held, None  # what is freed lowers it again
        return True


def private_bytes() -> int | None:
    """Return the memory of this process without its mapped files; None if it is not known."""
    try:
        with open("/proc/self/statm", encoding="ascii") as said:
            _, resident, shared, *_ = said.read().split()
    except (OSError, ValueError):  # not Linux; or no descriptor is free just now
        return None
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
