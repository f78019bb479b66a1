"""Walks through a table: through the versions of a chunk, and through its lists."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from tiger.errors import Damaged
from tiger.format import layout
from tiger.format.layout import COPIED, OLDER, TAKEN
from tiger.format.memory import REMEDY, Vanished
from tiger.format.version import Version
from tigerd.engine.lists import ListName

if TYPE_CHECKING:
    from tigerd.engine.table import WritableTable


def versions_in(
    table: WritableTable, number: int, offset: int = layout.HEADER_WORDS * layout.WORD
) -> Iterator[Version]:
    """Yield the versions of a chunk, from a byte on, in the order they were appended."""
    chunk = table.space.chunks[number]
    while number in table.space.chunks and offset < chunk.words[layout.HEADER_STATE]:
        version = table.reader.version(layout.ref_of(number, offset + table.encoding.mutable_size))
        yield version
        offset += table.encoding.size_of(version)


def first_members(table: WritableTable, name: ListName) -> Iterator[int]:
    """Yield the members of a list that are the first versions of their chunks, in any order.

    So any place in the list is about a chunk's length away from the nearest one.
    """
    scope, index, value = name
    for number in table.space.chunks:
        with suppress(Vanished):  # a version that is damaged and not needed here
            for version in islice(versions_in(table, number), 1):
                is_linked = version.scope == scope and version.end not in (TAKEN, COPIED)
                if is_linked and (not index or (index, value) in table.values_in(version)):
                    yield version.ref


def listed(table: WritableTable) -> Iterator[Version]:
    """Yield each namespace, and then the versions in its list unless it has ended.

    `Damaged` for a list without end.
    """
    for known in list(table.namespaces.by_scope.values()):
        namespace = table.reader.version(known.ref)
        yield namespace
        if not namespace.end:
            yield from chain(table, namespace.number, namespace.first)


def chain(table: WritableTable, scope: int, ref: int) -> Iterator[Version]:
    """Yield all versions of a table's own list from one on, whether committed or not."""
    bound = table.space.size // layout.HEAD_SIZE
    while ref:
        version = table.reader.version(ref)
        if version.scope != scope:
            raise Damaged(f"{version.chunk.path}: a link into another list{REMEDY}")
        yield version
        ref = version.link(OLDER)
        bound -= 1
        if bound < 0:
            raise Damaged(f"{table.folder}: a list without end{REMEDY}")
