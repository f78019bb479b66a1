"""The planned changes of a request, as data: records to write, namespaces to clear or fork.

Operations of one request see what those before them did, so a plan holds one effect a record.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tiger.format import layout, protocol, record
from tiger.format.resources import Resource
from tiger.format.version import Version
from tiger.reading.table_reader import Found
from tigerd.engine.facts import Facts, ValueKey

Target = tuple[int, str, bytes | None]
"""The target of a change: a table's number, a namespace, and the key of a record in it.

Without a key it is the namespace itself, which is cleared or begins as a fork."""


@dataclass
class Outcome:
    """The outcome of a request that was applied."""

    status: int = protocol.DONE
    targets: Collection[Target] = ()
    record: bytes | None = None
    """The record that a patch made: it has no place in the client's slot, and goes by a message."""

    def changed(self) -> set[tuple[int | None, str]]:
        """Return the tables and namespaces that were written to, and None for any table."""
        return {at for table, name, _ in self.targets for at in ((table, name), (None, name))}


class Effect:
    """The effect of a request on one record; at first, none."""

    found: Found | None = None
    """Where the newest version of the record is; it may have ended."""
    old: Version | None = None
    """The version in the namespace itself; it may hide an inherited one."""
    inherited: Version | None = None
    """The version of that key that a fork inherits."""
    shown: Version | None = None
    """The record that readers see before the request."""
    body: bytes | None = None
    """The body to write; empty to hide the inherited record, None to write nothing."""
    created: tuple[float, int] = (0.0, 0)
    """The first part of its order in lists, from `created`."""
    values: Sequence[ValueKey] = ()
    number: int = 0
    """The place among those of the same `created`; 0: that of the newest insert."""
    keeps_place: bool = True
    is_touched: bool = False

    def __init__(self, resource: Resource, namespace: str, key: bytes) -> None:
        """Begin with a record that is not there."""
        self.resource = resource
        self.namespace = namespace
        self.key = key

    def note_before(self, found: Found | None, inherited: Version | None) -> None:
        """Note what there is of the record before the request."""
        self.found, self.inherited = found, inherited
        self.shown = inherited
        if found is not None and not found.word & layout.GONE:
            self.old = found.version
            self.shown = self.old if self.old.body else None
        if self.shown is not None:
            self.number = self.shown.number

    @property
    def target(self) -> Target:
        """The record."""
        return self.resource.number, self.namespace, self.key

    @property
    def exists(self) -> bool:
        """Whether the record is there after the operations so far."""
        return bool(self.body) if self.is_touched else self.shown is not None

    def current(self) -> dict[str, Any] | None:
        """Return the record as the operations so far left it."""
        shown = self.shown
        body = self.body if self.is_touched or shown is None else shown.body
        return record.decode(body) if body else None

    @property
    def change(self) -> int:
        """By how much the number of records changes."""
        return bool(self.body) - (self.shown is not None)

    def write(self, body: bytes, facts: Facts) -> None:
        """Set the record."""
        self.body = body
        _, self.created, self.values = facts
        self.is_touched = True

    def remove(self) -> None:
        """Remove the record; if it is written again, it is the newest insert."""
        self.body = None
        if self.inherited is not None and self.shown is not None:
            self.body = b""
            self.created = self.inherited.order[:2]
        self.values = ()
        self.number, self.keeps_place = 0, False
        self.is_touched = True


class Fork(NamedTuple):
    """A namespace that begins as another one, in one table."""

    table: int
    parent: str
    child: str


class Plan:
    """The plan of one request."""

    status: int = protocol.DONE
    """The outcome of the last operation."""
    written: Effect | None = None
    """The record that the last operation wrote, if it is one: the answer names it."""
    returns_record: bool = False
    """Whether the outcome has that record."""
    forked: Sequence[Fork] = ()

    def __init__(self) -> None:
        """Begin with nothing."""
        self.effects: dict[Target, Effect] = {}
        """In the order in which the records are written."""
        self.cleared: dict[tuple[int, str], None] = {}
        """Tables and namespaces, in order: they are cleared before anything is written."""

    def write(self, effect: Effect, body: bytes, facts: Facts) -> None:
        """Set a record; the last operation wrote it."""
        effect.write(body, facts)
        self.written = effect
        if not effect.keeps_place:  # deleted by an operation before: it is the newest insert now
            self.effects[effect.target] = self.effects.pop(effect.target)

    def clear(self, table: int, namespace: str) -> None:
        """Empty a namespace in a table, including records that earlier operations wrote."""
        for effect in list(self.effects.values()):
            if (effect.resource.number, effect.namespace) == (table, namespace):
                del self.effects[effect.target]
        self.cleared[table, namespace] = None

    def outcome(self) -> Outcome:
        """Return the outcome, once the plan is applied."""
        targets = list(self.effects)
        if self.cleared or self.forked:
            begun = [(fork.table, fork.child, None) for fork in self.forked]
            targets[:0] = [*((table, namespace, None) for table, namespace in self.cleared), *begun]
        body = self.written.body if self.returns_record and self.written is not None else None
        return Outcome(self.status, targets, body)
