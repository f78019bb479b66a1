"""The lists of one table: versions linked both ways, newest first, as the daemon changes them.

A list is known by its namespace's number, its index (0 for the table's own order) and the value's
key; the word that holds its first ref is in the version that owns the list, or, for the list of
namespaces, in the control segment.

Most records arrive in the order of `created`, so a place is looked for near a list's beginning
first. Of a list that is asked for a place further down, the daemon keeps marks in its own memory:
members in their order, in which a place is bisected, and then walked to from the next newer one.
The first marks are members that a chunk begins with, so nobody waits for a walk through a long
list; a walk sets marks on its way, so that nobody walks far there again.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tiger.errors import Damaged
from tiger.format.layout import (
    ALIGNMENT,
    HEAD_SIZE,
    NEWER,
    OLDER,
    ORDER,
    ORDER_AT,
    REF_OFFSET_BITS,
    REF_OFFSET_MASK,
)
from tiger.format.memory import REMEDY
from tiger.format.speedups import compiled
from tiger.format.version import HEAD_ALIGNMENT
from tigerd.engine.segments import WritableSegment
from tigerd.engine.space import Space

ListName = tuple[int, int, bytes]
"""A namespace's scope, the number of an index, a value's key."""


class First(NamedTuple):
    """The word that holds the first ref of a list."""

    segment: WritableSegment
    at: int

    @property
    def ref(self) -> int:
        """The ref in it; 0 for a list without members."""
        word: int = self.segment.words[self.at]
        return word


Order = tuple[float, int, int]
"""created, its rest, number: the greater, the newer."""

Entry = tuple[float, int, int, int]
"""An order and a ref; of versions of one record, equal in order, the newer has the greater ref."""

NEAR = 64
"""Links followed from one mark to the next."""

LAST_REF = 1 << 63

unpack_order = ORDER.unpack_from
_walk = compiled("tigerd.engine.compiled", "walk")


class Lists:
    """Links of versions, and marks in some lists."""

    def __init__(self, space: Space, members: Callable[[ListName], Iterable[int]]) -> None:
        """Begin without marks; `members` gives some members of a list, wherever they stand."""
        self._space = space
        self._chunks = space.chunks
        self._members = members
        self.marks: dict[ListName, list[Entry]] = {}
        """Some members of the lists that were asked for a place further down, oldest first."""

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
        _, index, _ = name
        known = self.marks.get(name)
        if known is None:
            newer, older = self._walk(index, 0, first.ref, order)
            if not older or self.order(older) <= order:
                return newer, older
            marks = ((*self.order(ref), ref) for ref in self._members(name))
            known = self.marks[name] = sorted(marks)
        return self._place_among(known, index, first, order)

    def _place_among(
        self, known: list[Entry], index: int, first: First, order: Order
    ) -> tuple[int, int]:
        """Look for a place, starting at the mark before it, and mark the part that is walked."""
        at = bisect_right(known, (*order, LAST_REF))
        newer, older = 0, first.ref
        if at < len(known):
            *_, newer = known[at]
            older = self.word(newer, OLDER - 2 * index)
        passed: list[Entry] = []
        newer, older = self._walk(index, newer, older, order)
        while older and self.order(older) > order:
            passed.append((*self.order(newer), newer))
            if len(passed) * NEAR > self._space.size // HEAD_SIZE:
                raise Damaged(f"{first.segment.path}: a list that runs in a circle{REMEDY}")
            newer, older = self._walk(index, newer, older, order)
        known[at:at] = reversed(passed)
        return newer, older

    def _walk(self, index: int, newer: int, older: int, order: Order) -> tuple[int, int]:
        """Follow at most `NEAR` links towards older versions, to the place of a version."""
        found: tuple[int, int] | None = _walk(self._chunks, newer, older, index, order, NEAR)
        if found is not None:
            return found
        for _ in range(NEAR):
            if not older or self.order(older) <= order:
                break
            newer, older = older, self.word(older, OLDER - 2 * index)
        return newer, older

    def take_marks(self, scope: int) -> list[list[Entry]]:
        """Forget the marks of a namespace's lists; return them, to be freed bit by bit."""
        names = [(of, index, value) for of, index, value in self.marks if of == scope]
        return [self.marks.pop(name) for name in names]

    # --- Changing links; each store leaves walks towards older versions whole ---

    def link(self, index: int, first: First, newer: int, older: int, ref: int) -> None:
        """Let the neighbours of a version, whose own links are there, name it."""
        self._name(index, first, newer, older, ref, ref)

    def unlink(self, name: ListName, first: First, ref: int) -> None:
        """Let the neighbours of a version name each other, where they still name it."""
        _, index, _ = name
        newer, older = self.neighbours(ref, index)
        named = self.word(newer, OLDER - 2 * index) if newer else first.ref
        if named == ref:
            self._name(index, first, newer, 0, older, 0)
        if older and self.word(older, NEWER - 2 * index) == ref:
            self.store(older, NEWER - 2 * index, newer)
        self._forget_mark(name, ref)

    def replace(self, name: ListName, first: First, ref: int, copy: int) -> None:
        """Let the neighbours of a version, and the marks, name a copy of it instead."""
        _, index, _ = name
        newer, older = self.neighbours(ref, index)
        self._name(index, first, newer, older, copy, copy)
        if self._forget_mark(name, ref):
            insort(self.marks[name], (*self.order(ref), copy))

    def _forget_mark(self, name: ListName, ref: int) -> bool:
        """Take a version out of the marks; return whether it was one."""
        known = self.marks.get(name)
        if known is None:
            return False
        entry = (*self.order(ref), ref)
        at = bisect_left(known, entry)
        if at == len(known) or known[at] != entry:
            return False
        del known[at]
        return True

    def _name(
        self, index: int, first: First, newer: int, older: int, for_newer: int, for_older: int
    ) -> None:
        """Store the refs that the newer neighbour (or the first word) and the older one name."""
        if newer:
            self.store(newer, OLDER - 2 * index, for_newer)
        else:
            first.segment.store(first.at, for_newer)
        if older:
            self.store(older, NEWER - 2 * index, for_older)
