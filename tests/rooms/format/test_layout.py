"""The shared-memory format does not move: literal offsets, sizes and bits."""

from __future__ import annotations

from tiger.format import layout
from tiger.format.resources import DEFINITIONS, RESOURCES


def test_offsets_of_the_control_segment() -> None:
    assert layout.VERSION == 5
    assert (layout.COMMIT, layout.HORIZON, layout.HEARTBEAT) == (8, 9, 10)
    assert layout.WAKES == 17
    assert layout.entry_at(0, 0) == 512
    assert layout.entry_at(1, layout.TABLE_DIRECTORY) == 520
    assert layout.client_at(0, layout.CLIENT_ID) == 2560
    assert layout.client_at(1, layout.CLIENT_REF) == 2571
    assert layout.ring_at(0) == 10752
    assert layout.ring_at(layout.RING_MAX + 1) == 10754
    assert layout.ended_at(0) == layout.ring_at(layout.RING_MAX - 1) + 2 == 43520
    assert (layout.ended_at(layout.ENDED_MAX - 1) + 1) * layout.WORD <= layout.CONTROL_SIZE
    assert layout.CONTROL_SIZE == 524288


def test_words_of_headers_are_each_its_own() -> None:
    chunk = (layout.CHUNK_GARBAGE, layout.CHUNK_SETTLED, layout.CHUNK_LAST_NUMBER)
    index = (layout.INDEX_USED, layout.INDEX_KEYS, layout.INDEX_MOVING)
    assert chunk == index == (8, 9, 10)
    assert layout.HEADER_STATE < 8 < layout.HEADER_WORDS == layout.SLOTS_AT == 16


def test_sizes_of_a_version() -> None:
    assert layout.HEAD_SIZE == 48
    assert layout.HEAD.size == 40
    assert [layout.mutable_words(n) for n in range(5)] == [6, 6, 8, 10, 12]


def test_bits_of_words() -> None:
    assert layout.ref_of(1, 336) == 0x100015
    assert layout.GONE == 1 << 48
    assert layout.first_word(31, 6, 0x53928E3C) == 0x0600001F53928E3C


def test_every_mutable_word_of_a_version_is_its_own() -> None:
    """Links of lists, the end, and what an owner has: no two places are the same word."""
    words = [
        layout.END,
        *(place - 2 * n for n in range(4) for place in (layout.OLDER, layout.NEWER)),
    ]
    assert len(set(words)) == len(words)
    assert -min(words) <= layout.mutable_words(3)
    owner = [layout.END, layout.OLDER, layout.NEWER, layout.FIRST, layout.COUNT_A, layout.COUNT_B]
    assert len(set(owner)) == len(owner) == layout.mutable_words(0)


def test_a_tables_number_is_part_of_the_format() -> None:
    numbers = {resource.table: resource.number for resource in RESOURCES}
    assert DEFINITIONS.number == 0
    assert (numbers["accounts"], numbers["coupons"], numbers["webhooks"]) == (1, 12, 45)
    assert sorted(numbers.values()) == list(range(1, 46))
