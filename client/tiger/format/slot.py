"""A client's slot in the control segment, where the daemon stores the answer to its last request.

An answer is stored before the commit it belongs to, so it counts once that commit is visible. A
daemon that starts takes an answer back that was not committed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tiger.format import layout, memory
from tiger.format.speedups import compiled
from tiger.system import is_gevent_there, time

NO_SLOT = -1
"""The number of a client that has none."""

NEARLY_S = 50e-6
"""How long to wait where the answer is stored, and its commit is the daemon's next store."""

sleep_on: Any = (
    None if is_gevent_there() else compiled("tiger.format.compiled", "sleep_on", otherwise=None)
)
wake: Any = compiled("tiger.format.compiled", "wake", otherwise=None)
"""What puts a client to sleep on a word of shared memory, and what the daemon wakes it with: a
futex. Without it, and where all greenlets would sleep, a client that does not look for its answer
asks for a message."""


class Slot:
    """The slot that a client has, or had: the daemon may have given it to another since."""

    def __init__(self, words: memoryview[int], client: int, number: int) -> None:
        """Look at a slot of the control segment's words; nothing is read yet."""
        self.number = number
        self._words = words
        self._client = client
        self._at = layout.client_at(number, 0)
        self._word = 0
        """The last answer that was found."""

    def look(self, request: int) -> Callable[[], bool]:
        """Return what looks whether a request is answered, fast while it is not."""
        words = self._words
        at = self._at + layout.CLIENT_ANSWER
        bits = layout.CLIENT_STATUS_BITS
        return lambda: words[at] >> bits == request and self.is_answered(request)

    @property
    def wakes(self) -> bool:
        """Whether one may sleep on this slot: the daemon wakes who does."""
        return sleep_on is not None and bool(self._words[layout.WAKES])

    def sleep(self, request: int, deadline: float) -> bool:
        """Sleep until a request is answered, or until a deadline; tell whether it is.

        The daemon stores the answer, then the commit, and wakes the client then. So whoever finds
        the word as it was before, and sleeps while it is, misses nothing.
        """
        at = self._at + layout.CLIENT_ANSWER
        while not self.is_answered(request):
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not self.wakes:
                return False
            word = self._words[at]
            if word >> layout.CLIENT_STATUS_BITS == request:
                time.sleep(NEARLY_S)
            else:
                sleep_on(self._words, at, word, left_s)
        return True

    def is_answered(self, request: int) -> bool:
        """Tell whether there is the answer to a request, and what it says is visible."""
        words = self._words
        at = self._at
        word = words[at + layout.CLIENT_ANSWER]
        if word >> layout.CLIENT_STATUS_BITS != request:
            return False
        memory.fence()
        if words[layout.COMMIT] < words[at + layout.CLIENT_COMMIT]:
            return False
        memory.fence()
        # A daemon that starts takes an answer back that was not committed, and its commit then; and
        # an answer is this client's only while the slot is.
        client = words[at + layout.CLIENT_ID]
        self._word = word
        return words[at + layout.CLIENT_ANSWER] == word and client == self._client

    @property
    def status(self) -> int:
        """The status of the answer that was found; the slot may be another client's by now."""
        return self._word & (1 << layout.CLIENT_STATUS_BITS) - 1

    def ref_written(self) -> int:
        """Return the ref of what the request wrote, or 0 if the slot is not this client's now."""
        ref = self._words[self._at + layout.CLIENT_REF]
        memory.fence()
        client = self._words[self._at + layout.CLIENT_ID]
        return ref & layout.REF_MASK if client == self._client else 0
