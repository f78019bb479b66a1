"""What a request does to one record, from what is there to what is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tiger.format import record
from tiger.format.version import Version
from tiger.reading.table_reader import Found
from tigerd.engine.facts import Facts, ValueKey
from tigerd.engine.table import WritableTable


class Effect:
    """What a request does to one record; at first, nothing."""

    found: Found | None = None
    old: Version | None = None
    """The version that stands in the namespace itself; it may hide an inherited one."""
    inherited: Version | None = None
    """What a fork has of that key from its ancestors."""
    body: bytes | None = None
    """What is written; empty: what hides the inherited record. None: nothing."""
    created: tuple[float, int] = (0.0, 0)
    """What `created` comes to in the order of lists."""
    values: Sequence[ValueKey] = ()
    number: int = 0
    """The place among those of the same `created`; 0: that of the newest insert."""
    keeps_place: bool = True
    is_touched: bool = False

    def __init__(self, table: WritableTable, namespace: str, key: bytes) -> None:
        """Begin with a record that is not there."""
        self.table = table
        self.namespace = namespace
        self.key = key

    @property
    def shown(self) -> Version | None:
        """The record that readers see before the request."""
        if self.old is None:
            return self.inherited
        return self.old if self.old.body else None

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
        """Of the number of records."""
        return bool(self.body) - (self.shown is not None)

    def write(self, body: bytes, facts: Facts) -> None:
        """Let the record be this."""
        self.body = body
        _, self.created, self.values = facts
        self.is_touched = True

    def remove(self) -> None:
        """Let it not be there; if it is written again, it is the newest insert."""
        self.body = None
        if self.inherited is not None and self.shown is not None:
            self.body = b""
            self.created = self.inherited.order[:2]
        self.values = ()
        self.number, self.keeps_place = 0, False
        self.is_touched = True
