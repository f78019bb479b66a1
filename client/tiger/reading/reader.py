"""Reading shared memory, without locks and without the daemon.

Everything is read *at* a commit number S: a version is seen if it began at or before S and had
not ended by then. Versions are immutable and a ref never names another one, so a reader needs no
more than that; what could go wrong is only that something it needs has been taken away already.
The daemon announces that before it does it, in `HORIZON`: what it takes away had ended at or
before the horizon. So a reader at S >= HORIZON, after it has read, has seen all there was at S.
A reader that keeps losing this race, and a snapshot, holds its S with a pin (tiger.place.pins),
which the horizon does not pass.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from tiger.errors import DaemonUnavailable, Damaged, InvalidRequest
from tiger.format import layout, memory
from tiger.format.memory import Segment, Vanished
from tiger.place.instance import not_there
from tiger.place.pins import Pin
from tiger.reading.presence import Presence
from tiger.reading.remembered import Remembered
from tiger.reading.table_reader import TableReader
from tiger.system import os

Result = TypeVar("Result")

ATTEMPTS = 3
"""Reads without a pin before one is taken. Under a writer at full speed the horizon moves every
32 commits, about a millisecond; a page of 10 is read in a twentieth of that."""

PINNED_ATTEMPTS = 10
"""A pinned read fails only on damage, while an index changes its generation, or when a chunk whose
versions were copied elsewhere is taken away under it."""


class Moment(Protocol):
    """What decides at which commit a read reads."""

    def read(self, read: Callable[[int], Result]) -> Result:
        """Call `read` with a commit number and return a result that is right at that commit."""

    def pin(self) -> PinnedMoment:
        """Hold the moment for as long as the context lasts."""


class Reader:
    """The control segment of an instance, and the tables read through it."""

    def __init__(self, directory: Path) -> None:
        """Attach to an instance, or raise `DaemonUnavailable` where there is none."""
        self.directory = directory
        try:
            self.control: Segment = Segment(directory / "control", layout.CONTROL)
        except FileNotFoundError:
            raise not_there(directory) from None
        self.words: memoryview[int] = self.control.words
        if not self.words[layout.HEADER_STATE]:
            self.control.close()
            raise DaemonUnavailable(f"the instance at {directory} is being made: try again")
        self.instance: int = self.words[layout.HEADER_INSTANCE]
        self._tables: dict[int, TableReader] = {}
        self.presence: Presence = Presence(directory, self.control)
        self.look: Callable[[], None] = self.presence.look
        """Raises `InstanceError` if the instance is not there any more, after at most a second."""
        self.check_instance: Callable[[], None] = self.presence.check
        self.check_open: Callable[[], None] = self.presence.check_open
        self.remembered: Remembered = Remembered(self.presence)
        """What the tables of this reader, in whatever namespace, keep of what they read."""

    def close(self) -> None:
        """Let go of the tables; reads raise `InvalidRequest` from now on.

        The control segment stays mapped: a write of another thread may be waiting for its answer.
        """
        self.presence.close()
        self.remembered.forget()
        for table in list(self._tables.values()):
            table.close()

    def table(self, number: int, name: str) -> TableReader:
        """Return the reader of a table, the same for every caller."""
        found = self._tables.get(number)
        if found is None:
            folder = self.directory / "tables" / name
            found = self._tables.setdefault(number, TableReader(self.words, number, folder))
        return found

    def let_go(self) -> None:
        """Unmap what the daemon has unlinked."""
        for table in list(self._tables.values()):
            table.let_go()

    @property
    def commit(self) -> int:
        """The commit number."""
        return self.words[layout.COMMIT]

    def read(self, read: Callable[[int], Result]) -> Result:
        """Return what `read` returns for the latest commit, once it is sure to be right."""
        self.look()
        for _ in range(ATTEMPTS):
            commit = self.words[layout.COMMIT]
            memory.fence()
            try:
                result = read(commit)
            except Vanished:
                continue
            except ValueError:
                self.check_open()  # of what is unmapped no load is made
                raise
            memory.fence()
            if self.words[layout.HORIZON] <= commit:
                return result
        with self.pin() as moment:
            return moment.read(read)

    def pin(self) -> PinnedMoment:
        """Hold the latest commit for as long as the context lasts."""
        self.check_instance()
        return PinnedMoment(self)


class PinnedMoment:
    """One commit number, kept readable."""

    def __init__(self, reader: Reader, commit: int | None = None) -> None:
        """Pin the reader's latest commit, or one that is held by another pin already."""
        words = reader.words
        self._reader = reader
        self._pin = Pin(reader.directory, words[layout.COMMIT] if commit is None else commit)
        # Loaded after the pin is there: the daemon either saw the pin, or fixed its horizon
        # at a commit that was before this load.
        memory.fence()
        self.commit: int = words[layout.COMMIT] if commit is None else commit
        memory.fence()

    def pin(self) -> PinnedMoment:
        """Hold the same commit by a pin of its own."""
        moment = PinnedMoment(self._reader, self.commit)
        try:
            moment.check_held()
        except InvalidRequest:
            moment.release()
            raise
        return moment

    def __enter__(self) -> PinnedMoment:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Let the commit go."""
        self._pin.release()

    def read(self, read: Callable[[int], Result]) -> Result:
        """Return what `read` returns at the pinned commit."""
        self._reader.look()
        self._pin.check()
        for attempt in range(PINNED_ATTEMPTS):
            try:
                result = read(self.commit)
            except ValueError:
                self._reader.check_open()
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
        """Raise `InvalidRequest` if what was read until now may not have been all.

        No pin of this moment may be left though this one was not released: the process that this
        one was forked from ends what it began, and a page outlives the snapshot that gave it.
        """
        memory.fence()
        if self._reader.words[layout.HORIZON] > self.commit:
            raise InvalidRequest(
                f"commit {self.commit} is not held any more: the snapshot or mark has ended, here "
                f"or in the process that forked this one; take another in this process"
            )
