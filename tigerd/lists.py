"""The lists of one table: versions linked both ways, newest first, as the daemon changes them.

A list is known by its namespace's number, its index (0 for the table's own order) and the value's
key; the word that holds its first ref is in the version that owns the list, or, for the list of
namespaces, in the control segment.

Most records arrive in the order of `created`, so a place is looked for near a list's beginning
first. A list that is asked for a place further down gets a sorted copy in the daemon's own memory,
kept up to date from then on, in which the place is found by bisection.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort

from tiger.errors import Damaged
from tiger.layout import (
    ALIGNMENT,
    HEAD_SIZE,
    NEWER,
    OLDER,
    ORDER,
    ORDER_AT,
    REF_OFFSET_BITS,
    REF_OFFSET_MASK,
)
from tiger.memory import REMEDY, WritableSegment
from tiger.version import HEAD_ALIGNMENT
from tigerd.space import Space

ListName = tuple[int, int, bytes]
"""Namespace's number, index, value's key."""

First = tuple[WritableSegment, int]
"""The segment and the word that hold a list's first ref."""

Order = tuple[float, int, int]
"""created, its rest, number: the greater, the newer."""

Entry = tuple[float, int, int, int]
"""An order and a ref; of versions of one record, equal in order, the newer has the greater ref."""

NEAR = 64
"""Links followed before a sorted copy is made."""

LAST_REF = 1 << 63

unpack_order = ORDER.unpack_from


class Lists:
    """Links of versions, and sorted copies of some lists."""

    def __init__(self, space: Space) -> None:
        """Begin without copies."""
        self._space = space
        self._chunks = space.chunks
        self.copies: dict[ListName, list[Entry]] = {}
        """The lists that were asked for a place further down, oldest first."""

    # --- Words of a version ---

    def word(self, ref: int, place: int) -> int:
        """Return a mutable word of a version."""
        head = (ref & REF_OFFSET_MASK) * HEAD_ALIGNMENT
        word: int = self._chunks[ref >> REF_OFFSET_BITS].words[head + place]
        return word

    def store(self, ref: int, place: int, value: int) -> None:
        """Change a mutable word of a version."""
        head = (ref & REF_OFFSET_MASK) * HEAD_ALIGNMENT
        self._chunks[ref >> REF_OFFSET_BITS].store(head + place, value)

    def order(self, ref: int) -> Order:
        """Return the order of a version that is known to be whole."""
        at = (ref & REF_OFFSET_MASK) * ALIGNMENT + ORDER_AT
        rest, created, number = unpack_order(self._chunks[ref >> REF_OFFSET_BITS].map, at)
        return created, rest, number

    def neighbours(self, ref: int, index: int) -> tuple[int, int]:
        """Return the refs of the newer and the older neighbour; 0 is an end."""
        chunk, head = self._space.find(ref)
        words = chunk.words
        return words[head + NEWER - 2 * index], words[head + OLDER - 2 * index]

    # --- Finding a place ---

    def place(self, name: ListName, first: First, order: Order) -> tuple[int, int]:
        """Return the refs between which a version of that order goes; 0 is an end.

        Among versions of the same order, which are of one record, it goes to the newer side.
        """
        known = self.copies.get(name)
        if known is None:
            newer, older = 0, first[0].words[first[1]]
            for _ in range(NEAR):
                if not older or self.order(older) <= order:
                    return newer, older
                newer, older = older, self.word(older, OLDER - 2 * name[1])
            known = self.copies[name] = self._copy(name[1], first)
        at = bisect_right(known, (*order, LAST_REF))
        return known[at][-1] if at < len(known) else 0, known[at - 1][-1] if at else 0

    def _copy(self, index: int, first: First) -> list[Entry]:
        entries: list[Entry] = []
        ref = first[0].words[first[1]]
        most = self._space.size // HEAD_SIZE
        while ref:
            if len(entries) == most:
                raise Damaged(f"{first[0].path}: a list that runs in a circle{REMEDY}")
            entries.append((*self.order(ref), ref))
            ref = self.word(ref, OLDER - 2 * index)
        entries.reverse()
        return entries

    def take_copies(self, scope: int) -> list[list[Entry]]:
        """Forget the copies of a namespace's lists, and return them: freeing one takes a while."""
        return [self.copies.pop(name) for name in list(self.copies) if name[0] == scope]

    # --- Changing links; each store leaves walks towards older versions whole ---

    def link(self, name: ListName, first: First, newer: int, older: int, ref: int) -> None:
        """Let the neighbours of a version, whose own links are there, name it."""
        self._name(name[1], first, newer, older, ref, ref)
        if self.copies:
            self.note(name, self.order(ref), ref)

    def note(self, name: ListName, order: Order, ref: int) -> None:
        """Let the sorted copy of a list, if there is one, have a version of that order."""
        known = self.copies.get(name)
        if known is not None:
            insort(known, (*order, ref))

    def unlink(self, name: ListName, first: First, ref: int) -> None:
        """Let the neighbours of a version name each other, where they still name it."""
        index = name[1]
        newer, older = self.neighbours(ref, index)
        named = self.word(newer, OLDER - 2 * index) if newer else first[0].words[first[1]]
        if named == ref:
            self._name(index, first, newer, 0, older, 0)
        if older and self.word(older, NEWER - 2 * index) == ref:
            self.store(older, NEWER - 2 * index, newer)
        known = self.copies.get(name)
        if known is not None:
            self._forget_entry(known, (*self.order(ref), ref))

    def replace(self, name: ListName, first: First, ref: int, copy: int) -> None:
        """Let the neighbours of a version, and the sorted copy, name a copy of it instead."""
        newer, older = self.neighbours(ref, name[1])
        self._name(name[1], first, newer, older, copy, copy)
        known = self.copies.get(name)
        if known is not None:
            order = self.order(ref)
            self._forget_entry(known, (*order, ref))
            insort(known, (*order, copy))

    @staticmethod
    def _forget_entry(known: list[Entry], entry: Entry) -> None:
        """Take an entry out, if it is there: a copy made after a kill lacks what was unlinked."""
        at = bisect_left(known, entry)
        if at < len(known) and known[at] == entry:
            del known[at]

    def _name(
        self, index: int, first: First, newer: int, older: int, for_newer: int, for_older: int
    ) -> None:
        """Store what the newer neighbour (or the first word) and the older one name."""
        if newer:
            self.store(newer, OLDER - 2 * index, for_newer)
        else:
            first[0].store(first[1], for_newer)
        if older:
            self.store(older, NEWER - 2 * index, for_older)
