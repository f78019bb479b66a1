"""Pickling of stores and tables: only their settings, because the rest belongs to one process.

A pool sends each task its own copy of a store or a table. In one process, copies with the same
settings share a connection, so a task opens none.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tiger.attaching import Attached, attach
from tiger.errors import TigerError
from tiger.place import process
from tiger.reading.reader import Reader
from tiger.wire.connection import Connection, Options

if TYPE_CHECKING:
    from tiger.store import Store
    from tiger.table import Table

KEPT = 8
"""The most connections that are kept for later tasks; beyond that, the oldest one is closed."""


class Shared(Connection):
    """A connection without an owner: it closes when its last store is garbage-collected."""

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # the interpreter is ending, say
            self.let_go()


_kept: dict[tuple[str, Options], tuple[Reader, Shared]] = {}
"""Connections by their directory and options, the most recently used one last."""


def store_of(directory: str, namespace: str, options: Options) -> Store:
    """Return an unpickled store, on a shared connection if there is one; raises as `connect`.

    It does not own its connection, so other stores can be used whether it is closed or not.
    """
    from tiger.store import Store  # noqa: PLC0415 - which is pickled by this

    process.current()
    place = directory, options
    found = _kept.pop(place, None)
    if found is None or not _is_there(found[0]):
        reader, _, _ = attach(directory, namespace, *options)
        found = reader, Shared(reader, options)
    _kept[place] = found
    for oldest in list(_kept)[:-KEPT]:
        _kept.pop(oldest, None)  # a store that uses it still has it
    return Store(Attached(*found, namespace))


def _is_there(reader: Reader) -> bool:
    """Tell whether the instance is still the same."""
    try:
        reader.check_instance()
    except TigerError:
        return False
    return True


def table_of(directory: str, namespace: str, options: Options, name: str) -> Table:
    """Return an unpickled table."""
    return store_of(directory, namespace, options).table(name)
