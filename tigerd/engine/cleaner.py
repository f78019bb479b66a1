"""Removing versions that no reader can see any more, in small steps between requests.

A version that a request ends goes into a queue here, and before that into the ring of ended
versions in shared memory. From the ring the next daemon learns which ends to take back, and which
versions are left to be taken away. The cleaner has a turn when the daemon is idle, and after every
32 records written. It moves the horizon to the commit number, or as far as the pins of readers
allow, and unlinks the versions that ended at or before it. It removes chunks with nothing left; and
in a table that is more than half garbage it empties the emptiest chunk, by copying the versions in
it that are still needed.

The work of a turn depends on how much was written, not on how much is waiting. So a write after a
large clear does not wait until all of it is removed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from tiger.errors import TigerError
from tiger.format import layout, memory
from tiger.format.layout import END, TAKEN
from tigerd.engine import holders, retiring, walks
from tigerd.engine.history import History
from tigerd.engine.index import STEP
from tigerd.engine.plan import Target
from tigerd.engine.segments import WritableSegment
from tigerd.engine.space import Spare
from tigerd.engine.table import WritableTable

STEPS = 128
"""Records removed or copied in a turn; some 5 microseconds each."""
STEPS_A_RECORD = 4
"""Steps owed for a record that is written. It ends one version at most; and where a chunk of a
table that is half garbage is emptied, as many versions are taken away as are copied."""
OWED_MAX = 1 << 16
"""Steps that may be put off. Once writers have caused more, the next request waits until those
beyond are done."""
MOST_STEPS = 1 << 16
"""Steps while a writer waits for room: a third of a second."""


class Ended(NamedTuple):
    """A version of a record, or of a namespace with its records, to remove once nobody sees it."""

    end: int
    table: WritableTable
    ref: int
    ring_done: int
    """How many entries of the ring are done with once it is gone."""


class Emptied(NamedTuple):
    """A chunk whose needed versions were all copied, which goes when no reader is in it any more.

    A reader that is in an original when its chunk goes reads again.
    """

    end: int
    """The commit at which the last one was copied."""
    table: WritableTable
    chunk: int


class Cleaner:
    """The queue of ended versions and emptied chunks, and how far readers let them go."""

    def __init__(
        self,
        control: WritableSegment,
        directory: Path,
        tables: dict[int, WritableTable],
        history: History,
    ) -> None:
        """Begin with nothing to do."""
        self._tables = tables
        self._history = history
        self._control = control
        self._directory = directory
        self._queue: deque[Ended | Emptied] = deque()
        """By their ends."""
        self._ring_done = 0
        """Entries of the ring that are done with."""
        self.has_more = False
        """Whether the last turn left something that may go now."""
        self._steps_owed = 0
        self._steps_taken = 0
        self._records_written = 0
        """Since the last turn."""
        self._work: Iterator[None] | None = None
        """The work in progress, which yields after each step."""
        self._spare = Spare(directory)
        self._spare.keep()
        self._copied: set[tuple[int, int]] = set()
        self._no_room_at = -1
        self._touched: dict[int, None] = {}
        """Numbers of the tables that were written to since they were looked at."""

    def requeue(self) -> int:
        """Queue the ended versions that were not removed; return how many are known by now.

        Where the ring does not have all of them any more, the lists are searched, in small steps.
        """
        words = self._control.words
        commit, count, done = (words[at] for at in (layout.COMMIT, layout.ENDED, layout.CLEANED))
        self._touched |= dict.fromkeys(self._tables)
        if count - done >= layout.ENDED_MAX:  # a kill may come after an entry and before its count
            self._work = self._search(commit, count)
            return 0
        for entry in range(done, count):
            table, ref = named_by(self._tables, words[layout.ended_at(entry)])
            end = table.lists.word(ref, END) if table is not None else 0
            if table is not None and TAKEN < end <= commit:
                self._queue.append(Ended(end, table, ref, entry + 1))
        return len(self._queue)

    def _search(self, commit: int, count: int) -> Iterator[None]:
        """Find the versions that had ended by a commit, when the ring had `count` entries."""
        found: list[Ended] = []
        for table in self._tables.values():
            for version in walks.listed(table):
                if TAKEN < (end := version.end) <= commit:
                    found.append(Ended(end, table, version.ref, 0))
                yield
        found.sort(key=lambda ended: ended.end)
        if found:
            found[-1] = found[-1]._replace(ring_done=count)
        else:
            self._control.store(layout.CLEANED, count)
        self._queue.extendleft(reversed(found))

    def note_end(self, commit: int, table: WritableTable, ref: int) -> None:
        """Note a version of a record, or of a namespace with its records, whose end is stored next.

        The next daemon takes that end back if the commit never comes.
        """
        entry = self._control.words[layout.ENDED]
        self._control.store(layout.ended_at(entry), table.number << 48 | ref)
        self._control.store(layout.ENDED, entry + 1 & layout.WORD_MAX)
        self._queue.append(Ended(commit, table, ref, entry + 1))

    def note_writes(self, targets: Collection[Target]) -> None:
        """Note which records a command wrote, and which namespaces it cleared or forked."""
        self._steps_owed += STEPS_A_RECORD * len(targets)
        self._records_written += len(targets)
        for table, _, _ in targets:
            self._touched[table] = None

    @property
    def is_waiting(self) -> bool:
        """Whether something is to be removed, now or when a reader releases it."""
        return bool(self._queue) or self._work is not None

    def is_due(self) -> bool:
        """Tell whether a turn should be made though requests are waiting."""
        return self._steps_owed >= STEPS

    def turn(self) -> bool:
        """Take as many steps as it is time for; return whether there is more to do now."""
        steps = max(STEPS, self._steps_owed - OWED_MAX)
        self._steps_owed = max(0, self._steps_owed - steps)
        return self.take_steps(steps)

    def take_steps(self, steps: int) -> bool:
        """Move the horizon and take some steps; return whether there is more to do now."""
        commit = self._control.words[layout.COMMIT]
        horizon = self._move_horizon(commit) if self._queue or self._history else commit
        # Twice as many as came: else a history that grew under load would never get shorter.
        is_all = self._history.forget(horizon, steps + 2 * self._records_written)
        self._records_written = 0
        for number in self._touched:
            self._tables[number].space.settle()
        is_done = self._work_off(horizon, steps)
        if self._control.words[layout.CLEANED] < self._ring_done:
            self._control.store(layout.CLEANED, self._ring_done)
        self.has_more = not (is_done and is_all)
        return self.has_more

    def _work_off(self, horizon: int, steps: int) -> bool:
        """Take some steps; return whether nothing is left to do."""
        for _ in range(steps):
            if self._work is None:
                self._work = self._next_work(horizon)
                if self._work is None:
                    self._steps_owed = 0
                    self._spare.keep()
                    return True
            self._steps_taken += 1
            if not _take_step(self._work):
                self._work = None
        return False

    def catch_up(self) -> bool:
        """Take away all that may go now, up to `MOST_STEPS`; return whether there was anything."""
        before = self._steps_taken
        for _ in range(MOST_STEPS // STEPS):
            if not self.take_steps(STEPS):
                break
        return self._steps_taken > before

    def _move_horizon(self, commit: int) -> int:
        held = holders.least_pin(self._directory)
        horizon = commit if held is None else min(commit, held)
        if horizon > self._control.words[layout.HORIZON]:
            self._control.store(layout.HORIZON, horizon)
            memory.fence()
        return horizon

    def _next_work(self, horizon: int) -> Iterator[None] | None:
        """Begin with the first entry of the queue, or with a table that was written to."""
        if self._queue and self._queue[0].end <= horizon:
            first = self._queue.popleft()
            self._touched[first.table.number] = None
            if isinstance(first, Ended):
                return self._retire(first)
            first.table.space.recount(first.chunk)
        while self._touched:
            number, _ = self._touched.popitem()
            table = self._tables[number]
            chunk = self._emptiest(table)
            if chunk:
                self._touched[number] = None
                return self._empty(table, chunk)
            if table.index.previous is not None:
                return self._move_index(table)
            self._tell(table)
        return None

    @staticmethod
    def _move_index(table: WritableTable) -> Iterator[None]:
        """Finish the growth of an index: until then a read may have to look in two."""
        while table.index.previous is not None:
            table.index.move(STEP)
            yield

    @staticmethod
    def _tell(table: WritableTable) -> None:
        at = layout.entry_at(table.number, layout.TABLE_NEEDED)
        table.control.store(at, sum(table.space.needed.values()))

    def _retire(self, ended: Ended) -> Iterator[None]:
        table, ref = ended.table, ended.ref
        steps = retiring.retire(table, ref)
        has_more = True
        while has_more:
            self._control.store(layout.RETIRING, table.number << 48 | ref)
            has_more = _take_step(steps)
            self._control.store(layout.RETIRING, 0)
            for number in table.space.take_unneeded():
                table.space.drop_if_unneeded(number)
            yield
        self._ring_done = max(self._ring_done, ended.ring_done)

    def _emptiest(self, table: WritableTable) -> int:
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

    def _empty(self, table: WritableTable, number: int) -> Iterator[None]:
        """Copy the needed versions out of a chunk, as far as there is room."""
        self._copied.add((table.number, number))
        for version in walks.versions_in(table, number):
            commit = self._control.words[layout.COMMIT]
            try:
                retiring.relocate(table, version, self._spare)
            except TigerError:
                self._no_room_at = commit
                self._copied.discard((table.number, number))
                break
            yield
        commit = self._control.words[layout.COMMIT]
        self._queue.append(Emptied(commit, table, number))


def _take_step(work: Iterator[None]) -> bool:
    """Take one step; return whether it was not the end."""
    for _ in work:
        return True
    return False


def named_by(tables: dict[int, WritableTable], entry: int) -> tuple[WritableTable | None, int]:
    """Return table and ref of the version that an entry names; no table if it is gone."""
    table, ref = tables.get(entry >> 48), entry & layout.REF_MASK
    if table is None or ref >> layout.REF_OFFSET_BITS not in table.space.chunks:
        return None, ref
    return table, ref
