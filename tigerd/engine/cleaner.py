"""Taking away what no reader can see any more, in small steps between commands.

What a command ends goes into a queue, and before that is stored into a ring in shared memory: so
the next daemon knows what to take back, and what is left to be taken away. In turns, when the
daemon is idle and after every 32 records written, the horizon is moved: to the commit number, or as
far as the pins of readers allow. Then what ended at or before it is unlinked; chunks with nothing
left are removed; and in a table that is more than half garbage the emptiest chunk is emptied by
copying what is still needed in it.

How much a turn takes away depends on how much was written, not on how much is waiting: so a write
after a large clear does not wait until all of that is taken away.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from pathlib import Path

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
"""Records taken away or copied in a turn; some 5 microseconds each."""
STEPS_A_RECORD = 4
"""Steps owed for a record that is written: it ends one at most, and of a chunk that is emptied, in
a table that is half garbage, as much is taken away as is copied."""
OWED_MAX = 1 << 16
"""Steps that may be put off until after other commands. Where a writer has caused more than that,
its next request waits until they are done."""
MOST_STEPS = 1 << 16
"""Steps while a writer waits for room: a third of a second."""


class Cleaner:
    """What has ended, what is being taken away, and how far readers allow it."""

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
        self._ended: deque[tuple[int, WritableTable, int, int]] = deque()
        """When, where and what; and how many entries of the ring are done with when it is gone. A
        ref without an offset is a chunk that everything was copied out of."""
        self._cleaned = 0
        self.has_more = False
        """Whether the last turn left something that may go now."""
        self._owed = 0
        self._written = 0
        self._taken = 0
        self._work: Iterator[None] | None = None
        self._spare = Spare(directory)
        self._spare.keep()
        self._copied: set[tuple[int, int]] = set()
        self._no_room_at = -1
        self._touched: dict[int, None] = {}
        """Numbers of the tables that were written to since they were looked at."""

    def take_over(self) -> int:
        """Queue what had ended and was not taken away; return how much of it is known by now.

        Where the ring has not all of it any more, the lists are searched, in small steps too.
        """
        words = self._control.words
        commit, count, cleaned = (words[at] for at in (layout.COMMIT, layout.ENDED, layout.CLEANED))
        self._touched |= dict.fromkeys(self._tables)
        if count - cleaned >= layout.ENDED_MAX:  # a kill may be amid an entry that is not counted
            self._work = self._search(commit, count)
            return 0
        for entry in range(cleaned, count):
            table, ref = named_by(self._tables, words[layout.ended_at(entry)])
            end = table.lists.word(ref, END) if table is not None else 0
            if table is not None and TAKEN < end <= commit:
                self._ended.append((end, table, ref, entry + 1))
        return len(self._ended)

    def _search(self, commit: int, count: int) -> Iterator[None]:
        """Find in the lists what had ended up to a commit, when the ring had so many entries."""
        found = []
        for table in self._tables.values():
            for version in walks.listed(table):
                if TAKEN < (end := version.end) <= commit:
                    found.append((end, table, version.ref, 0))
                yield
        found.sort(key=lambda ended: ended[0])
        if found:
            found[-1] = (*found[-1][:3], count)
        else:
            self._control.store(layout.CLEANED, count)
        self._ended.extendleft(reversed(found))

    def ended(self, commit: int, table: WritableTable, ref: int) -> None:
        """Note a version of a record, or of a namespace with its records, whose end is stored next.

        What it is stored for is under way: so the next daemon sees what to take back.
        """
        entry = self._control.words[layout.ENDED]
        self._control.store(layout.ended_at(entry), table.number << 48 | ref)
        self._control.store(layout.ENDED, entry + 1 & layout.WORD_MAX)
        self._ended.append((commit, table, ref, entry + 1))

    def wrote(self, targets: Collection[Target]) -> None:
        """Note which records a command wrote, and which namespaces it cleared or forked."""
        self._owed += STEPS_A_RECORD * len(targets)
        self._written += len(targets)
        for table, _, _ in targets:
            self._touched[table] = None

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
        # Twice as much as came: else what came while others write is never caught up with.
        is_all = self._history.forget(horizon, steps + 2 * self._written)
        self._written = 0
        for number in self._touched:
            self._tables[number].space.settle()
        is_done = self._work_off(horizon, steps)
        if self._control.words[layout.CLEANED] < self._cleaned:
            self._control.store(layout.CLEANED, self._cleaned)
        self.has_more = not (is_done and is_all)
        return self.has_more

    def _work_off(self, horizon: int, steps: int) -> bool:
        """Take so many steps; return whether that was all there was to do."""
        for _ in range(steps):
            if self._work is None:
                self._work = self._next_work(horizon)
                if self._work is None:
                    self._owed = 0
                    self._spare.keep()
                    return True
            self._taken += 1
            if next(self._work, self) is self:
                self._work = None
        return False

    def catch_up(self) -> bool:
        """Take away all that may go now, up to `MOST_STEPS`; return whether there was anything."""
        before = self._taken
        for _ in range(MOST_STEPS // STEPS):
            if not self.take(STEPS):
                break
        return self._taken > before

    def _move_horizon(self, commit: int) -> int:
        held = holders.least_pin(self._directory)
        horizon = commit if held is None else min(commit, held)
        if horizon > self._control.words[layout.HORIZON]:
            self._control.store(layout.HORIZON, horizon)
            memory.fence()
        return horizon

    def _next_work(self, horizon: int) -> Iterator[None] | None:
        if self._ended and self._ended[0][0] <= horizon:
            _, table, ref, cleaned = self._ended.popleft()
            self._touched[table.number] = None
            if ref & layout.REF_OFFSET_MASK:
                return self._retire(table, ref, cleaned)
            table.space.recount(ref >> layout.REF_OFFSET_BITS)
        while self._touched:
            number, _ = self._touched.popitem()
            table = self._tables[number]
            chunk = self._emptiest(table)
            if chunk:
                self._touched[number] = None
                return self._copy_from(table, chunk)
            if table.index.previous is not None:
                return self._move_index(table)
            self._tell(table)
        return None

    @staticmethod
    def _move_index(table: WritableTable) -> Iterator[None]:
        """Finish the growing of an index: while it lasts, reads look into two."""
        while table.index.previous is not None:
            table.index.move(STEP)
            yield

    @staticmethod
    def _tell(table: WritableTable) -> None:
        at = layout.entry_at(table.number, layout.TABLE_NEEDED)
        table.control.store(at, sum(table.space.needed.values()))

    def _retire(self, table: WritableTable, ref: int, cleaned: int) -> Iterator[None]:
        steps = retiring.retire(table, ref)
        is_more = True
        while is_more:
            self._control.store(layout.RETIRING, table.number << 48 | ref)
            is_more = next(steps, steps) is None
            self._control.store(layout.RETIRING, 0)
            for number in table.space.take_unneeded():
                table.space.drop_if_unneeded(number)
            yield
        self._cleaned = max(self._cleaned, cleaned)

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

    def _copy_from(self, table: WritableTable, number: int) -> Iterator[None]:
        """Copy what is needed out of a chunk; it is unlinked when no reader is in it any more."""
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
        # A reader that is in an original when its chunk goes reads again.
        commit = self._control.words[layout.COMMIT]
        self._ended.append((commit, table, number << layout.REF_OFFSET_BITS, 0))


def named_by(tables: dict[int, WritableTable], entry: int) -> tuple[WritableTable | None, int]:
    """Return the table and the version that an entry of the ring names; no table if it is gone."""
    table, ref = tables.get(entry >> 48), entry & layout.REF_MASK
    if table is None or ref >> layout.REF_OFFSET_BITS not in table.space.chunks:
        return None, ref
    return table, ref
