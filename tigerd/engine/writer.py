"""Applying plans, one commit each: the only code that stores the commit number.

The order of stores is what makes a kill harmless. What a plan writes is invisible, because it
begins at the next commit number; then the client's slot says that its request took effect at that
number; then the number is stored, and all of it is there at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

from tiger.errors import UnknownTable
from tiger.format import layout, memory, protocol, record
from tiger.format.resources import (
    DEFINITIONS,
    DEFINITIONS_NAMESPACE,
    RESOURCES,
    Resource,
    defined_resource,
)
from tiger.format.slot import wake
from tiger.format.speedups import compiled
from tiger.reading.reader import Reader
from tigerd.engine.cleaner import Cleaner
from tigerd.engine.effects import Effect
from tigerd.engine.history import History
from tigerd.engine.operations import add_all
from tigerd.engine.plan import Changed, Outcome, Plan, with_any_table
from tigerd.engine.segments import WritableSegment
from tigerd.engine.table import WritableTable

_write = compiled("tigerd.engine.compiled", "write")


class RequestId(NamedTuple):
    """Which client asks, by its slot, and with which of its requests."""

    slot: int
    number: int


class Failed(Exception):
    """In the middle of a commit: memory is as a kill would leave it, for recovery to mend."""

    def __init__(self, outcome: Outcome) -> None:
        """Say what it has come to, if it was committed all the same."""
        super().__init__()
        self.outcome = outcome


class Written:
    """The outcome of a request that did little."""

    status = protocol.DONE
    record = None
    places: Collection[Changed] = ()

    def changed(self) -> set[tuple[int | None, str]]:
        """As `Plan.changed`."""
        return with_any_table(self.places)


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
        """When a namespace was cleared; what was before this daemon is not known."""
        self.cleaner = Cleaner(control, directory, self.history)
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
        space = definitions.namespaces.get(DEFINITIONS_NAMESPACE)
        first = definitions.lists.word(space.ref, layout.FIRST) if space else 0
        scope = space.scope if space else 0
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
        """Return the tables that have segments, without the definitions."""
        return [t for n, t in self.tables.items() if n and t.index.current is not None]

    def changed_at(self, table: int | None, namespace: str) -> int:
        """Return a commit since which nothing changed in a namespace, in one table or in any."""
        tables = self.in_use() if table is None else filter(None, [self.tables.get(table)])
        known = (t.namespaces[namespace].counted for t in tables if namespace in t.namespaces)
        return max([self._cleared_at, *known])

    def do(self, operations: list[Any], request: RequestId | None) -> Outcome:
        """Apply operations under one commit number.

        A `TigerError` refuses them, and nothing was stored; after `Failed` the tables are
        recovered.
        """
        written = self._write_little(operations, request) if request is not None else None
        if written is not None:
            return written
        plan = self.plan()
        add_all(plan, operations)
        self.apply(plan, request)
        return plan

    def _write_little(self, operations: list[Any], request: RequestId) -> Written | None:
        """Apply operations that are common and few, in one compiled call; None if others are."""
        written = Written()
        try:
            places: Collection[Changed] | None = _write(self, operations, *request)
            if places is None:
                return None
            written.places = places
            self._commit(self.commit + 1)
            self._wake(request)
            self._note(places)
        except Exception as error:
            raise Failed(written) from error
        return written

    def plan(self) -> Plan:
        """Return an empty plan on this instance."""
        return Plan(self)

    def apply(self, plan: Plan, request: RequestId | None) -> int:
        """Apply a plan under one commit number; return the ref the plan answers with, or 0.

        A `TigerError` refuses it, and nothing was stored; after `Failed` the tables are recovered.
        """
        layout.COMMITS.check(self.commit + 1, "this instance")
        plan.reserve()  # nothing after this can be refused
        try:
            return self._store(plan, request)
        except Exception as error:
            raise Failed(plan) from error

    def _store(self, plan: Plan, request: RequestId | None) -> int:
        commit = self.commit + 1
        for (_, namespace), table in plan.cleared.items():
            self._clear(table, namespace, commit)
        for table, parent, child in plan.forked:
            self._tell(layout.FORKED, table, table.fork(parent, child, commit), commit)
            self.cleaner.touched(table)
        answer = self._write(plan, commit) if plan.effects else 0
        if request is not None:
            self.store_answer(request, plan.status, commit, answer)
        self._commit(commit)
        if request is not None:
            self._wake(request)
        self._note(plan.places())
        return answer

    def _note(self, places: Collection[Changed]) -> None:
        """Note what only this daemon needs to know; the client has its answer already."""
        for number, namespace, key in places:
            self.history.note(self.committed, namespace, number, key)
        self.cleaner.wrote(len(places))

    def _write(self, plan: Plan, commit: int) -> int:
        """Write what a plan says of records; return the ref that it answers with, or 0."""
        answer = 0
        counts: dict[tuple[int, str], int] = {}
        for place, effect in plan.effects.items():
            ref = self._apply_effect(effect, commit)
            if ref:
                space = place[:2]
                counts[space] = counts.get(space, 0) + effect.change
            if effect is plan.answering:
                answer = place[0] << 48 | ref
        for (number, namespace), change in counts.items():
            table = self.tables[number]
            table.count(namespace, change, commit)
            self.cleaner.touched(table)
        return answer

    def _apply_effect(self, effect: Effect, commit: int) -> int:
        """Write what a plan says of one record; return the version's ref, 0 if nothing changes."""
        table = effect.table
        if not effect.is_touched or (not effect.body and effect.shown is None):
            return 0
        if effect.old is not None:
            self.cleaner.ended(commit, table, effect.old.ref)
        if effect.body is None:
            assert effect.old is not None
            assert effect.found is not None
            table.end(effect.found, commit)
            ref, kind = effect.old.ref, layout.DELETED
        else:
            ref = table.put(
                effect.namespace,
                effect.key,
                effect.body,
                effect.created,
                effect.number,
                effect.values,
                effect.found,
                effect.old,
                commit,
            )
            kind = layout.CREATED if effect.change > 0 else layout.UPDATED
            if not effect.body:
                kind = layout.DELETED
        self._tell(kind, table, ref, commit)
        return ref

    def _clear(self, table: WritableTable, namespace: str, commit: int) -> None:
        known = table.namespaces.get(namespace)
        if known is not None:
            self.cleaner.ended(commit, table, known.ref)
            table.end_namespace(namespace, commit)
            self.cleared(commit)
            self._tell(layout.CLEARED, table, known.ref, commit)

    def cleared(self, commit: int) -> None:
        """Note when a namespace was cleared."""
        self._cleared_at = commit

    def _tell(self, kind: int, table: WritableTable, ref: int, commit: int) -> None:
        """Add a change to the ring that watchers read."""
        control = self.control
        change = control.words[layout.CHANGES]
        at = layout.ring_at(change)
        memory.fence()  # whoever sees what overwrites an old entry sees how far the ring is
        control.store(at, commit)
        control.store(at + 1, kind << 56 | table.number << 48 | ref)
        memory.fence()  # and whoever sees how far it is sees the entry
        control.store(layout.CHANGES, change + 1 & layout.WORD_MAX)

    def last_request(self, slot: int) -> int:
        """Return the number of a client's request that was answered last."""
        word = self.control.words[layout.client_at(slot, layout.CLIENT_ANSWER)]
        return word >> layout.CLIENT_STATUS_BITS

    def store_answer(self, request: RequestId, status: int, commit: int, ref: int) -> None:
        """Store a client's answer; its request number comes last and makes it valid."""
        control = self.control
        at = layout.client_at(request.slot, 0)
        control.store(at + layout.CLIENT_REF, ref)
        control.store(at + layout.CLIENT_COMMIT, commit)
        memory.fence()
        word = request.number << layout.CLIENT_STATUS_BITS | status
        control.store(at + layout.CLIENT_ANSWER, word)

    def _wake(self, request: RequestId) -> None:
        """Wake the client that asks, if it sleeps on its answer, which counts by now."""
        if wake is not None:
            wake(self.control.words, layout.client_at(request.slot, layout.CLIENT_ANSWER))

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
