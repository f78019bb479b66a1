"""Removing versions that no reader can see any more, and copying needed ones out of chunks.

Each store leaves every reader, at whatever commit it reads, with what it saw before.
"""

from __future__ import annotations

from collections.abc import Iterator

from tiger.format import layout
from tiger.format.layout import COPIED, END, FIRST, NAMESPACES, OLDER, TAKEN, VALUES
from tiger.format.version import Version
from tiger.reading.table_reader import Found
from tigerd.engine.lists import First, ListName
from tigerd.engine.space import Spare
from tigerd.engine.table import NAMESPACES_LIST, WritableTable


def retire(table: WritableTable, ref: int) -> Iterator[None]:
    """Take a version away that ended at or before the horizon; a namespace in many steps.

    A kill leaves a step half done; the same step can be made again.
    """
    version = table.reader.version(ref)
    if version.end > TAKEN:
        if version.scope == NAMESPACES:
            yield from _retire_namespace(table, version)
        else:
            _retire_record(table, version)


def _retire_record(table: WritableTable, version: Version) -> None:
    """Unlink a version: its key goes first and its place in list 0 last."""
    table.index.remove(version)
    for name, first in _lists_of(table, version):
        _, index, value = name
        if not index:
            table.space.discard(version.ref, table.encoding.size_of(version))
        table.lists.unlink(name, first, version.ref)
        if index and not first.ref:
            drop_value(table, VALUES | version.scope, value)
    table.lists.store(version.ref, END, TAKEN)


def _lists_of(table: WritableTable, version: Version) -> Iterator[tuple[ListName, First]]:
    """Yield the lists that a record's version is in, list 0 last."""
    for index, value in table.values_in(version):
        found = table.reader.newest(VALUES | version.scope, value)
        if found is not None:
            yield (version.scope, index, value), table.first_of(found.version.ref)
    owner = table.namespaces.by_scope[version.scope].ref
    yield (version.scope, 0, b""), table.first_of(owner)


def drop_value(table: WritableTable, scope: int, value: bytes) -> None:
    """Take away the owner of a value's list, which is empty or goes with its namespace."""
    found = table.reader.newest(scope, value)
    if found is not None:
        table.owners.pop((scope, value), None)
        table.lists.marks.pop((scope & ~VALUES, value[0], value), None)
        _discard(table, found.version)
        table.index.remove(found.version)


def _discard(table: WritableTable, version: Version) -> None:
    """Count a version as garbage and mark it as taken, before nothing names it any more."""
    table.space.discard(version.ref, table.encoding.size_of(version))
    table.lists.store(version.ref, END, TAKEN)


def _retire_namespace(table: WritableTable, namespace: Version) -> Iterator[None]:
    """Take a namespace away, in steps of one record."""
    ref, scope = namespace.ref, namespace.number
    table.index.remove(namespace)
    dropped: set[bytes] = set()
    marks = table.lists.take_marks(scope)
    while first := table.lists.word(ref, FIRST):
        version = table.reader.version(first)
        for _, value in table.values_in(version):
            if value not in dropped:
                drop_value(table, VALUES | scope, value)
                dropped.add(value)
        table.index.remove(version)
        _discard(table, version)
        table.lists.store(ref, FIRST, version.link(OLDER))
        for marked in marks:
            del marked[-1:]
        yield
    table.space.discard(ref, table.encoding.size_of(namespace))
    table.lists.unlink(NAMESPACES_LIST, table.first_namespace(), ref)
    table.lists.store(ref, END, TAKEN)
    table.namespaces.by_scope.pop(scope, None)


def take_back(table: WritableTable, version: Version) -> None:
    """Take away a version that was never committed, after all that were appended after it.

    Its commit number will be given again. Its neighbours are as they were when it was linked, so
    they get back what they named before.
    """
    if version.end == TAKEN:
        return
    if version.scope == NAMESPACES:
        table.lists.unlink(NAMESPACES_LIST, table.first_namespace(), version.ref)
    elif not version.scope & VALUES:
        for name, first in _lists_of(table, version):
            table.lists.unlink(name, first, version.ref)
    if version.previous:
        take_end_back(table, table.reader.version(version.previous))
    table.index.take_back(version)
    _discard(table, version)


def take_end_back(table: WritableTable, version: Version) -> None:
    """Restore a version whose end was never committed.

    The end goes last: after another kill a search finds the version by it.
    """
    if 0 < version.end <= table.control.words[layout.COMMIT]:
        return
    table.index.mark_live(version)
    if version.end:
        table.lists.store(version.ref, END, 0)


def relocate(table: WritableTable, version: Version, spare: Spare) -> bool:
    """Append a copy of a version that is needed, and let everything name the copy.

    The copy is equal to the original, so readers at any commit may see either. Returns
    whether the version was the newest of its key, and live: no other is copied.
    """
    found = table.reader.newest(version.scope, version.key)
    if found is None or found.version.ref != version.ref or found.word & layout.GONE:
        return False
    size = table.encoding.size_of(version)
    table.space.reserve([size], spare)
    start = version.head * layout.WORD - table.encoding.mutable_size
    data = version.chunk.map[start : start + size]
    control, at = table.control, table.number << 48
    control.store(layout.COPY, table.space.next_ref(size, table.encoding.mutable_count))
    control.store(layout.COPYING, at | version.ref)
    finish_copy(table, version, table.space.append(data, table.encoding.mutable_count), found)
    control.store(layout.COPYING, 0)
    return True


def finish_copy(table: WritableTable, version: Version, copy: int, found: Found | None) -> None:
    """Let everything name the copy of a version; after a kill this can be done again.

    `found` is where its key is.
    """
    if version.scope == NAMESPACES:
        first = table.first_namespace()
        table.lists.replace(NAMESPACES_LIST, first, version.ref, copy)
        table.namespaces.by_scope[version.number].ref = copy
    elif version.scope & VALUES:
        table.owners.pop((version.scope, version.key), None)
    else:
        for name, first in _lists_of(table, version):
            table.lists.replace(name, first, version.ref, copy)
    if found is not None and found.version.ref == version.ref:
        table.index.replace(found, copy)
    table.space.discard(version.ref, table.encoding.size_of(version), is_copied=True)
    table.lists.store(version.ref, END, COPIED)
