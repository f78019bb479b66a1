"""Taking away what no reader can see any more, and moving what is needed out of emptied chunks.

Each is done in stores that leave readers, at any commit that they may be at, with what they see.
"""

from __future__ import annotations

from collections.abc import Iterator

from tiger import layout
from tiger.layout import FIRST, NAMESPACES, OLDER, VALUES
from tiger.version import Version
from tigerd.lists import First, ListName
from tigerd.space import Spare
from tigerd.table import NAMESPACES_LIST, Table


def retire_record(table: Table, version: Version) -> None:
    """Unlink a version that ended at or before the horizon, and count its bytes as garbage.

    Its key goes first and its place in list 0 last: a version that a kill leaves half taken
    away is still in list 0, where recovery finds it.
    """
    table.index.remove(version)
    for name, first in _lists_of(table, version):
        table.lists.unlink(name, first, version.ref)
        if name[1] and not first[0].words[first[1]]:
            drop_value(table, VALUES | version.scope, name[2])
    table.space.release(version.ref, table.size_of(version))


def _lists_of(table: Table, version: Version) -> Iterator[tuple[ListName, First]]:
    """Yield the lists that a record's version is in, list 0 last."""
    for index, value in table.values_in(version):
        found = table.reader.newest(VALUES | version.scope, value)
        if found is not None:
            yield (version.scope, index, value), table.first_of(found[3].ref)
    owner = table.scopes[version.scope].ref
    yield (version.scope, 0, b""), table.first_of(owner)


def drop_value(table: Table, scope: int, value: bytes) -> None:
    """Take the owner of a value's list away, which is empty or goes with its namespace."""
    found = table.reader.newest(scope, value)
    if found is not None:
        table.owners.pop((scope, value), None)
        table.lists.copies.pop((scope & ~VALUES, value[0], value), None)
        table.index.remove(found[3])
        table.space.release(found[3].ref, table.size_of(found[3]))


def retire_namespace(table: Table, namespace: Version) -> Iterator[None]:
    """Take a namespace away that ended at or before the horizon, in steps of one record."""
    ref, scope = namespace.ref, namespace.number
    table.index.remove(namespace)
    dropped: set[bytes] = set()
    copies = table.lists.take_copies(scope)
    while first := table.lists.word(ref, FIRST):
        version = table.reader.version(first)
        for _, value in table.values_in(version):
            if value not in dropped:
                drop_value(table, VALUES | scope, value)
                dropped.add(value)
        table.index.remove(version)
        table.lists.store(ref, FIRST, version.link(OLDER))
        table.space.release(first, table.size_of(version))
        for copy in copies:
            del copy[-1:]
        yield
    table.lists.unlink(NAMESPACES_LIST, table.first_namespace(), ref)
    del table.scopes[scope]
    table.space.release(ref, table.size_of(namespace))


def relocate(table: Table, version: Version, spare: Spare) -> bool:
    """Append a copy of a version that is needed, and let everything name the copy.

    The copy is equal to the original, so readers at any commit may see either. Returns
    whether the version was the newest of its key, and live: no other is copied.
    """
    found = table.reader.newest(version.scope, version.key)
    if found is None or found[3].ref != version.ref or found[2] & layout.GONE:
        return False
    size = table.size_of(version)
    table.space.reserve([size], spare)
    start = version.head * layout.WORD - table.mutable_size
    data = version.chunk.map[start : start + size]
    copy = table.space.append(data, table.mutable_count)
    if version.scope == NAMESPACES:
        first = table.first_namespace()
        table.lists.replace(NAMESPACES_LIST, first, version.ref, copy)
        table.scopes[version.number].ref = copy
    elif version.scope & VALUES:
        table.owners.pop((version.scope, version.key), None)
    else:
        for name, first in _lists_of(table, version):
            table.lists.replace(name, first, version.ref, copy)
    table.index.replace(found, copy)
    table.lists.store(version.ref, layout.END, layout.COPIED)
    return True
