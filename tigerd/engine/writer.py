"""Applying plans, one commit each: the only code that stores the commit number.

The order of stores makes a kill harmless. The records that a plan writes are invisible, because it
begins at the next commit number; then the client's slot says that its request took effect at that
number; then the number is stored, and all of it is there at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path

from tiger.errors import UnknownTable
from tiger.format import layout, memory, record
from tiger.format.memory import wake
from tiger.format.resources import (
    DEFINITIONS,
    DEFINITIONS_NAMESPACE,
    RESOURCES,
    Resource,
    defined_resource,
)
from tiger.reading.reader import Reader
from tigerd.engine.cleaner import Cleaner
from tigerd.engine.history import History
from tigerd.engine.plan import Effect, Outcome, Plan, Target
from tigerd.engine.segments import WritableSegment
from tigerd.engine.table import WritableTable

RequestId = tuple[int, int]
"""Which client asks, by its slot, and the number of its request."""


class Failed(Exception):
    """A failure in the middle of a commit: memory is as after a kill, for recovery to mend."""

    def __init__(self, outcome: Outcome) -> None:
        """Keep the outcome, if it was committed all the same."""
        super().__init__()
        self.outcome = outcome


class Writer:
    """The tables of an instance, and the commit."""

    def __init__(self, directory: Path, control: WritableSegment) -> None:
        """Take over the instance; `tigerd.engine.recovery` brings it to its last commit."""
        self.directory = directory
        self.control = control
        self.committed: int = control.words[layout.COMMIT]
        """The commit number that this daemon has stored last, or found."""
        self.max_record: int = control.words[layout.MAX_RECORD]
        """The most bytes a record may have."""
        self.before_commit: Callable[[int], None] | None = None
        """What stores what else belongs to a commit, just before its number."""
        self.reader = Reader(directory)
        self.tables: dict[int, WritableTable] = {}
        self.forks: Counter[str] = Counter()
        self.history = History(self.committed)
        self._cleared_at: int = control.words[layout.COMMIT]
        """When a namespace was cleared last; of clears before this daemon nothing is known."""
        self.cleaner = Cleaner(control, directory, self.tables, self.history)
        self._resources: dict[int, Resource] = {r.number: r for r in (*RESOURCES, DEFINITIONS)}

    @property
    def commit(self) -> int:
        """The commit number."""
        return self.control.words[layout.COMMIT]

    def table(self, number: int) -> WritableTable:
        """Return a table, made at its first use."""
        known = self.tables.get(number)
        if known is None:
            resource = self._resources.get(number) or self._defined(number)
            known = self.tables[number] = WritableTable(
                self.reader, self.control, resource, self.forks
            )
        return known

    def _defined(self, number: int) -> Resource:
        definitions = self.table(DEFINITIONS.number)
        namespace = definitions.namespaces.get(DEFINITIONS_NAMESPACE)
        first = definitions.lists.word(namespace.ref, layout.FIRST) if namespace else 0
        scope = namespace.scope if namespace else 0
        for version in definitions.reader.walk(scope, first, self.commit):
            resource = defined_resource(record.decode(version.body))
            self._resources[resource.number] = resource
        try:
            return self._resources[number]
        except (KeyError, TypeError):
            raise UnknownTable(f"no table has the number {number!r:.20}") from None

    def segments(self) -> list[WritableSegment]:
        """Return all that is mapped."""
        return [self.control, *(s for table in self.tables.values() for s in table.segments())]

    def close(self) -> None:
        """Let go of all but the control segment."""
        for table in self.tables.values():
            for segment in table.segments():
                segment.close()
        self.reader.close()

    def in_use(self) -> list[WritableTable]:
        """Return the tables that have segments, except that of the definitions."""
        return [t for n, t in self.tables.items() if n and t.index.current is not None]

    def changed_at(self, table: int | None, namespace: str) -> int:
        """Return a commit since which nothing changed in a namespace, in one table or in any."""
        tables = self.in_use() if table is None else filter(None, [self.tables.get(table)])
        known = (t.namespaces[namespace].counted for t in tables if namespace in t.namespaces)
        return max([self._cleared_at, *known])

    # --- Applying a plan ---

    def apply(self, plan: Plan, request: RequestId | None) -> Outcome:
        """Apply a plan under one commit number, and answer the request.

        A `TigerError` refuses it, and nothing was stored; after `Failed` the tables are recovered.
        """
        commit = self.commit + 1
        layout.COMMITS.check(commit, "this instance")
        self._reserve(plan)  # nothing after this can be refused
        outcome = plan.outcome()
        try:
            self._store(plan, request, commit)
            self.note(outcome.targets)
        except Exception as error:
            raise Failed(outcome) from error
        return outcome

    def _reserve(self, plan: Plan) -> None:
        """Make room for all that is written, or raise `StoreFull`."""
        puts: dict[int, list[Effect]] = {}
        for effect in plan.effects.values():
            if effect.body is not None:
                puts.setdefault(effect.resource.number, []).append(effect)
        try:
            for table, parent, child in plan.forked:
                self.tables[table].reserve_fork(parent, child)
            for table, effects in puts.items():
                self._reserve_records(self.tables[table], effects, plan)
        except Exception:
            for table in (*puts, *(fork.table for fork in plan.forked)):
                self.tables[table].space.give_back()
            raise

    @staticmethod
    def _reserve_records(table: WritableTable, effects: list[Effect], plan: Plan) -> None:
        begun = set()
        for effect in effects:
            known = table.namespaces.get(effect.namespace)
            if known is None or (table.number, effect.namespace) in plan.cleared:
                begun.add(effect.namespace)
            elif known.records + len(effects) > layout.RECORDS.most:
                where = f"{table.resource.table} of namespace {effect.namespace!r}"
                layout.RECORDS.check(known.records + len(effects), where)
        table.reserve(begun, effects)

    def _store(self, plan: Plan, request: RequestId | None, commit: int) -> None:
        for number, namespace in plan.cleared:
            self._clear(self.tables[number], namespace, commit)
        for number, parent, child in plan.forked:
            table = self.tables[number]
            self._tell(layout.FORKED, table, table.fork(parent, child, commit), commit)
        ref = self._write(plan, commit)
        if request is not None:
            self.store_answer(request, plan.status, commit, ref)
        self._commit(commit)
        if request is not None:
            self._wake(request)

    def note(self, targets: Collection[Target]) -> None:
        """Make notes that only this daemon needs; the client has its answer already."""
        self.history.note(self.committed, targets)
        self.cleaner.note_writes(targets)

    def _write(self, plan: Plan, commit: int) -> int:
        """Write the records of a plan; return the ref that the answer names, or 0."""
        named = 0
        counts: dict[tuple[int, str], int] = {}
        for (number, namespace, _), effect in plan.effects.items():
            ref = self._apply_effect(effect, commit)
            if ref:
                counted = counts.get((number, namespace), 0)
                counts[number, namespace] = counted + effect.change
            if effect is plan.written:
                named = number << 48 | ref
        for (number, namespace), change in counts.items():
            self.tables[number].count(namespace, change, commit)
        return named

    def _apply_effect(self, effect: Effect, commit: int) -> int:
        """Write one record of a plan; return the version's ref, 0 if nothing changes."""
        table = self.tables[effect.resource.number]
        if not effect.is_touched or (not effect.body and effect.shown is None):
            return 0
        if effect.old is not None:
            self.cleaner.note_end(commit, table, effect.old.ref)
        if effect.body is None:
            assert effect.old is not None
            assert effect.found is not None
            table.end(effect.found, commit)
            ref, kind = effect.old.ref, layout.DELETED
        else:
            ref = table.put(effect, commit)
            kind = layout.CREATED if effect.change > 0 else layout.UPDATED
            if not effect.body:
                kind = layout.DELETED
        self._tell(kind, table, ref, commit)
        return ref

    def _clear(self, table: WritableTable, namespace: str, commit: int) -> None:
        known = table.namespaces.get(namespace)
        if known is not None:
            self.cleaner.note_end(commit, table, known.ref)
            table.end_namespace(namespace, commit)
            self.note_clear(commit)
            self._tell(layout.CLEARED, table, known.ref, commit)

    def note_clear(self, commit: int) -> None:
        """Note when a namespace was cleared."""
        self._cleared_at = commit

    def _tell(self, kind: int, table: WritableTable, ref: int, commit: int) -> None:
        """Add a change to the ring that watchers read."""
        control = self.control
        change = control.words[layout.CHANGES]
        at = layout.ring_at(change)
        memory.fence()  # a reader of what overwrites an old entry sees how far the ring is
        control.store(at, commit)
        control.store(at + 1, kind << 56 | table.number << 48 | ref)
        memory.fence()  # and a reader that sees how far it is sees the entry
        control.store(layout.CHANGES, change + 1 & layout.WORD_MAX)

    def last_request(self, slot: int) -> int:
        """Return the number of a client's request that was answered last."""
        word = self.control.words[layout.client_at(slot, layout.CLIENT_ANSWER)]
        return word >> layout.CLIENT_STATUS_BITS

    def store_answer(self, request: RequestId, status: int, commit: int, ref: int) -> None:
        """Store a client's answer; its request number comes last and makes it valid."""
        control = self.control
        slot, number = request
        at = layout.client_at(slot, 0)
        control.store(at + layout.CLIENT_REF, ref)
        control.store(at + layout.CLIENT_COMMIT, commit)
        memory.fence()
        word = number << layout.CLIENT_STATUS_BITS | status
        control.store(at + layout.CLIENT_ANSWER, word)

    def _wake(self, request: RequestId) -> None:
        """Wake the client that asks, if it sleeps on its answer, which counts by now."""
        if wake is not None:
            slot, _ = request
            wake(self.control.words, layout.client_at(slot, layout.CLIENT_ANSWER))

    def _commit(self, commit: int) -> None:
        if self.before_commit is not None:
            self.before_commit(commit)
        memory.fence()
        self.control.store(layout.COMMIT, commit)
        self.committed = commit
        memory.fence()

    def count_command(self) -> None:
        """Count a command that was answered."""
        self.control.store(
            layout.COMMANDS, self.control.words[layout.COMMANDS] + 1 & layout.WORD_MAX
        )

    def refuse(self, request: RequestId, status: int) -> None:
        """Store that a client's request failed and changed nothing."""
        self.store_answer(request, status, self.commit, 0)
        self._wake(request)
