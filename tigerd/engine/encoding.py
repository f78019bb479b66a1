"""The bytes of a table's versions, as the daemon writes them; `tiger.format.version` reads them."""

from __future__ import annotations

import struct
from zlib import crc32

from tiger.format import layout
from tiger.format.version import Version, aligned
from tigerd.engine.lists import Order

PADDING = [bytes(size) for size in range(layout.ALIGNMENT)]
pack_head = layout.HEAD.pack


class Encoding:
    """The common form of all versions of one table: the number of mutable words before the head."""

    def __init__(self, index_count: int) -> None:
        """Prepare for the versions of a table with a number of indexed fields."""
        self.mutable_count = layout.mutable_words(index_count)
        self.mutable_size = self.mutable_count * layout.WORD
        """The same in bytes."""
        self.overhead = self.mutable_size + layout.HEAD_SIZE + layout.ALIGNMENT
        """Bytes that a version takes beside its key and body, at most."""
        self._prelude = struct.Struct(f"={self.mutable_count + 1}Q")

    def size(self, key_size: int, body_size: int) -> int:
        """Return the bytes that a version with such a key and body takes."""
        return self.mutable_size + aligned(layout.HEAD_SIZE + key_size + body_size)

    def size_of(self, version: Version) -> int:
        """Return the bytes that a version takes in its chunk."""
        return self.mutable_size + version.size

    def words(self) -> list[int]:
        """Return the words that change, all 0; index them with `layout.END` and the like."""
        return [0] * self.mutable_count

    def encode(
        self,
        scope: int,
        key: bytes,
        body: bytes,
        order: Order,
        begin: int,
        previous: int,
        words: list[int],
    ) -> bytes:
        """Return a version's bytes, the words that change first."""
        created, rest, number = order
        content = pack_head(scope, rest, begin, previous, created, number) + key + body
        first = layout.first_word(len(body), len(key), crc32(content, layout.SUM_SEED))
        data = self._prelude.pack(*words, first) + content
        return data + PADDING[-len(data) % layout.ALIGNMENT]
