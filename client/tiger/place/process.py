"""Things that belong to one process, and that a child forked from it has to let go.

A forked child has a copy of all that its parent has: sockets on which it would be taken for the
parent, locks on files that say that the parent is there, and blocks (`with store.sandbox():`) that
end in both. So each of these is its process's: what holds a descriptor is listed with `leaves`, and
a child lets go of it before any code or thread of its own runs; what ends a block asks first
whether it was begun in this process, by comparing two values of `current()`.

A program in C that forks without Python's hooks, as uWSGI does, is noticed by its process id, when
`current()` is called: at each request, each pin, each lease, and at the end of each block.
"""

from __future__ import annotations

import contextlib
from typing import NoReturn, Protocol
from weakref import WeakSet

from tiger.system import os, threading


class OneProcess(Protocol):
    """A thing that is of use in one process only."""

    def leave(self) -> None:
        """Let go, in a child, of the parent's resources; without waiting. May be repeated."""


class _Here:
    """The process as it was last seen, and the things to let go in a child."""

    def __init__(self) -> None:
        self.pid: int = os.getpid()
        self.forks: int = 0
        self.things: WeakSet[OneProcess] = WeakSet()
        self._turn = threading.RLock()

    def notice(self) -> None:
        """Let go of the parent's things, if this is a child that still has them."""
        with self._turn:
            if os.getpid() != self.pid:
                self.begin()

    def begin(self) -> None:
        self.forks += 1
        for thing in list(self.things):
            with contextlib.suppress(Exception):  # one that fails does not keep the others
                thing.leave()
        self.pid = os.getpid()

    def after_fork(self) -> None:
        self._turn = threading.RLock()  # a thread that is not here may have had the other
        self.begin()


here: _Here = _Here()
_getpid = os.getpid
os.register_at_fork(after_in_child=here.after_fork)


def leaves(thing: OneProcess) -> None:
    """Have `thing.leave()` called in each child that is forked while it is there."""
    current()  # else a child that was not noticed yet would let go of its own
    here.things.add(thing)


def current() -> int:
    """Return what tells this process from those that it was forked from: it counts the forks.

    Costs 0.1 us. In a child that was forked without Python's hooks, the first call lets go of what
    is the parent's.
    """
    if _getpid() != here.pid:
        here.notice()
    return here.forks


def refuse(thing: object, instead: str) -> NoReturn:
    """Raise TypeError for a thing that cannot be pickled, and say what to do instead."""
    raise TypeError(f"cannot pickle {thing!r}: {instead}")
