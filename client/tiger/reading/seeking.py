"""Finding the place in a list at which a range begins, without walking there from its end.

Lists have links to neighbours only. But a table's index names each of its records, in no order at
all: so of n records met at random there, the nearest to a place is about 1/n of the list away. With
as many of them as are then left to walk, it takes some 2 √n looks.
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
"""Of its own, so that what a test seeds stays as it is."""


class Seeker:
    """Looks for one place in the lists of a namespace and of those it was forked from."""

    def __init__(self, table: TableReader, commit: int, records: int, bound: Order) -> None:
        """Meet as many records as is worth it for a namespace that has so many."""
        self._table = table
        self._commit = commit
        self._bound = bound
        self._met = list(self._meet(records)) if records > FEW else []

    def _meet(self, records: int) -> Iterator[Version]:
        """Yield visible versions, whatever they are of, from random places of the index."""
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
