"""A namespace together with those it was forked from, read as one.

A fork holds only the records that were written in it, and inherits all others: its namespace's
version names its parent, which does not change while it has forks. A version with an empty body
hides the inherited record of that id. In a namespace that is not a fork, these are plain reads.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from heapq import merge

from tiger.format.layout import NAMESPACES, OLDER, VALUES
from tiger.format.memory import Vanished
from tiger.format.version import Version
from tiger.reading.filters import Match, Order
from tiger.reading.seeking import Seeker
from tiger.reading.table_reader import TableReader, bodies_of


class Lineage:
    """A namespace in one table at a commit: its own version first, then those of its ancestors."""

    __slots__ = ("_table", "commit", "namespaces")

    def __init__(self, table: TableReader, namespace: Version, commit: int) -> None:
        """Begin with the version of a namespace, and find those it was forked from."""
        self._table = table
        self.commit: int = commit
        self.namespaces: list[Version] = [namespace]
        while namespace.body:
            parent = table.find(NAMESPACES, namespace.body, commit)
            if parent is None:
                raise Vanished(f"the namespace that {namespace.key!r} was forked from is gone")
            if (
                parent.begin >= namespace.begin
            ):  # so no damage makes forks follow each other in a circle
                raise Vanished(
                    f"{namespace.key!r} is older than the namespace that it was forked from"
                )
            self.namespaces.append(parent)
            namespace = parent

    def parent(self) -> Lineage | None:
        """Return the lineage as it was when the namespace was forked; None if it was not."""
        if len(self.namespaces) == 1:
            return None
        return Lineage(self._table, self.namespaces[1], self.commit)

    @property
    def scope(self) -> int:
        """Of the keys of records written in the namespace itself."""
        return self.namespaces[0].number

    def find(self, key: bytes) -> Version | None:
        """Return the version of a record."""
        for namespace in self.namespaces:
            version = self._table.find(namespace.number, key, self.commit)
            if version is not None:
                return version if version.body else None
        return None

    def count(self) -> int:
        """Return how many records there are."""
        known = self.namespaces[0].count(self.commit)
        if known is None:  # both of its counts are of later commits
            return sum(1 for _ in self.walk(self.firsts()))
        return known

    # --- Lists: one in each namespace, merged ---

    def firsts(self, index: int = 0, value: bytes = b"") -> list[int]:
        """Return the newest version of list 0, or of the list of a value, in each namespace.

        `value` is a value's key, which begins with the index.
        """
        if not index:
            return [namespace.first for namespace in self.namespaces]
        owners = (
            self._table.newest(VALUES | namespace.number, value) for namespace in self.namespaces
        )
        return [owner.version.first if owner is not None else 0 for owner in owners]

    def beyond(
        self, version: Version, index: int, firsts: Sequence[int], towards: int
    ) -> list[int]:
        """Return where a list that begins with `firsts` goes on past one of its records."""
        return [
            self._past(version, namespace, index, first, towards)
            for namespace, first in zip(self.namespaces, firsts, strict=True)
        ]

    def enter(
        self,
        bound: Order,
        index: int,
        firsts: Sequence[int],
        towards: int,
        stands: Callable[[Version], bool],
    ) -> list[int]:
        """Return where a list has its first record past a bound, towards older or newer.

        `firsts` is where a look for it may begin, on the near side of the bound; `stands` tells
        whether a record of the namespace stands in the list.
        """
        seeker = Seeker(self._table, self.commit, self.count(), bound)
        return [
            seeker.past(namespace.number, index, first, towards, stands)
            for namespace, first in zip(self.namespaces, firsts, strict=True)
        ]

    def _past(
        self, version: Version, namespace: Version, index: int, first: int, towards: int
    ) -> int:
        here: Version | None = version
        if namespace.number != version.scope:
            # Where the record was overwritten in a fork, the parent's stands in the same place.
            here = (
                self._table.find(namespace.number, version.key, self.commit) if not index else None
            )
        if here is not None and here.order == version.order:
            return here.link(towards, index)
        ref = 0
        for other in self._table.walk(namespace.number, first, self.commit, index):
            if other.order < version.order:
                return other.ref if towards == OLDER else ref
            ref = other.ref
        return 0 if towards == OLDER else ref

    def walk(
        self, firsts: Sequence[int], index: int = 0, towards: int = OLDER
    ) -> Iterator[Version]:
        """Yield the records of a list in order, from these refs on, towards older or newer."""
        walks = [
            self._table.walk(namespace.number, first, self.commit, index, towards)
            for namespace, first in zip(self.namespaces, firsts, strict=True)
        ]
        if len(walks) == 1:
            return walks[0]
        shown = (self._shown(level, walk) for level, walk in enumerate(walks))
        return merge(*shown, key=lambda version: version.order, reverse=towards == OLDER)

    def bodies(
        self,
        firsts: Sequence[int],
        index: int = 0,
        towards: int = OLDER,
        most: int = sys.maxsize,
        match: Match | None = None,
    ) -> list[bytes]:
        """Return the bodies of matching records that `walk` yields, at most `most`."""
        if len(firsts) == 1:
            first = firsts[0]
            return self._table.bodies(self.scope, first, self.commit, index, towards, most, match)
        return bodies_of(self.walk(firsts, index, towards), most, match)

    def _shown(self, level: int, versions: Iterator[Version]) -> Iterator[Version]:
        """Yield the records of a namespace that no fork below it has overwritten or hidden."""
        forks = self.namespaces[:level]
        for version in versions:
            if version.body and not any(
                self._table.find(fork.number, version.key, self.commit) for fork in forks
            ):
                yield version


def find_lineage(table: TableReader, name: bytes, commit: int) -> Lineage | None:
    """Return a namespace of a table at a commit; None if it does not exist there."""
    namespace = table.find(NAMESPACES, name, commit)
    return Lineage(table, namespace, commit) if namespace is not None else None
