"""The objects of connected accounts: all in one table, in the namespace of their platform.

So a clear, a fork and a savepoint of the namespace include them, and one commit may write to both
sides. The platform's own tables hold none of them, so nothing there has to be skipped. A connected
account sees its part of the table as tables of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from tiger import Table
from tiger.batch import BatchTable
from tigerstripe.records import Record

TABLE = "connected_objects"
ACCOUNT = "_account"
"""The field with the account of a record."""
PART = "_in"
"""The field with the account's table of a record."""
OWN_ID = "_id"
"""The id of a record in its account; other accounts may use the same id."""

KEY_MAX = 255


class Place(NamedTuple):
    """One table of one account."""

    account: str
    table: str

    @property
    def part(self) -> str:
        """The value of `PART` in its records."""
        return f"{self.account}/{self.table}"

    def key(self, id: str) -> str:
        """Return the key under which a record of that id is stored."""
        key = f"{self.part}/{id}"
        if len(key.encode()) <= KEY_MAX:
            return key
        return f"{self.part}/{hashlib.blake2b(id.encode(), digest_size=16).hexdigest()}"

    def stored(self, record: Mapping[str, Any]) -> Record:
        """Return a record as it is stored."""
        own = {ACCOUNT: self.account, PART: self.part, OWN_ID: record["id"]}
        return {**record, **own, "id": self.key(record["id"])}


def seen(stored: Record) -> Record:
    """Return a stored record as its account has it."""
    stored["id"] = stored.pop(OWN_ID)
    del stored[ACCOUNT], stored[PART]
    return stored


def all_of(table: Table, account: str) -> list[tuple[str, str]]:
    """Return the table and the id of every record of an account."""
    found = table.find_by(ACCOUNT, account)
    return [(r[PART].partition("/")[2], r[OWN_ID]) for r in found]


class Some(NamedTuple):
    """A page of a list."""

    data: list[Record]
    has_more: bool


class ConnectedTable:
    """A table of one account, with the reads of a table of the store."""

    def __init__(self, table: Table, place: Place) -> None:
        """Be the part of the table that is at this place."""
        self._table = table
        self.place = place

    def get(self, id: str, default: Any = None) -> Any:
        """Return a record, or the default."""
        found = self._table.get(self.place.key(id), None)
        return default if found is None else seen(found)

    def read_version(self, id: str) -> tuple[Record, int]:
        """Return a record and its version; raises `tiger.NotFound`."""
        record, version = self._table.read_version(self.place.key(id))
        return seen(record), version

    def list(
        self,
        *,
        limit: int,
        starting_after: str | None = None,
        ending_before: str | None = None,
        **filters: Any,
    ) -> Some:
        """Return a page, newest first; raises `tiger.InvalidCursor`."""
        page = self._table.list(
            limit=limit,
            starting_after=None if starting_after is None else self.place.key(starting_after),
            ending_before=None if ending_before is None else self.place.key(ending_before),
            **filters,
            **{PART: self.place.part},
        )
        return Some([seen(record) for record in page.data], page.has_more)

    def find_by(self, field: str, value: Any) -> Iterable[Record]:
        """Return the records whose field has that value, newest first."""
        return [record for record in self if record.get(field) == value]

    def count(self) -> int:
        """Return how many there are."""
        return self._table.count(**{PART: self.place.part})

    def __contains__(self, id: str) -> bool:
        return self.place.key(id) in self._table

    def __iter__(self) -> Iterator[Record]:
        return (seen(record) for record in self._table.find_by(PART, self.place.part))


class ConnectedBatch:
    """A table of one account that takes a batch's writes."""

    def __init__(self, batch: BatchTable, place: Place) -> None:
        """Write to the part of the table that is at this place."""
        self._batch = batch
        self._place = place

    def create_many(self, records: Iterable[Record]) -> None:
        """Collect creates."""
        self._batch.create_many(self._place.stored(record) for record in records)

    def update(self, record: Record, if_version: int) -> None:
        """Collect an update."""
        self._batch.update(self._place.stored(record), if_version)

    def delete(self, id: str) -> None:
        """Collect a delete."""
        self._batch.delete(self._place.key(id))

    def expect(self, id: str, version: int | None) -> None:
        """Collect a guard."""
        self._batch.expect(self._place.key(id), version)

    def insert_many(self, records: Iterable[Record]) -> None:
        """Collect inserts."""
        self._batch.insert_many(self._place.stored(record) for record in records)
