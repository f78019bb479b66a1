"""Marks: a moment of one namespace, to compare with or to go back to."""

from __future__ import annotations

from typing import NoReturn

from tiger.errors import InvalidRequest
from tiger.place import process
from tiger.place.process import refuse
from tiger.reading.moments import Pinned
from tiger.reading.reader import Reader


class Mark:
    """The state of a namespace when `store.mark()` was called.

    Records overwritten after it stay in memory until the mark is rolled back, released, or
    garbage-collected in the process that made it. Threads may share it; a forked child may compare
    with it until then.
    """

    def __init__(self, moment: Pinned, namespace: str) -> None:
        """Use `Store.mark` instead."""
        self._moment = moment
        self._namespace = namespace
        self._process = process.current()
        self._is_held = True

    def __repr__(self) -> str:
        return f"<Mark of namespace {self._namespace!r} at commit {self._moment.commit}>"

    def __reduce__(self) -> NoReturn:
        """Refuse to pickle: a mark belongs to the process that made it."""
        refuse(self, "pickle the store, and make a mark in the process that needs it")

    def __del__(self) -> None:
        """Release a mark that is garbage-collected."""
        self.release()

    @property
    def is_inherited(self) -> bool:
        """Whether it was made by the process that this one was forked from."""
        return self._process != process.current()

    def _commit_in(self, reader: Reader, namespace: str) -> int:
        """Return the commit; `InvalidRequest` if the mark is another's, or was released."""
        own = self._moment.reader
        if reader.instance != own.instance:
            raise InvalidRequest(
                f"this mark is one of the instance at {own.directory}, not of {reader.directory}: "
                f"use a store of that instance"
            )
        if namespace != self._namespace:
            raise InvalidRequest(
                f"this mark is one of namespace {self._namespace!r}, not of {namespace!r}: use a "
                f"store of that namespace"
            )
        if not self._is_held:
            raise InvalidRequest(
                f"{self!r} was rolled back or released already: make another with store.mark()"
            )
        self._moment.check_held()
        return self._moment.commit

    def release(self) -> None:
        """Release the mark; may be repeated.

        Raises nothing.
        """
        self._is_held = False
        self._moment.release()


def commit_of(mark: Mark, reader: Reader, namespace: str) -> int:
    """Return the result of `Mark._commit_in`; `InvalidRequest` for anything but a mark."""
    if not isinstance(mark, Mark):
        raise InvalidRequest(f"mark {mark!r:.80}: use a mark that store.mark() returned")
    return mark._commit_in(reader, namespace)
