"""Taking away what no reader can see any more, in small steps between commands.

What a command ended goes into a queue. In turns, when the daemon is idle and after every 32 records
written, the horizon is moved: to the commit number, or as far as the pins of readers allow. Then
what ended at or before it is unlinked; chunks with nothing left are removed; and in a table that is
more than half garbage the emptiest chunk is emptied by copying what is still needed in it.

How much a turn takes goes by what was written, not by what is waiting: whoever writes after a large
clear does not wait for it to be taken away.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

from tiger import layout, memory, pins
from tiger.errors import TigerError
from tiger.memory import WritableSegment
from tigerd import retiring
from tigerd.history import History
from tigerd.index import STEP
from tigerd.space import Spare
from tigerd.table import Table

STEPS = 128
"""Records taken away or copied in a turn; some 5 microseconds each."""
STEPS_A_RECORD = 4
"""Steps owed for a record that is written: it ends one at most, and of a chunk that is emptied, in
a table that is half garbage, as much is taken away as is copied."""
OWED_MAX = 1 << 16
"""Steps put off until after other commands: beyond that, who writes much is waited for."""
MOST_STEPS = 1 << 16
"""Steps while a writer waits for room: a third of a second."""


class Cleaner:
    """What has ended, what is being taken away, and how far readers allow it."""

    def __init__(self, control: WritableSegment, directory: Path, history: History) -> None:
        """Begin with nothing to do."""
        self._history = history
        self._control = control
        self._directory = directory
        self._ended: deque[tuple[int, Table, int, int]] = deque()
        self._owed = 0
        self._taken = 0
        self._work: Iterator[None] | None = None
        self._spare = Spare(directory)
        self._spare.keep()
        self._copied: set[tuple[int, int]] = set()
        self._no_room_at = -1
        self._touched: dict[int, Table] = {}

    def ended(self, commit: int, table: Table, ref: int) -> None:
        """Note a version of a record, or of a namespace with its records, that ended."""
        self._ended.append((commit, table, ref, 0))

    def wrote(self, count: int) -> None:
        """Note how many records a command wrote, and namespaces it cleared."""
        self._owed += STEPS_A_RECORD * count

    def touched(self, table: Table) -> None:
        """Note a table that was written to."""
        self._touched[table.number] = table

    @property
    def is_waiting(self) -> bool:
        """Whether something is to be taken away, now or when a reader lets go of it."""
        return bool(self._ended) or self._work is not None

    def is_due(self) -> bool:
        """Tell whether a turn should be made though commands are waiting."""
        return self._owed >= STEPS

    def turn(self) -> bool:
        """Take as many steps as it is time for; return whether there is more to do now."""
        steps = max(STEPS, self._owed - OWED_MAX)
        self._owed = max(0, self._owed - steps)
        return self.take(steps)

    def take(self, steps: int) -> bool:
        """Move the horizon and take so many steps; return whether there is more to do now."""
        commit = self._control.words[layout.COMMIT]
        horizon = self._move_horizon(commit) if self._ended or self._history else commit
        is_all = self._history.forget(horizon, steps)
        for _ in range(steps):
            if self._work is None:
                self._work = self._next_work(horizon)
                if self._work is None:
                    self._owed = 0
                    self._spare.keep()
                    return not is_all
            self._taken += 1
            if next(self._work, self) is self:
                self._work = None
        return True

    def catch_up(self) -> bool:
        """Take away all that may go now, up to `MOST_STEPS`; return whether there was anything."""
        before = self._taken
        for _ in range(MOST_STEPS // STEPS):
            if not self.take(STEPS):
                break
        return self._taken > before

    def _move_horizon(self, commit: int) -> int:
        held = pins.least(self._directory)
        horizon = commit if held is None else min(commit, held)
        if horizon > self._control.words[layout.HORIZON]:
            self._control.store(layout.HORIZON, horizon)
            memory.fence()
        return horizon

    def _next_work(self, horizon: int) -> Iterator[None] | None:
        if self._ended and self._ended[0][0] <= horizon:
            _, table, ref, size = self._ended.popleft()
            self._touched[table.number] = table
            return self._retire(table, ref, size)
        while self._touched:
            table = self._touched.popitem()[1]
            number = self._emptiest(table)
            if number:
                self._touched[table.number] = table
                return self._copy_from(table, number)
            if table.index.previous is not None:
                return self._move_index(table)
            self._tell(table)
        return None

    @staticmethod
    def _move_index(table: Table) -> Iterator[None]:
        """Finish the growing of an index: while it lasts, reads look into two."""
        while table.index.previous is not None:
            table.index.move(STEP)
            yield

    @staticmethod
    def _tell(table: Table) -> None:
        at = layout.entry_at(table.number, layout.TABLE_NEEDED)
        table.control.store(at, sum(table.space.needed.values()))

    def _retire(self, table: Table, ref: int, size: int) -> Iterator[None]:
        if size:  # the original of a copy
            table.space.release(ref, size)
        elif (version := table.reader.version(ref)).scope == layout.NAMESPACES:
            yield from retiring.retire_namespace(table, version)
        else:
            retiring.retire_record(table, version)
        yield

    def _emptiest(self, table: Table) -> int:
        """Return the chunk to empty, or 0 while the table is less than half garbage."""
        if self._no_room_at == self._control.words[layout.COMMIT]:
            return 0
        space = table.space
        needed = sum(space.needed.values())
        garbage = space.size - space.room() - needed
        if garbage <= max(needed, layout.CHUNK_MIN):
            return 0
        self._copied = {
            (owner, number)
            for owner, number in self._copied
            if owner != table.number or number in space.chunks
        }
        candidates = [
            number
            for number in space.chunks
            if number != space.active
            and space.needed[number]
            and (table.number, number) not in self._copied
        ]
        return min(candidates, key=lambda n: space.needed[n] / len(space.chunks[n].map), default=0)

    def _copy_from(self, table: Table, number: int) -> Iterator[None]:
        """Copy what is needed out of a chunk; it is unlinked when no reader is in it any more."""
        self._copied.add((table.number, number))
        for version in table.versions_in(number):
            commit = self._control.words[layout.COMMIT]
            try:
                copied = retiring.relocate(table, version, self._spare)
            except TigerError:
                self._no_room_at = commit
                self._copied.discard((table.number, number))
                return
            if copied:
                # A reader that is in the original's chunk when that goes reads again.
                self._ended.append((commit, table, version.ref, table.size_of(version)))
            yield
