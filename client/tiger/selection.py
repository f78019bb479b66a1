"""The records of a namespace that have some values: which list to walk for them, and from where.

A record stands in the list of its namespace, and in one list for each of its indexed values.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import islice

from tiger import record
from tiger.layout import OLDER
from tiger.lineage import Lineage
from tiger.record import Record, decode
from tiger.version import Version

Bodies = list[bytes]
"""Records in msgpack."""

Filters = dict[str, bytes]
"""Field names and value keys (`record.value_key`)."""


class Selection:
    """The records that have all of some values, in the order of lists."""

    def __init__(
        self,
        lineage: Lineage,
        fields: Sequence[str],
        keys: Filters,
        start: Version | None = None,
        towards: int = OLDER,
    ) -> None:
        """Choose the list; `fields` have indexes, and what is past `start` is wanted, if given."""
        self._lineage = lineage
        self._towards = towards
        self._index, value = _choose(fields, keys, start)
        self._firsts = lineage.firsts(self._index, value)
        if start is not None:
            self._firsts = lineage.beyond(start, self._index, self._firsts, towards)
        indexed = fields[self._index - 1] if self._index else None
        self._others = {name: keys[name] for name in keys if name != indexed}
        """The values that not all those in the list have."""

    def bodies(self, most: int = sys.maxsize) -> Bodies:
        """Return the first of the records."""
        if not self._others:
            return self._lineage.bodies(self._firsts, self._index, self._towards, most)
        return [body for body, _ in islice(self.contents(), most)]

    def contents(self) -> Iterator[tuple[bytes, Record]]:
        """Yield each of the records in msgpack and decoded."""
        for version in self._lineage.walk(self._firsts, self._index, self._towards):
            content = decode(version.body)
            if record.matches(content, self._others):
                yield version.body, content


def _choose(fields: Sequence[str], keys: Filters, start: Version | None) -> tuple[int, bytes]:
    """Return which list to walk: its number, and the key of its value; `start` stands in it."""
    content = decode(start.body) if start is not None else {}
    for index, field in enumerate(fields, 1):
        key = keys.get(field)
        if key is None:
            continue
        if start is None or record.matches(content, {field: key}):
            return index, bytes((index,)) + key
    return 0, b""


def merged(lineage: Lineage, index: int, keys: Iterable[bytes]) -> Bodies:
    """Return the records of several lists of one indexed field, in one order."""
    walks = (lineage.walk(lineage.firsts(index, bytes((index,)) + key), index) for key in keys)
    ordered = merge(*walks, key=lambda version: version.order, reverse=True)
    return [version.body for version in ordered]
