"""Finding the place in a list at which a range begins, without walking there from its end.

Records of a list are linked only to their neighbours. But the table's index has all its records in
random order. If k of the n records in a list are drawn from the index, the nearest one before a
place is about n/k records away from it. With k = √n, this takes some 2 √n looks.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

from tiger.format.layout import GONE, MOVED, OLDER, REF_MASK, SLOTS_AT
from tiger.format.memory import Vanished
from tiger.format.version import Version
from tiger.reading.filters import Order
from tiger.reading.table_reader import TableReader

FEW = 256
"""Records that are walked along at once."""

choose: random.Random = random.Random()
"""A separate generator, so that a generator seeded by a test is not affected."""


class Seeker:
    """Looks for one place in the lists of a namespace and of those it was forked from."""

    def __init__(self, table: TableReader, commit: int, records: int, bound: Order) -> None:
        """Draw as many records as is worthwhile for a namespace of that size."""
        self._table = table
        self._commit = commit
        self._bound = bound
        self._met = list(self._meet(records)) if records > FEW else []

    def _meet(self, records: int) -> Iterator[Version]:
        """Yield visible versions, also of other namespaces, from random places of the index."""
        directory = self._table.directory
        index = self._table.indexes.get(directory & 0xFFFFFFFF)
        if index is None:
            return
        words = index.words
        slots = len(words) - SLOTS_AT
        for _ in range(min(records, 2 * math.isqrt(slots))):
            word = words[SLOTS_AT + choose.randrange(slots)]
            if word <= MOVED or word & GONE:
                continue
            try:
                version = self._table.version(word & REF_MASK)
            except Vanished:
                continue
            if version.is_visible(self._commit):
                yield version

    def past(
        self, scope: int, index: int, first: int, towards: int, stands: Callable[[Version], bool]
    ) -> int:
        """Return the first ref of a list past the bound; `first` is where one may begin to look.

        `stands` tells whether a version of that scope stands in the list.
        """
        is_older = towards == OLDER
        near = [
            version
            for version in self._met
            if version.scope == scope and (version.order > self._bound) == is_older
        ]
        near.sort(key=lambda version: version.order, reverse=not is_older)
        start = next(filter(stands, near), None)
        ref = start.ref if start is not None else first
        for version in self._table.walk(scope, ref, self._commit, index, towards):
            if (version.order < self._bound) == is_older:
                return version.ref
        return 0
