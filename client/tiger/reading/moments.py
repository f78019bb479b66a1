"""The two moments at which a read may read: the latest commit, or one that a pin holds.

Everything is read *at* a commit number S: a version is visible if it began at or before S and had
not ended by then. Versions are immutable and a ref never names another one. So only one thing can
go wrong: a version that the reader needs has been removed already. The daemon announces removals in
`HORIZON`: every removed version had ended at or before the horizon. So if S >= HORIZON after a
read, the reader has seen everything that existed at S. A reader that keeps losing this race, and a
snapshot, holds its S with a pin (tiger.place.pins), which the horizon does not pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from tiger.errors import Damaged, InvalidRequest
from tiger.format import layout, memory
from tiger.format.memory import Vanished
from tiger.place.pins import Pin
from tiger.reading.reader import Reader
from tiger.system import os

Result = TypeVar("Result")

ATTEMPTS = 3
"""Reads without a pin before one is taken. Under a writer at full speed the horizon moves every
32 commits, about a millisecond; a page of 10 is read in a twentieth of that."""

PINNED_ATTEMPTS = 10
"""A pinned read fails only on damage, while an index changes its generation, or when a chunk whose
versions were copied elsewhere is taken away under it."""


class Moment(Protocol):
    """Decides at which commit a read reads."""

    reader: Reader
    """Of the instance."""
    is_latest: bool
    """Whether a version that is read here is the newest: only then it may be remembered."""

    def read(self, read: Callable[[int], Result]) -> Result:
        """Call `read` with a commit number and return a result that is right at that commit."""

    def pin(self) -> Pinned:
        """Hold the moment for as long as the context lasts."""


class Latest:
    """The commit that is the latest one when a read begins."""

    is_latest = True

    def __init__(self, reader: Reader) -> None:
        """Read through a reader."""
        self.reader: Reader = reader

    def read(self, read: Callable[[int], Result]) -> Result:
        """Return what `read` returns for the latest commit, once it is sure to be right."""
        reader = self.reader
        reader.look()
        for _ in range(ATTEMPTS):
            commit = reader.words[layout.COMMIT]
            memory.fence()
            try:
                result = read(commit)
            except Vanished:
                continue
            except ValueError:
                reader.check_open()  # unmapped memory cannot be loaded
                raise
            memory.fence()
            if reader.words[layout.HORIZON] <= commit:
                return result
        with self.pin() as moment:
            return moment.read(read)

    def pin(self) -> Pinned:
        """Hold the latest commit for as long as the context lasts."""
        self.reader.check_instance()
        return Pinned(self.reader)


class Pinned:
    """One commit number, kept readable."""

    is_latest = False

    def __init__(self, reader: Reader, commit: int | None = None) -> None:
        """Pin the reader's latest commit, or one that is held by another pin already."""
        words = reader.words
        self.reader: Reader = reader
        self._pin = Pin(reader.directory, words[layout.COMMIT] if commit is None else commit)
        # Loaded after the pin is there: the daemon either saw the pin, or fixed its horizon
        # at a commit that was before this load.
        memory.fence()
        self.commit: int = words[layout.COMMIT] if commit is None else commit
        memory.fence()

    def pin(self) -> Pinned:
        """Hold the same commit by a pin of its own."""
        moment = Pinned(self.reader, self.commit)
        try:
            moment.check_held()
        except InvalidRequest:
            moment.release()
            raise
        return moment

    def __enter__(self) -> Pinned:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Release the commit."""
        self._pin.release()

    def read(self, read: Callable[[int], Result]) -> Result:
        """Return what `read` returns at the pinned commit."""
        self.reader.look()
        self._pin.check()
        for attempt in range(PINNED_ATTEMPTS):
            try:
                result = read(self.commit)
            except ValueError:
                self.reader.check_open()
                raise
            except Vanished as error:
                self.check_held()
                if attempt == PINNED_ATTEMPTS - 1:
                    raise Damaged(f"{error}; run `tigerd check`") from None
                os.sched_yield()
            else:
                self.check_held()
                return result
        raise AssertionError

    def check_held(self) -> None:
        """Raise `InvalidRequest` if the reads until now may have missed something.

        The pin may be gone although this moment was not released here: the parent of a forked
        process ends its blocks, and a page outlives its snapshot.
        """
        memory.fence()
        if self.reader.words[layout.HORIZON] > self.commit:
            raise InvalidRequest(
                f"commit {self.commit} is not held any more: the snapshot or mark has ended, here "
                f"or in the process that forked this one; take another in this process"
            )
