"""Large requests wait until no small ones do.

A request of tens of megabytes takes a second or more, and a dozen of them may come at once. A
client has one request under way at a time, so this order makes no difference to any client.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from tiger.system import time

LARGE = 1 << 20
"""Bytes of a request that waits for the small ones."""

HELD_MAX = 512 << 20
"""The most bytes of requests that wait here; ZeroMQ keeps later ones, large and small."""

BETWEEN_S = 0.05
"""How long the others have their turn between two large requests, if they take it."""


class Message(NamedTuple):
    """A request, the connection that it came from, and the process that has that."""

    peer: bytes
    process: str
    frame: bytes


class Large:
    """The large requests that came, first come, first served."""

    def __init__(self) -> None:
        """Begin with none."""
        self._waiting: deque[Message] = deque()
        self.held = 0
        """Bytes of those that wait."""
        self._due_at = 0.0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether one has to be served before more is taken in."""
        return self.held > HELD_MAX

    def is_due(self, others_come: bool) -> bool:
        """Tell whether to serve one now, whether or not other requests come."""
        if not self._waiting:
            return False
        return not others_come or self.is_full or time.monotonic() >= self._due_at

    def let_others(self) -> None:
        """Leave the next turn to the others."""
        self._due_at = time.monotonic() + BETWEEN_S

    def put(self, message: Message) -> None:
        """Have a request wait."""
        self._waiting.append(message)
        self.held += len(message.frame)

    def take(self) -> Message:
        """Return the one that waits longest."""
        message = self._waiting.popleft()
        self.held -= len(message.frame)
        return message
