"""Resources that belong to one process, and that a child forked from it has to close.

A forked child has copies of everything in its parent: sockets, on which it would be taken for the
parent; locks on files, which show that the parent is running; and blocks (`with store.sandbox():`),
which end in both. So each of these belongs to its process. An object with a descriptor is
registered with `leaves`, and a child closes it before any of its own code or threads run. At the
end of a block, two values of `current()` tell whether it was begun in this process.

If a program in C forks without Python's hooks, as uWSGI does, the child is recognized by its
process id when `current()` is called: at each request, each pin, each lease, and at the end of each
block.
"""

from __future__ import annotations

import contextlib
from typing import NoReturn, Protocol
from weakref import WeakSet

from tiger.system import os, threading


class OneProcess(Protocol):
    """An object that can be used in one process only."""

    def leave(self) -> None:
        """In a child, close the parent's resources, without waiting. May be repeated."""


class _Here:
    """The process as last seen, and the objects to close in a child."""

    def __init__(self) -> None:
        self.pid: int = os.getpid()
        self.forks: int = 0
        self.things: WeakSet[OneProcess] = WeakSet()
        self._turn = threading.RLock()

    def notice(self) -> None:
        """Close the parent's resources, if this is a child that still has them."""
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
    """Call `thing.leave()` in each child that is forked as long as `thing` exists."""
    current()  # else a child that was not noticed yet would close its own
    here.things.add(thing)


def current() -> int:
    """Return a number that differs between this process and its parents: it counts the forks.

    Costs 0.1 us. In a child that was forked without Python's hooks, the first call closes the
    parent's resources.
    """
    if _getpid() != here.pid:
        here.notice()
    return here.forks


def refuse(thing: object, instead: str) -> NoReturn:
    """Raise TypeError for an object that cannot be pickled, and say what to do instead."""
    raise TypeError(f"cannot pickle {thing!r}: {instead}")
