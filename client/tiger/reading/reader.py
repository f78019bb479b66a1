"""Reading shared memory, without locks and without the daemon.

`tiger.reading.moments` decides at which commit.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tiger.errors import DaemonUnavailable
from tiger.format import layout
from tiger.format.memory import Segment
from tiger.place.instance import no_instance_error
from tiger.reading.cache import Remembered
from tiger.reading.presence import Presence
from tiger.reading.table_reader import TableReader


class Reader:
    """The control segment of an instance, and the tables read through it."""

    def __init__(self, directory: Path) -> None:
        """Attach to an instance, or raise `DaemonUnavailable` if there is none."""
        self.directory = directory
        try:
            self.control: Segment = Segment(directory / "control", layout.CONTROL)
        except FileNotFoundError:
            raise no_instance_error(directory) from None
        self.words: memoryview[int] = self.control.words
        if not self.words[layout.HEADER_STATE]:
            self.control.close()
            raise DaemonUnavailable(
                f"the instance at {directory} is being made: try again", directory=directory
            )
        self.instance: int = self.words[layout.HEADER_INSTANCE]
        self._tables: dict[int, TableReader] = {}
        self.presence: Presence = Presence(directory, self.control)
        self.look: Callable[[], None] = self.presence.look
        """Raises `InstanceError` if the instance is not there any more, after at most a second."""
        self.check_instance: Callable[[], None] = self.presence.check
        self.check_open: Callable[[], None] = self.presence.check_open
        self.remembered: Remembered = Remembered(self.presence)
        """The records that this reader remembers, of all tables and namespaces."""

    def close(self) -> None:
        """Close the tables; reads raise `InvalidRequest` from now on.

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
        """Unmap the segments that the daemon has unlinked."""
        for table in list(self._tables.values()):
            table.let_go()

    @property
    def commit(self) -> int:
        """The commit number."""
        return self.words[layout.COMMIT]
