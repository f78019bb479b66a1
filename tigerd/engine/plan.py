"""What the operations of a request come to: which records are written, which namespaces go.

Operations of one request see what those before them did, so a plan holds one effect a key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Protocol

from tiger.errors import Sealed, UnknownTable
from tiger.format import layout, protocol
from tiger.format.record import encode_name
from tigerd.engine.effects import Effect
from tigerd.engine.facts import Facts
from tigerd.engine.history import History
from tigerd.engine.table import WritableTable

Place = tuple[int, str, bytes]
"""A record's table, namespace and key."""

Changed = tuple[int, str, bytes | None]
"""The same; None for the key: the namespace began as a fork, or was cleared."""


class Tables(Protocol):
    """Where a plan finds the tables."""

    @property
    def max_record(self) -> int:
        """The most bytes a record may have."""

    def table(self, number: int) -> WritableTable:
        """Return a table, or raise `UnknownTable`."""

    @property
    def forks(self) -> Counter[str]:
        """How many forks each namespace has that has any; those are sealed."""

    @property
    def history(self) -> History:
        """What changed of late."""

    def in_use(self) -> list[WritableTable]:
        """Return the tables that have segments, without the definitions."""


class Outcome(Protocol):
    """What is to be told of a request that was applied."""

    @property
    def status(self) -> int:
        """What its last operation came to."""

    @property
    def record(self) -> bytes | None:
        """The record to answer with, if the last operation was a patch."""

    def changed(self) -> set[tuple[int | None, str]]:
        """Return table's number and namespace of all that is written to, and None for any table."""


def with_any_table(places: Iterable[Changed]) -> set[tuple[int | None, str]]:
    """Return tables and namespaces of places, and the namespaces with None for any table."""
    return {at for number, name, _ in places for at in ((number, name), (None, name))}


class Plan:
    """What the operations of one request come to."""

    status = protocol.DONE
    answering: Effect | None = None
    """What the last operation wrote, if it wrote one record."""
    answers = False

    def __init__(self, tables: Tables) -> None:
        """Begin with nothing."""
        self.tables = tables
        self._names: set[str] = set()
        """Names of namespaces that this request has checked."""
        self.effects: dict[Place, Effect] = {}
        self.cleared: dict[tuple[int, str], WritableTable] = {}
        self.forked: list[tuple[WritableTable, str, str]] = []
        """Tables, and the parent and the child in each."""

    def table(self, number: Any) -> WritableTable:
        """Return a table that users may write to."""
        if type(number) is not int or not 0 < number < layout.TABLES_MAX:
            raise UnknownTable(f"no table has the number {number!r:.20}")
        return self.tables.table(number)

    def effect(self, table: WritableTable, namespace: Any, key: bytes) -> Effect:
        """Return what the operations so far do to a record; at first, nothing."""
        space = table.namespaces.get(namespace) if type(namespace) is str else None
        if space is None:
            self._check_name(namespace)
        if self.tables.forks:
            self.check_open(namespace)
        at = (table.number, namespace, key)
        known = self.effects.get(at)
        if known is not None:
            return known
        effect = self.effects[at] = Effect(table, namespace, key)
        if space is None or (self.cleared and at[:2] in self.cleared):
            return effect
        found = effect.found = table.find(space, key)
        if found is not None and not found.word & layout.GONE:
            effect.old = found.version
        if space.parent:
            effect.inherited = table.inherited(space, key)
        if effect.shown is not None:
            effect.number = effect.shown.number
        return effect

    def write(self, effect: Effect, body: bytes, facts: Facts) -> None:
        """Let a record be this; it is what the request answers with, if that is its last."""
        effect.write(body, facts)
        self.answering = effect
        if not effect.keeps_place:  # deleted by an operation before: it is the newest insert now
            at = (effect.table.number, effect.namespace, effect.key)
            self.effects[at] = self.effects.pop(at)

    def clear(self, table: WritableTable, namespace: str) -> None:
        """Empty a namespace in a table, of what the operations so far wrote too."""
        place = (table.number, namespace)
        if self.effects:
            for at in [at for at in self.effects if at[:2] == place]:
                del self.effects[at]
        self.cleared[place] = table

    def _check_name(self, namespace: Any) -> None:
        if type(namespace) is not str or namespace not in self._names:
            encode_name(namespace, "namespace")
            self._names.add(namespace)

    def check_open(self, namespace: str) -> None:
        """Raise `Sealed` if the namespace has forks: they have what it has."""
        forks = self.tables.forks.get(namespace)
        if forks:
            raise Sealed(
                f"namespace {namespace!r} has forks, so it is sealed and nothing was changed: "
                f"write to the fork, or let the forks end first",
                namespace=namespace,
                forks=forks,
            )

    # --- Before and after applying ---

    def places(self) -> list[Changed]:
        """Return all that is written to."""
        ended = [(number, namespace, None) for number, namespace in self.cleared]
        begun = [(table.number, child, None) for table, _, child in self.forked]
        return [*ended, *begun, *self.effects]

    def changed(self) -> set[tuple[int | None, str]]:
        """As `Outcome.changed`."""
        return with_any_table(self.places())

    @property
    def record(self) -> bytes | None:
        """The record to answer with, if the last operation was a patch."""
        return self.answering.body if self.answering is not None and self.answers else None

    def reserve(self) -> None:
        """Make room for all that is written, or raise `StoreFull`."""
        puts: dict[WritableTable, list[Effect]] = {}
        for effect in self.effects.values():
            if effect.body is not None:
                puts.setdefault(effect.table, []).append(effect)
        try:
            self._reserve(puts)
        except Exception:
            for table in (*puts, *(table for table, _, _ in self.forked)):
                table.space.give_back()
            raise

    def _reserve(self, puts: dict[WritableTable, list[Effect]]) -> None:
        for table, parent, child in self.forked:
            table.reserve_fork(parent, child)
        for table, effects in puts.items():
            begun = set()
            for effect in effects:
                known = table.namespaces.get(effect.namespace)
                if known is None or (table.number, effect.namespace) in self.cleared:
                    begun.add(effect.namespace)
                elif known.records + len(effects) > layout.RECORDS.most:
                    where = f"{table.resource.table} of namespace {effect.namespace!r}"
                    layout.RECORDS.check(known.records + len(effects), where)
            table.reserve(begun, effects)
