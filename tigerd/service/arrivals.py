"""Waiting for messages at the daemon's sockets, with few system calls.

Each ZeroMQ socket has a descriptor that signals that something may have come. It signals once, and
any use of the socket consumes the signal. So the socket is asked first, and then its descriptor is
waited for. Once the socket has said that there is nothing, a look at its descriptor is enough. That
takes 0.7 us, and asking 2.5. `zmq.Poller` asks each of three sockets before it waits and after:
with it, a request of a client that sleeps took some 24 calls of the kernel, and takes 10 without.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import zmq

from tiger.system import select
from tiger.wire.connection import Looking

SPIN_S = 100e-6
"""How long to look for the next command before sleeping. Without, an insert in a loop takes 59 us
instead of 38; 60 to 200 us are the same to it, and 200 took a twentieth more of the processor
during 500 tests of four workers."""

EVENTS, POLLIN = zmq.EVENTS, int(zmq.POLLIN)
"""The latter as a plain number: an enum's `&` takes as long as looking at a socket."""


class Arrivals:
    """Requests at one socket, and messages at the other sockets."""

    def __init__(self, router: zmq.Socket[Any], others: Sequence[zmq.Socket[Any]]) -> None:
        """Watch the socket that requests come to, and others."""
        self._ask = router.get
        self.is_quiet: bool = False
        """Whether the socket has said that there is nothing, and was not used since."""
        self._descriptor: int = router.FD
        self._requests, self._all = select.poll(), select.poll()
        self._requests.register(self._descriptor, select.POLLIN)
        for socket in (router, *others):
            self._all.register(socket.FD, select.POLLIN)
        self._looking = Looking(SPIN_S)

    def wait(self, longest_ms: int) -> tuple[bool, bool]:
        """Wait until something comes, or a while; tell whether there may be requests, and others.

        Then each of the others has to be emptied, because it may not signal again.
        """
        is_request = not self.is_quiet and self.has_request()
        is_other = False
        for descriptor, _ in self._all.poll(0 if is_request else longest_ms):
            if descriptor == self._descriptor:
                is_request = True
                self.is_quiet = False
            else:
                is_other = True
        return is_request, is_other

    def also(self, before: int | None, waits_for: tuple[int, int] | None) -> None:
        """Wait at one more descriptor, for events of poll, and not at the one before."""
        for poll in (self._requests, self._all):
            if before is not None:
                with suppress(KeyError):  # closed, and its number given to another one
                    poll.unregister(before)
            if waits_for is not None:
                poll.register(*waits_for)

    def is_more_coming(self) -> bool:
        """Tell whether there may be a request, now or within `SPIN_S`."""
        if self.has_request():
            return True
        if self._looking.is_worth_it() and self._looking.until(lambda: self._requests.poll(0)):
            self.is_quiet = False
        return not self.is_quiet

    def has_request(self) -> bool:
        """Tell whether there is a request now."""
        has_one = bool(cast(int, self._ask(EVENTS)) & POLLIN)
        self.is_quiet = not has_one
        return has_one
