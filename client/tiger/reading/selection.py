"""The records of a namespace that match filters, from a cursor on; chooses the list to walk.

A record is in the list of its namespace, and in one list for each of its indexed values.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice

from tiger.errors import InvalidCursor
from tiger.format import record
from tiger.format.layout import OLDER
from tiger.format.record import Record, decode
from tiger.format.resources import Resource
from tiger.format.version import Version
from tiger.reading.filters import Filters, Match, Span, has_created
from tiger.reading.lineage import Lineage, find_lineage
from tiger.reading.table_reader import TableReader

Bodies = list[bytes]
"""Records in msgpack."""


class Selection:
    """The records that match filters, in the order of lists."""

    def __init__(
        self,
        lineage: Lineage,
        fields: Sequence[str],
        filters: Filters,
        start: Version | None = None,
        towards: int = OLDER,
    ) -> None:
        """Choose the list; `fields` have indexes. With `start`, only records past it are wanted."""
        self._lineage = lineage
        self._towards = towards
        keys, self._span = filters
        self._index, value = _choose(fields, keys, start)
        indexed = fields[self._index - 1] if self._index else None
        others = {name: keys[name] for name in keys if name != indexed}
        self._match = Match(others) if others else None
        """Checks the filters that the list does not ensure by itself; None if there are none."""
        self._firsts = lineage.firsts(self._index, value)
        if start is not None:
            self._firsts = lineage.beyond(start, self._index, self._firsts, towards)
        if self._span is not None:
            of_list = {indexed: keys[indexed]} if indexed is not None else {}
            self._enter(self._span, of_list, start)

    def _enter(self, span: Span, of_list: Mapping[str, bytes], start: Version | None) -> None:
        """Begin where the span does, unless `start` is past that."""
        is_older = self._towards == OLDER
        bound = span.ceiling if is_older else span.floor
        if start is None or (start.order >= bound if is_older else start.order <= bound):

            def stands(version: Version) -> bool:
                return bool(version.body) and record.matches(decode(version.body), of_list)

            self._firsts = self._lineage.enter(
                bound, self._index, self._firsts, self._towards, stands
            )

    def bodies(self, most: int = sys.maxsize) -> Bodies:
        """Return the first of the records."""
        if self._span is None:
            return self._lineage.bodies(self._firsts, self._index, self._towards, most, self._match)
        return [body for body, _ in islice(self.contents(), most)]

    def contents(self) -> Iterator[tuple[bytes, Record]]:
        """Yield each of the records in msgpack and decoded."""
        span, match = self._span, self._match
        for version in self._lineage.walk(self._firsts, self._index, self._towards):
            if span is not None and not span.has(version.order):
                return
            if match is not None and not match(version.body):
                continue
            content = decode(version.body)
            if span is None or has_created(content):
                yield version.body, content


def _choose(
    fields: Sequence[str], keys: Mapping[str, bytes], start: Version | None
) -> tuple[int, bytes]:
    """Return which list to walk: its number, and the key of its value; `start` is in it."""
    content = decode(start.body) if start is not None else {}
    for index, field in enumerate(fields, 1):
        key = keys.get(field)
        if key is None:
            continue
        if start is None or record.matches(content, {field: key}):
            return index, bytes((index,)) + key
    return 0, b""


class RecordLists:
    """The records of one table and namespace, many at once, each time as of a commit."""

    def __init__(self, table: TableReader, resource: Resource, namespace: bytes) -> None:
        """Prepare to read; nothing is opened yet."""
        self._table = table
        self._resource = resource
        self._namespace = namespace

    def _lineage(self, commit: int) -> Lineage | None:
        return find_lineage(self._table, self._namespace, commit)

    def count(self, commit: int) -> int:
        """Return how many records there are."""
        lineage = self._lineage(commit)
        return lineage.count() if lineage is not None else 0

    def everything(self, commit: int) -> Bodies:
        """Return all records, newest first."""
        lineage = self._lineage(commit)
        return lineage.bodies(lineage.firsts()) if lineage is not None else []

    def select(
        self,
        commit: int,
        wanted: Filters,
        cursor: str | None = None,
        towards: int = OLDER,
        most: int = sys.maxsize,
    ) -> Bodies:
        """Return records that match, from the cursor or the beginning on."""
        lineage = self._lineage(commit)
        start = self._at_cursor(lineage, cursor) if cursor is not None else None
        if lineage is None:
            return []
        return Selection(lineage, self._resource.indexes, wanted, start, towards).bodies(most)

    def _at_cursor(self, lineage: Lineage | None, cursor: str) -> Version:
        found = lineage.find(cursor.encode()) if lineage is not None else None
        if found is None:
            namespace = self._namespace.decode()
            raise InvalidCursor(
                f"no {self._resource.table} {cursor!r} in namespace {namespace!r} to page from: "
                f"use the id of an existing record",
                table=self._resource.table,
                id=cursor,
                namespace=namespace,
            )
        return found

    def first(
        self, commit: int, wanted: Filters, is_wanted: Callable[[Record], bool]
    ) -> Record | None:
        """Return the newest record that matches and is wanted."""
        lineage = self._lineage(commit)
        if lineage is None:
            return None
        found = Selection(lineage, self._resource.indexes, wanted).contents()
        return next((content for _, content in found if is_wanted(content)), None)

    def having(self, commit: int, field: str, keys: Sequence[bytes]) -> Bodies:
        """Return the records whose field has one of these values; of several, an indexed field."""
        if len(keys) == 1:
            return self.select(commit, Filters({field: keys[0]}))
        lineage = self._lineage(commit)
        if lineage is None:
            return []
        index = self._resource.indexes.index(field) + 1
        walks = (lineage.walk(lineage.firsts(index, bytes((index,)) + key), index) for key in keys)
        ordered = merge(*walks, key=lambda version: version.order, reverse=True)
        return [version.body for version in ordered]
