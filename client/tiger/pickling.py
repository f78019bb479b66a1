"""Pickling of stores and tables, by their settings. All else belongs to one process.

A pool sends each task a store, or a table, of its own. In one process those of the same settings
share a connection, so a task costs none, and a process has no more of them than it has uses.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tiger.attaching import Attached, Settings, attach
from tiger.errors import TigerError
from tiger.place import process
from tiger.reading.reader import Reader
from tiger.wire.connection import Connection

if TYPE_CHECKING:
    from tiger.store import Store
    from tiger.table import Table

KEPT = 8
"""Connections that stay for the next task; a process that is sent ever new ones has the latest."""


class Shared(Connection):
    """A connection that nobody owns: it closes when the last store on it is forgotten."""

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # the interpreter is ending, say
            self.let_go()


_kept: dict[Settings, tuple[Reader, Shared]] = {}
"""By settings without the namespace, the one that was asked for last at the end."""


def store_of(
    directory: str, namespace: str, autostart: bool, timeout_s: float, everywhere: bool
) -> Store:
    """Return a store that was pickled, on the connection of those before it; raises as `connect`.

    It does not own its connection: closing it, or forgetting to, makes no difference to others.
    """
    from tiger.store import Store  # noqa: PLC0415 - which is pickled by this

    process.current()
    settings = Settings(directory, namespace, autostart, timeout_s, everywhere)
    place = settings._replace(namespace="")
    found = _kept.pop(place, None)
    if found is None or not _is_there(found[0]):
        reader, _ = attach(*settings)
        found = (
            reader,
            Shared(reader, autostart=autostart, timeout_s=timeout_s, everywhere=everywhere),
        )
    _kept[place] = found
    for oldest in list(_kept)[:-KEPT]:
        _kept.pop(oldest, None)  # a store that uses it still has it
    return Store(Attached(*found, settings))


def _is_there(reader: Reader) -> bool:
    """Tell whether the instance is still the same."""
    try:
        reader.check_instance()
    except TigerError:
        return False
    return True


def table_of(settings: Settings, name: str) -> Table:
    """Return a table that was pickled."""
    return store_of(*settings).table(name)
