"""The chunks of one table: appending versions, and counting how many bytes are still needed."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tiger.errors import Damaged, StoreFull, TigerError
from tiger.format import layout, memory
from tiger.format.memory import Segment
from tigerd.engine import segments
from tigerd.engine.segments import UNFINISHED, WritableSegment

HEADER_SIZE = layout.HEADER_WORDS * layout.WORD


class Spare:
    """A file as large as the smallest chunk, kept for the cleaner of an instance.

    When memory is full, copying the needed versions out of a chunk makes room, and needs some
    first.
    """

    def __init__(self, directory: Path) -> None:
        """Take over what is there; `keep` makes it."""
        self.path = directory / "spare"
        self._is_there = self.path.exists()

    def keep(self) -> None:
        """Make the spare file, if it is not there and there is room."""
        if not self._is_there:
            unfinished = self.path.with_name(f"{UNFINISHED}spare")
            with contextlib.suppress(TigerError):
                segments.allocate_file(unfinished, layout.CHUNK_MIN)
                unfinished.rename(self.path)
                self._is_there = True

    def take(self) -> Path | None:
        """Return the file for use, or None."""
        if not self._is_there:
            return None
        self._is_there = False
        return self.path


class Space:
    """Append-only chunks. `needed` counts the bytes in each that some reader may still want.

    Each chunk says how much of it is garbage, so a daemon that starts has nothing to count. The
    word that says so also names the version that was counted last: one store does both, so a
    version that is counted again after a kill is not counted twice.
    """

    def __init__(self, control: WritableSegment, folder: Path, table: int) -> None:
        """Take over the chunks found in the folder; appending goes on in the last one."""
        self._control = control
        self._folder = folder
        self._table = table
        self.chunks: dict[int, Any] = {}  # of WritableSegment; shared with the table's reader
        self.needed: dict[int, int] = {}
        self._ready: deque[int] = deque()
        self._active = 0
        self._filled: list[int] = []
        """Chunks that were filled since all was settled."""
        self._unneeded: list[int] = []
        for path in folder.glob(f"{UNFINISHED}*"):
            if path.is_file():
                path.unlink()  # its maker was killed
        for number, path in segments.numbered_files(folder, "chunk"):
            self._adopt(number, WritableSegment(path, layout.CHUNK))
        if self.chunks:
            self._active = max(self.chunks)
        self._filled = [number for number, _ in self.unsettled() if number != self._active]

    def _adopt(self, number: int, chunk: WritableSegment) -> None:
        chunk.check_identity(self._control.words[layout.HEADER_INSTANCE], self._table, number)
        self.chunks[number] = chunk
        self.needed[number] = used_in(chunk) - HEADER_SIZE - garbage_in(chunk)

    @property
    def active(self) -> int:
        """The number of the chunk that is being filled; 0 before there is one."""
        return self._active

    @property
    def size(self) -> int:
        """Bytes of all chunks."""
        return sum(len(chunk.map) for chunk in self.chunks.values())

    def room(self) -> int:
        """Bytes that can be appended without a new chunk."""
        return self._room_in(self._active) if self._active else 0

    def _room_in(self, number: int) -> int:
        chunk = self.chunks[number]
        return len(chunk.map) - used_in(chunk)

    def reserve(self, sizes: Sequence[int], spare: Spare | None = None) -> None:
        """See to it that versions of these sizes can be appended, or raise `StoreFull`.

        For that it may use up the `spare` file, if it is given.
        """
        if sum(sizes) <= self.room():
            return
        made: list[int] = []
        stored = sum(self.needed.values()) + sum(sizes)
        rooms = [self.room(), *(self._room_in(number) for number in self._ready)]
        at = 0
        try:
            for size in sizes:
                while at < len(rooms) and rooms[at] < size:
                    at += 1
                if at == len(rooms):
                    made.append(self._make(size, stored, spare))
                    rooms.append(self._room_in(made[-1]))
                rooms[at] -= size
        except Exception:
            for number in made:
                self.drop(number)
            raise
        self._ready.extend(made)

    def give_back(self) -> None:
        """Drop the chunks that were reserved and not used."""
        while self._ready:
            self.drop(self._ready.pop())

    def _make(self, size: int, stored: int, spare: Spare | None) -> int:
        """Make one more chunk, in proportion to the stored data, and at least for `size`."""
        number_at = layout.entry_at(self._table, layout.TABLE_LAST_CHUNK)
        number = self._control.words[number_at] + 1
        layout.CHUNKS.check(number, f"table {self._folder.name}")
        self._control.store(number_at, number)
        least = -(-(HEADER_SIZE + size) // layout.CHUNK_MIN) * layout.CHUNK_MIN
        wanted = min(layout.CHUNK_MAX, stored // 4)
        chunk = self._create(number, sorted({least, max(least, wanted & -layout.CHUNK_MIN)}), spare)
        self._adopt(number, chunk)
        self._count_bytes(len(chunk.map))
        return number

    def _create(self, number: int, sizes: list[int], spare: Spare | None) -> WritableSegment:
        """Make a chunk's file of the largest of the sizes for which there is room."""
        path = self._folder / f"chunk.{number}"
        identity = (self._control.words[layout.HEADER_INSTANCE], self._table, number, HEADER_SIZE)
        while True:
            size = sizes.pop()
            try:
                return WritableSegment.create(path, layout.CHUNK, size, *identity)
            except StoreFull:
                if sizes:
                    continue
                made = spare.take() if spare and size == layout.CHUNK_MIN else None
                if made is None:
                    raise
            return WritableSegment.publish(made, path, layout.CHUNK, size, *identity)

    def append(self, data: bytes, mutable_count: int) -> int:
        """Append one version, whose head comes after so many words; return its ref."""
        chunk, used = self._place_for(len(data))
        chunk.write(used, data)
        chunk.store(layout.HEADER_STATE, used + len(data))
        memory.fence()  # before anything refers to it
        self.needed[self._active] += len(data)
        return layout.ref_of(self._active, used + mutable_count * layout.WORD)

    def next_ref(self, size: int, mutable_count: int) -> int:
        """Return the ref that `append` will give to so many bytes."""
        _, used = self._place_for(size)
        return layout.ref_of(self._active, used + mutable_count * layout.WORD)

    def _place_for(self, size: int) -> tuple[WritableSegment, int]:
        """Return the chunk, and the byte in it, where so much is appended next."""
        chunk: WritableSegment | None = self.chunks.get(self._active)
        used = used_in(chunk) if chunk is not None else 0
        if chunk is None or len(chunk.map) - used < size:
            self._advance(size)
            chunk = self.chunks[self._active]
            used = used_in(chunk)
        return chunk, used

    def _advance(self, size: int) -> None:
        """Go on to the next reserved chunk with room for so much."""
        while self.room() < size:
            left, self._active = self._active, self._ready.popleft()
            if left:
                self._filled.append(left)
                self.drop_if_unneeded(left)

    def has(self, ref: int) -> bool:
        """Tell whether a version was appended there."""
        chunk = self.chunks.get(ref >> layout.REF_OFFSET_BITS)
        offset = (ref & layout.REF_OFFSET_MASK) * layout.ALIGNMENT
        return chunk is not None and offset < used_in(chunk)

    def find(self, ref: int) -> tuple[WritableSegment, int]:
        """Return the chunk that a ref names and the word in it where the head is."""
        head = (ref & layout.REF_OFFSET_MASK) * layout.ALIGNMENT // layout.WORD
        return self.chunks[ref >> layout.REF_OFFSET_BITS], head

    # --- Bytes that are not needed any more ---

    def discard(self, ref: int, size: int, *, is_copied: bool = False) -> None:
        """Count the bytes of a version as garbage, unless it is the one that was counted last.

        The bytes of one that was copied stay needed until `recount`: a reader may be in it.
        """
        number, offset = ref >> layout.REF_OFFSET_BITS, ref & layout.REF_OFFSET_MASK
        chunk = self.chunks[number]
        last, garbage = divmod(chunk.words[layout.CHUNK_GARBAGE], 1 << layout.GARBAGE_BITS)
        if last == offset:
            return
        chunk.store(layout.CHUNK_GARBAGE, offset << layout.GARBAGE_BITS | garbage + size)
        if not is_copied:
            self.needed[number] -= size
            if not self.needed[number]:
                self._unneeded.append(number)

    def recount(self, number: int) -> None:
        """Take over a chunk's count of garbage, and unlink it if nothing in it is needed."""
        chunk = self.chunks.get(number)
        if chunk is not None:
            self.needed[number] = used_in(chunk) - HEADER_SIZE - garbage_in(chunk)
            self.drop_if_unneeded(number)

    def take_unneeded(self) -> list[int]:
        """Return the chunks in which the last version was discarded since the last call."""
        found, self._unneeded = self._unneeded, []
        return found

    def drop_if_unneeded(self, number: int) -> None:
        """Unlink a chunk that holds nothing any more and is not being filled."""
        is_needed = self.needed.get(number) != 0
        if not is_needed and number != self._active and number not in self._ready:
            self.drop(number)

    # --- The settled part: committed, or taken back ---

    def settle(self) -> None:
        """Say that nothing in the chunks is under way: called between commits."""
        last = self._control.words[layout.entry_at(self._table, layout.TABLE_LAST_NUMBER)]
        for number in (*self._filled, self._active):
            chunk = self.chunks.get(number)
            if chunk is not None and chunk.words[layout.CHUNK_SETTLED] != used_in(chunk):
                chunk.store(layout.CHUNK_LAST_NUMBER, last)
                chunk.store(layout.CHUNK_SETTLED, used_in(chunk))
        self._filled.clear()

    def unsettled(self) -> list[tuple[int, int]]:
        """Return where versions may be that were never committed: chunks, and from which byte."""
        found = []
        for number, chunk in self.chunks.items():
            settled = max(chunk.words[layout.CHUNK_SETTLED], HEADER_SIZE)
            if settled < used_in(chunk):
                found.append((number, settled))
        return found

    @property
    def last_number(self) -> int:
        """The greatest number that was given to a version, as the chunks say."""
        words = (chunk.words[layout.CHUNK_LAST_NUMBER] for chunk in self.chunks.values())
        return max(words, default=0)

    def write_again(self, chunk: WritableSegment) -> None:
        """Write the file of a chunk again if it was removed, and let readers map that instead."""
        chunk.write_again()
        self._tell_dropped()

    def drop(self, number: int) -> None:
        """Unlink a chunk. Readers that have mapped it keep it until they unmap it."""
        chunk = self.chunks.pop(number)
        del self.needed[number]
        self._count_bytes(-len(chunk.map))
        unlink(chunk)
        self._tell_dropped()

    def _tell_dropped(self) -> None:
        at = layout.entry_at(self._table, layout.TABLE_DROPPED)
        self._control.store(at, self._control.words[at] + 1 & layout.WORD_MAX)

    def _count_bytes(self, change: int) -> None:
        at = layout.entry_at(self._table, layout.TABLE_BYTES)
        self._control.store(at, self._control.words[at] + change)


def used_in(chunk: Segment) -> int:
    """Return how many bytes of a chunk are used; `Damaged` for an impossible number."""
    used: int = chunk.words[layout.HEADER_STATE]
    if not HEADER_SIZE <= used <= len(chunk.map) or used % layout.ALIGNMENT:
        raise Damaged(
            f"{chunk.path} says that {used} bytes of {len(chunk.map)} are used{memory.REMEDY}"
        )
    return used


def garbage_in(chunk: Segment) -> int:
    """Return how many bytes of a chunk are garbage; `Damaged` for an impossible number."""
    garbage: int = chunk.words[layout.CHUNK_GARBAGE] % (1 << layout.GARBAGE_BITS)
    if garbage > used_in(chunk) - HEADER_SIZE or garbage % layout.ALIGNMENT:
        raise Damaged(
            f"{chunk.path} says that {garbage} bytes of {used_in(chunk)} are garbage{memory.REMEDY}"
        )
    return garbage


def unlink(segment: Segment) -> None:
    """Remove a segment's file and close it."""
    segment.path.unlink(missing_ok=True)
    segment.close()
