"""Reading one table's segments: from a key to its versions, and along lists.

A result is right at a commit only if no version that it needs was removed meanwhile:
`tiger.reading.moments` ensures that, by reading again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from tiger.format import layout, memory
from tiger.format.layout import (
    BODY_SIZE_SHIFT,
    EMPTY,
    END,
    FINGERPRINT_SHIFT,
    GONE,
    HASH_SHIFT,
    HEAD,
    HEAD_SIZE,
    KEY_SIZE_SHIFT,
    MOVED,
    REF_MASK,
    REF_OFFSET_BITS,
    REF_OFFSET_MASK,
    SCOPE_AND_BEGIN,
    SLOTS_AT,
    SUM_MASK,
    SUM_SEED,
    WORD,
)
from tiger.format.memory import Segment, Unlinked, Vanished
from tiger.format.speedups import compiled
from tiger.format.version import HEAD_ALIGNMENT, Version
from tiger.reading.filters import Match

look: Any = compiled("tiger.format.compiled", "newest_body")
along: Any = compiled("tiger.format.compiled", "bodies_along")

ATTEMPTS = 3
"""Looks for a key while the index changes its generation under them."""

FIRST_PLACE = ((math.inf, 0, 0), 0)
LAST_PLACE = ((-math.inf, 0, 0), 0)
"""Places before and after all members of a list."""


class Found(NamedTuple):
    """Where the newest version of a key is."""

    segment: Segment
    place: int
    word: int
    """That stands at this place of the index."""
    version: Version


_Found = tuple[Segment, int, int, Version]
"""The same before it has names, which take a tenth of the time of a read in a snapshot."""


class TableReader:
    """One table's segments, mapped as they are needed."""

    def __init__(self, control: memoryview, number: int, folder: Path) -> None:
        """Prepare to read the table of that number; nothing is opened yet."""
        self._control = control
        self._number = number
        self._folder = folder
        self._directory_at = layout.entry_at(number, layout.TABLE_DIRECTORY)
        self._namespaces_at = layout.entry_at(number, layout.TABLE_NAMESPACES)
        self._dropped_at = layout.entry_at(number, layout.TABLE_DROPPED)
        self._dropped: int = self._control[self._dropped_at]
        self.keeps_chunks = False
        """Whether chunks that were unlinked stay mapped; the daemon drops its own."""
        self.chunks: dict[int, Segment] = {}
        self.indexes: dict[int, Segment] = {}

    # --- Segments ---

    def _map_chunk(self, number: int) -> Segment:
        """Map a chunk."""
        try:
            chunk = Segment(self._folder / f"chunk.{number}", layout.CHUNK)
        except FileNotFoundError:
            raise Unlinked(f"{self._folder}/chunk.{number} is gone") from None
        chunk.check_identity(self._control[layout.HEADER_INSTANCE], self._number, number)
        return self.chunks.setdefault(number, chunk)  # another thread may have mapped it too

    def let_go(self) -> None:
        """Unmap the chunks that were unlinked: their memory is free when nobody maps them.

        Also chunks that somebody else removed and the daemon wrote again.
        """
        self._dropped = self._control[self._dropped_at]
        if self.keeps_chunks:
            return
        for number, segment in list(self.chunks.items()):
            if not memory.is_at(segment.path, segment.status):
                self.chunks.pop(number, None)

    def close(self) -> None:
        """Unmap all; loads of it raise ValueError."""
        for segment in (*self.chunks.values(), *self.indexes.values()):
            segment.close()

    def _map_index(self, generation: int) -> Segment:
        """Map a generation of the index, and unmap those before its predecessor."""
        try:
            index = Segment(self._folder / f"index.{generation}", layout.INDEX)
        except FileNotFoundError:
            raise Vanished(f"{self._folder}/index.{generation} is gone") from None
        index.check_identity(self._control[layout.HEADER_INSTANCE], self._number, generation)
        for other in list(self.indexes):
            if other < generation - 1:
                self.indexes.pop(other, None)
        return self.indexes.setdefault(generation, index)

    @property
    def directory(self) -> int:
        """The generation of the index; in the upper half the one that is being left, or 0."""
        return self._control[self._directory_at]

    # --- One key ---

    def newest(self, scope: int, key: bytes) -> Found | None:
        """Return where the newest version of a key is, whether it is visible or not."""
        found = self._newest(scope, key)
        return Found._make(found) if found is not None else None

    def _newest(self, scope: int, key: bytes) -> _Found | None:
        control = self._control
        if control[self._dropped_at] != self._dropped:
            self.let_go()
        for _ in range(ATTEMPTS):
            directory = control[self._directory_at]
            if not directory:
                return None
            current = directory & 0xFFFFFFFF
            found = self._probe(current, scope, key)
            if found is None and current != directory:
                # The index is growing. A key is put into the new generation before it is taken
                # from the old one: missed in both, it had moved between the two looks.
                for generation in (directory >> 32, current):
                    memory.fence()
                    found = found or self._probe(generation, scope, key)
            if found is None:
                memory.fence()
            if found is not None or control[self._directory_at] == directory:
                return found
        raise Vanished(f"{self._folder}: the index keeps changing")

    def newest_body(
        self, scope: int, key: bytes, commit: int
    ) -> tuple[memoryview, int, int, bytes] | None:
        """Return index words, place, word and body of a key's newest version; None without one.

        This is `newest` for the common case, in one function, for first reads. All other cases
        raise `Vanished`: a version that began after the commit or has ended, a growing index that
        does not have the key yet, another key with the same hash, anything unusual.
        """
        found = look(
            self._control,
            self._directory_at,
            self._dropped_at,
            self._dropped,
            self.indexes,
            self.chunks,
            scope,
            key,
            commit,
        )
        if found is not None:
            return found or None
        directory = self._control[self._directory_at]
        index = self.indexes.get(directory & 0xFFFFFFFF)
        if index is None or self._control[self._dropped_at] != self._dropped:
            self.newest(scope, key)
            raise Vanished("the segments have changed")
        words = index.words
        slots = len(words) - SLOTS_AT
        place = crc32(key, scope)
        wanted = place >> FINGERPRINT_SHIFT or -1  # 0 is also what marks of no key have
        last = place + slots
        at = SLOTS_AT + (place & slots - 1)
        while (word := words[at]) >> HASH_SHIFT != wanted:
            if word == EMPTY:
                if directory >> 32 or self._control[self._directory_at] != directory or wanted < 0:
                    raise Vanished("the index has changed")
                return None
            place += 1
            at = SLOTS_AT + (place & slots - 1)
            if place == last:
                raise Vanished("the index is full")
        if word & GONE:
            raise Vanished("gone, perhaps at a later commit")
        ref = word & REF_MASK
        chunk = self.chunks.get(ref >> REF_OFFSET_BITS) or self._map_chunk(ref >> REF_OFFSET_BITS)
        head = (ref & REF_OFFSET_MASK) * HEAD_ALIGNMENT
        if head >= len(chunk.words):
            raise Vanished("a ref past its chunk")
        first = chunk.words[head]
        body_at = HEAD.size + (first >> KEY_SIZE_SHIFT)
        start = head * WORD + WORD
        data = chunk.map[start : start + body_at + (first >> BODY_SIZE_SHIFT & 0xFFFFFF)]
        if crc32(data, SUM_SEED) != first & SUM_MASK or data[HEAD.size : body_at] != key:
            raise Vanished("another key of the same hash")
        found_scope, begin = SCOPE_AND_BEGIN.unpack_from(data)
        if found_scope != scope or begin > commit:
            raise Vanished("another namespace's, or of a later commit")
        return words, at, word, data[body_at:]

    def vacancy(self, scope: int, key: bytes) -> tuple[memoryview, int] | None:
        """Return index words and the empty place that a key of a fork would get; None if unsure.

        As long as the place is empty, the key is not in that generation of the index: a key of a
        fork never gets a place before it that was in use and is free again.
        """
        index = self.indexes.get(self._control[self._directory_at])  # none while it grows
        if index is None:
            return None
        words = index.words
        mask = len(words) - SLOTS_AT - 1
        digest = crc32(key, scope)
        at = SLOTS_AT + (digest & mask)
        while (word := words[at]) != EMPTY:
            if word >> HASH_SHIFT == digest >> FINGERPRINT_SHIFT:
                return None
            at = SLOTS_AT + (at - SLOTS_AT + 1 & mask)
        return words, at

    def has(self, generation: int, scope: int, key: bytes) -> bool:
        """Tell whether a key is in one generation of the index."""
        return self._probe(generation, scope, key) is not None

    def _probe(self, generation: int, scope: int, key: bytes) -> _Found | None:
        """Return where a key is in one generation of the index."""
        index = self.indexes.get(generation) or self._map_index(generation)
        words = index.words
        mask = len(words) - SLOTS_AT - 1
        digest = crc32(key, scope)
        fingerprint = digest >> FINGERPRINT_SHIFT
        place = digest & mask
        for _ in range(mask + 1):
            word = words[SLOTS_AT + place]
            if word >> HASH_SHIFT == fingerprint and word > MOVED:
                ref = word & REF_MASK
                number = ref >> REF_OFFSET_BITS
                version = Version(self.chunks.get(number) or self._map_chunk(number), ref)
                if version.key == key and version.scope == scope:
                    return index, SLOTS_AT + place, word, version
            elif word == EMPTY:
                return None
            place = (place + 1) & mask
        return None

    def digest(self, ref: int) -> int:
        """Return the hash of a version's key; the caller knows that the version is whole."""
        chunk = self.chunks[ref >> REF_OFFSET_BITS]
        head = (ref & REF_OFFSET_MASK) * HEAD_ALIGNMENT
        scope, _ = SCOPE_AND_BEGIN.unpack_from(chunk.map, head * WORD + WORD)
        key = head * WORD + HEAD_SIZE
        return crc32(chunk.map[key : key + (chunk.words[head] >> KEY_SIZE_SHIFT)], scope)

    def version(self, ref: int) -> Version:
        """Return the version that a ref names; `Vanished` if it is gone or not whole."""
        number = ref >> REF_OFFSET_BITS
        return Version(self.chunks.get(number) or self._map_chunk(number), ref)

    def at(self, version: Version | None, commit: int) -> Version | None:
        """Step back from the newest version of a key to the one that is visible at a commit."""
        while version is not None and version.begin > commit:
            newer = version
            try:
                version = self.version(newer.previous) if newer.previous else None
            except Unlinked:
                # It had ended at or before the horizon. Is that at or before this commit?
                memory.fence()
                if self._control[layout.HORIZON] > commit:
                    raise
                return None
            if version is not None and version.begin >= newer.begin:
                raise Vanished(f"{newer.chunk.path}: versions out of order")
        if version is not None and 0 < version.end <= commit:
            return None
        return version

    def find(self, scope: int, key: bytes, commit: int) -> Version | None:
        """Return the version of a key that is visible at a commit."""
        found = self._newest(scope, key)
        if found is None:
            return None
        _, _, _, version = found
        return self.at(version, commit)

    # --- Lists ---

    def walk(
        self, scope: int, ref: int, commit: int, index: int = 0, towards: int = layout.OLDER
    ) -> Iterator[Version]:
        """Yield a namespace's visible versions in a list, from `ref` on, towards older or newer."""
        chunks = self.chunks
        link = towards - 2 * index
        last = FIRST_PLACE if towards == layout.OLDER else LAST_PLACE
        while ref:
            number = ref >> REF_OFFSET_BITS
            chunk = chunks.get(number) or self._map_chunk(number)
            version = Version(chunk, ref)
            if version.scope != scope:
                raise Vanished(f"{chunk.path}: a link into another list")
            # Strictly in order, so no damage makes a walk run in a circle.
            place = (version.order, version.begin)
            if not (place < last if towards == layout.OLDER else place > last):  # as NaN is not
                raise Vanished(f"{chunk.path}: a list out of order")
            last = place
            words = chunk.words
            head = version.head
            if version.begin <= commit and not 0 < words[head + END] <= commit:
                yield version
            ref = words[head + link]

    def bodies(
        self,
        scope: int,
        ref: int,
        commit: int,
        index: int,
        towards: int,
        most: int,
        match: Match | None = None,
    ) -> list[bytes]:
        """Return the bodies of matching records that `walk` yields, at most `most`."""
        link = towards - 2 * index
        is_older = towards == layout.OLDER
        texts = match.texts if match is not None else ()
        found: list[bytes] | None = along(
            self.chunks, scope, ref, commit, link, is_older, most, texts, match
        )
        if found is not None:
            return found
        return bodies_of(self.walk(scope, ref, commit, index, towards), most, match)

    def namespaces(self, commit: int) -> Iterator[Version]:
        """Yield the namespaces of the table that are visible at a commit, newest first."""
        return self.walk(layout.NAMESPACES, self._control[self._namespaces_at], commit)


def bodies_of(versions: Iterator[Version], most: int, match: Match | None) -> list[bytes]:
    """Return the bodies of the versions that match, at most `most`."""
    bodies = (version.body for version in versions)
    return list(islice(filter(match, bodies) if match is not None else bodies, most))
