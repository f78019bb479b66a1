"""The index of one table as the daemon changes it.

Open addressing, at most half full. When it would get fuller, a larger generation is made and
takes all new entries; the entries of the old one are moved over in small steps, so that no write
waits for it. A reader looks in the new generation, then in the old one, then in the new one again.
"""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

from tiger.errors import Damaged
from tiger.format import layout, memory
from tiger.format.layout import (
    EMPTY,
    FINGERPRINT_SHIFT,
    GONE,
    HASH_SHIFT,
    INDEX_KEYS,
    INDEX_MOVING,
    INDEX_USED,
    MOVED,
    REF_MASK,
    SLOTS_AT,
    TOMB,
)
from tiger.format.speedups import compiled
from tiger.format.version import Version
from tiger.reading.table_reader import Found, TableReader
from tigerd.engine.segments import WritableSegment

_has_hash = compiled("tigerd.engine.compiled", "has_hash")
_move = compiled("tigerd.engine.compiled", "move")

STEP = 16
"""Slots moved for each key that is put: the old generation, of n slots, is empty after n / 16 more
keys, and the new one is half full only after n / 2."""


class Index:
    """Entries by key: the ref of the newest version, and whether it is gone."""

    def __init__(
        self, control: WritableSegment, folder: Path, table: int, reader: TableReader
    ) -> None:
        """Take over the generations that the table's entry names."""
        self._control = control
        self._folder = folder
        self._table = table
        self._reader = reader
        self._directory_at = layout.entry_at(table, layout.TABLE_DIRECTORY)
        directory = control.words[self._directory_at]
        self.current = self._open(directory & 0xFFFFFFFF)
        self.previous = self._open(directory >> 32)
        self._moved = SLOTS_AT

    def _open(self, generation: int) -> WritableSegment | None:
        if not generation:
            return None
        path = self._folder / f"index.{generation}"
        try:
            index = WritableSegment(path, layout.INDEX)
        except FileNotFoundError:
            raise Damaged(f"{path} is gone; run `tigerd repair`") from None
        instance = self._control.words[layout.HEADER_INSTANCE]
        index.check_identity(instance, self._table, generation)
        self._reader.indexes[generation] = index
        return index

    def _add(self, word: int, change: int) -> None:
        """Change one of the counts that a generation keeps of itself."""
        assert self.current is not None
        self.current.store(word, max(self.current.words[word] + change, 0))

    @property
    def size(self) -> int:
        """Bytes of its generations."""
        return sum(len(index.map) for index in (self.current, self.previous) if index)

    # --- Room ---

    def reserve(self, count: int) -> bool:
        """See to it that `count` more keys fit, or raise `StoreFull`; and move some over.

        Return whether a larger generation was begun.
        """
        if self.current is None or (
            2 * (self.current.words[INDEX_USED] + count) > len(self.current.words) - SLOTS_AT
        ):
            self.finish_growing()
            self._grow(count)
            return True
        if self.previous is not None:
            self.move(STEP * count)
        return False

    def _grow(self, count: int) -> None:
        generation, keys = 1, 0
        if self.current is not None:
            generation = self.current.words[layout.HEADER_NUMBER] + 1
            keys = min(self.current.words[INDEX_KEYS], len(self.current.words))
        layout.GENERATIONS.check(generation, f"table {self._folder.name}")
        # At most three eighths full at first, so that it is not half full again at once.
        wanted = 8 * (keys + count) // 3
        slots = max(layout.SLOTS_MIN, 1 << wanted.bit_length())
        made = WritableSegment.create(
            self._folder / f"index.{generation}",
            layout.INDEX,
            (SLOTS_AT + slots) * layout.WORD,
            self._control.words[layout.HEADER_INSTANCE],
            self._table,
            generation,
        )
        self._reader.indexes[generation] = made
        self._count_bytes(len(made.map))
        made.store(INDEX_KEYS, keys)
        self.previous, self.current = self.current, made
        self._moved = SLOTS_AT
        left = generation - 1
        self._control.store(self._directory_at, generation | left << 32)

    def renew(self) -> None:
        """Put all keys into a new generation, since the file of one was removed.

        Readers that have the old one mapped find every key moved: nothing that they remember of it
        is valid any more.
        """
        self.finish_growing()
        self._grow(0)
        self.finish_growing()

    def finish_growing(self) -> None:
        """Move all that is left in the old generation."""
        if self.previous is not None:
            self.move(len(self.previous.words))

    def move(self, count: int) -> None:
        """Move the next `count` slots of the old generation over; when it is empty, unlink it."""
        if self.previous is None:
            return
        stop = min(self._moved + count, len(self.previous.words))
        if _move(self.previous, self.current, self._reader.chunks, self._moved, stop) is None:
            for at in range(self._moved, stop):
                word = self.previous.words[at]
                if word > MOVED:
                    self._move_one(at, word)
        self._moved = stop
        if stop == len(self.previous.words):
            self._leave_previous()

    def move_entry(self, scope: int, key: bytes) -> None:
        """Move a key over before its turn."""
        found = self._reader.newest(scope, key)
        if found is not None and found.segment is self.previous:
            self._move_one(found.place, found.word)

    def settle_moving(self) -> None:
        """Let the key that was moved last be in one generation only: a kill may leave it in both.

        Every other key is in one. Moving begins again at the first slot of the old generation.
        """
        if self.previous is None:
            return
        assert self.current is not None
        at = self.previous.words[INDEX_MOVING]
        word = self.previous.words[at]
        if at >= SLOTS_AT and word > MOVED:
            version = self._reader.version(word & REF_MASK)
            generation = self.current.words[layout.HEADER_NUMBER]
            if self._reader.has(generation, version.scope, version.key):
                self.previous.store(at, MOVED)

    def _move_one(self, at: int, word: int) -> None:
        assert self.previous is not None
        self.previous.store(INDEX_MOVING, at)
        self._insert(self._reader.digest(word & REF_MASK), word)
        memory.fence()  # there before it is gone from here
        self.previous.store(at, MOVED)

    def _leave_previous(self) -> None:
        assert self.previous is not None
        assert self.current is not None
        generation = self.current.words[layout.HEADER_NUMBER]
        self._control.store(self._directory_at, generation)
        self._reader.indexes.pop(generation - 1, None)
        self._count_bytes(-len(self.previous.map))
        self.previous.path.unlink(missing_ok=True)
        self.previous = None  # not closed: something found in it may still be looked at

    # --- Entries ---

    def may_have(self, scope: int, key: bytes) -> bool:
        """Tell whether a key is there, perhaps; False is certain."""
        if self.previous is not None and _has_hash(self.previous, scope, key) is not False:
            return True
        return self.current is not None and _has_hash(self.current, scope, key) is not False

    def put(
        self, scope: int, key: bytes, ref: int, found: Found | None, *, is_fork: bool = False
    ) -> None:
        """Make `ref` the newest version of a key; `found` is what `TableReader.newest` returned.

        A key of a fork gets the first empty place, never one that was in use and came free: readers
        remember the empty one while the fork does not have the key (tiger.reading.cache.View).
        """
        digest = crc32(key, scope)
        word = digest >> FINGERPRINT_SHIFT << HASH_SHIFT | ref
        if found is None:
            self._add(INDEX_KEYS, 1)
            self._insert(digest, word, EMPTY if is_fork else TOMB)
            return
        index, at = self._holding(found)
        if index is self.current:
            index.store(at, word)
        else:
            index.store(INDEX_MOVING, at)
            self._insert(digest, word)
            memory.fence()  # there before it is gone from here
            index.store(at, MOVED)

    def _insert(self, digest: int, word: int, free: int = TOMB) -> None:
        assert self.current is not None
        words = self.current.words
        mask = len(words) - SLOTS_AT - 1
        place = digest & mask
        last = place + mask
        while words[SLOTS_AT + (place & mask)] > free:
            if place == last:
                raise Damaged(f"{self.current.path} has no empty place{memory.REMEDY}")
            place += 1
        place &= mask
        if words[SLOTS_AT + place] == EMPTY:
            self._add(INDEX_USED, 1)
        self.current.store(SLOTS_AT + place, word)

    def mark_gone(self, scope: int, key: bytes, ref: int) -> None:
        """Say that the newest version of a key, which is `ref`, has ended."""
        entry = self._naming(scope, key, ref)
        assert entry is not None
        index, at = entry
        index.store(at, index.words[at] | GONE)

    def remove(self, version: Version) -> None:
        """Take the entry out that names a version, if there is one."""
        entry = self._naming(version.scope, version.key, version.ref)
        if entry is not None:
            index, at = entry
            index.store(at, TOMB)
            self._add(INDEX_KEYS, -1)

    def take_back(self, version: Version) -> None:
        """Let the entry that names a version name the one before it; without one, take it out."""
        entry = self._naming(version.scope, version.key, version.ref)
        if entry is None:
            return
        if not version.previous:
            self.remove(version)
            return
        index, at = entry
        gone = GONE if self._reader.version(version.previous).end else 0
        index.store(at, index.words[at] & ~(REF_MASK | GONE) | version.previous | gone)

    def mark_live(self, version: Version) -> None:
        """Take back that the newest version of a key has ended, if the entry says so."""
        entry = self._naming(version.scope, version.key, version.ref)
        if entry is not None:
            index, at = entry
            if index.words[at] & GONE:
                index.store(at, index.words[at] & ~GONE)

    def _naming(self, scope: int, key: bytes, ref: int) -> tuple[WritableSegment, int] | None:
        """Return the place of the entry that names this version of a key, if there is one."""
        digest = crc32(key, scope)
        for index in (self.current, self.previous):
            if index is None:
                continue
            words = index.words
            mask = len(words) - SLOTS_AT - 1
            for place in range(digest, digest + mask + 1):
                word = words[SLOTS_AT + (place & mask)]
                if word == EMPTY:
                    break
                if word & REF_MASK == ref and word > MOVED:
                    return index, SLOTS_AT + (place & mask)
        return None

    def replace(self, found: Found, ref: int) -> None:
        """Let a key's entry name another copy of the same version."""
        index, at = self._holding(found)
        index.store(at, found.word & ~REF_MASK | ref)

    def _holding(self, found: Found) -> tuple[WritableSegment, int]:
        """Return where an entry is now: it may have been moved since it was found."""
        index, at, word, version = found
        if index.words[at] != word:
            again = self._reader.newest(version.scope, version.key)
            assert again is not None
            index, at = again.segment, again.place
        assert isinstance(index, WritableSegment)
        return index, at

    def _count_bytes(self, change: int) -> None:
        at = layout.entry_at(self._table, layout.TABLE_BYTES)
        self._control.store(at, self._control.words[at] + change)
