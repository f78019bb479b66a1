"""Looking up the records and tables of a request's operations, for its plan."""

from __future__ import annotations

from typing import Any

from tiger.errors import InvalidRequest, Sealed, UnknownTable
from tiger.format import layout, record
from tigerd.engine.facts import Facts, facts_of
from tigerd.engine.plan import Effect, Plan
from tigerd.engine.table import WritableTable
from tigerd.engine.writer import Writer


class Planner:
    """The plan of one request, and the tables that it is about."""

    _name: str | None = None
    """The name of a namespace that was checked last."""

    def __init__(self, writer: Writer) -> None:
        """Begin with an empty plan."""
        self.writer = writer
        self.plan = Plan()

    def table(self, number: Any) -> WritableTable:
        """Return a table that users may write to, or raise `UnknownTable`."""
        if type(number) is not int or not 0 < number < layout.TABLES_MAX:
            raise UnknownTable(f"no table has the number {number!r:.20}")
        return self.writer.table(number)

    def effect(self, table: WritableTable, namespace: Any, key: bytes) -> Effect:
        """Return the effect of the operations so far on a record; at first it is empty."""
        known = table.namespaces.get(namespace) if type(namespace) is str else None
        if known is None:
            self._check_name(namespace)
        if self.writer.forks:
            self.check_open(namespace)
        target = (table.number, namespace, key)
        effect = self.plan.effects.get(target)
        if effect is None:
            effect = self.plan.effects[target] = Effect(table.resource, namespace, key)
            cleared = self.plan.cleared
            if known is not None and not (cleared and target[:2] in cleared):
                found = table.find(known, key)
                inherited = table.inherited(known, key) if known.parent else None
                if found is not None or inherited is not None:
                    effect.note_before(found, inherited)
        return effect

    def effect_of(self, table: WritableTable, namespace: Any, body: Any) -> tuple[Effect, Facts]:
        """Return the effect and the facts of a record in msgpack, or raise `InvalidRecord`."""
        if type(body) is not bytes:
            raise InvalidRequest("a record travels as msgpack")
        if len(body) > self.writer.max_record:
            raise record.too_large_error("a record", len(body), self.writer.max_record)
        facts = facts_of(body, table.fields)
        key, _, _ = facts
        return self.effect(table, namespace, key), facts

    def _check_name(self, namespace: Any) -> None:
        if type(namespace) is not str or namespace != self._name:
            record.encode_name(namespace, "namespace")
            self._name = namespace

    def check_open(self, namespace: str) -> None:
        """Raise `Sealed` if the namespace has forks, which read its records."""
        forks = self.writer.forks.get(namespace)
        if forks:
            raise Sealed(
                f"namespace {namespace!r} has forks, so it is sealed and nothing was changed: "
                f"write to the fork, or let the forks end first",
                namespace=namespace,
                forks=forks,
            )
