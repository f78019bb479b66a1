"""A version of a record in a chunk: an immutable part with a checksum, and links.

A namespace and a value of an indexed field are versions too: their key is the name or the value,
their body is empty, except that a fork's is its parent's name, and their `FIRST` word begins the
list of their records.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zlib import crc32

from tiger.format import layout, memory
from tiger.format.layout import (
    ALIGNMENT,
    BODY_SIZE_SHIFT,
    HEAD,
    HEAD_SIZE,
    KEY_SIZE_SHIFT,
    REF_OFFSET_MASK,
    SUM_MASK,
    SUM_SEED,
    WORD,
)
from tiger.format.memory import Segment, Vanished

HEAD_ALIGNMENT = ALIGNMENT // WORD
KEY_AT = HEAD.size
unpack_head: Callable[..., tuple[Any, ...]] = HEAD.unpack_from


class Version:
    """One version; its properties load the words that may change."""

    __slots__ = (
        "begin",
        "body",
        "chunk",
        "head",
        "key",
        "number",
        "order",
        "previous",
        "ref",
        "scope",
    )

    begin: int
    body: bytes
    chunk: Segment
    head: int
    key: bytes
    number: int
    order: tuple[float, int, int]
    """Its place in lists: the greater, the earlier."""
    previous: int
    ref: int
    scope: int

    def __init__(self, chunk: Segment, ref: int) -> None:
        """Copy the immutable part and check it; `Vanished` if it is not whole."""
        head = (ref & REF_OFFSET_MASK) * HEAD_ALIGNMENT
        words = chunk.words
        if head >= len(words):
            raise Vanished(f"{chunk.path}: nothing can be at offset {head * WORD}")
        first = words[head]
        start = head * WORD
        # The first word says how long it is.
        body_at = HEAD_SIZE + (first >> KEY_SIZE_SHIFT)
        data = chunk.map[start + WORD : start + body_at + (first >> BODY_SIZE_SHIFT & 0xFFFFFF)]
        if crc32(data, SUM_SEED) != first & SUM_MASK or len(data) < HEAD.size:
            raise Vanished(f"{chunk.path}: the version at offset {start} is not whole")
        self.scope, rest, self.begin, self.previous, created, self.number = unpack_head(data)
        self.order = (created, rest, self.number)
        self.key = data[KEY_AT : body_at - WORD]
        self.body = data[body_at - WORD :]
        self.chunk = chunk
        self.ref = ref
        self.head = head

    @property
    def size(self) -> int:
        """Bytes from the head to the end of the body, aligned."""
        return aligned(HEAD_SIZE + len(self.key) + len(self.body))

    @property
    def end(self) -> int:
        """The commit that ended it, or 0."""
        return self.chunk.words[self.head + layout.END]

    def link(self, towards: int, index: int = 0) -> int:
        """Return the ref of its neighbour in a list; `towards` is `OLDER` or `NEWER`."""
        return self.chunk.words[self.head + towards - 2 * index]

    @property
    def first(self) -> int:
        """The ref of the newest version of its list, of a namespace or a value."""
        return self.chunk.words[self.head + layout.FIRST]

    def is_visible(self, commit: int) -> bool:
        """Tell whether a reader at that commit sees it."""
        return self.begin <= commit and not 0 < self.end <= commit

    def count(self, commit: int) -> int | None:
        """Return how many records a namespace had at that commit, if it still says so."""
        words = self.chunk.words
        places = (self.head + layout.COUNT_A, self.head + layout.COUNT_B)
        said = [(words[place], place) for place in places]
        visible = [(word, place) for word, place in said if 0 < word >> layout.COUNT_BITS <= commit]
        if not visible:
            return None
        word, place = max(visible)
        memory.fence()
        # The two alternate: while this one stands, none was stored between the two loads.
        return word & layout.COUNT_MAX if words[place] == word else None


def aligned(size: int) -> int:
    """Round up to the alignment of versions."""
    return (size + ALIGNMENT - 1) & -ALIGNMENT
