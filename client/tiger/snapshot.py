"""A snapshot: the reads of a store, all at one commit number."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from tiger.place.process import refuse
from tiger.reading.moments import Pinned
from tiger.reading.namespace import NamespaceReads
from tiger.reading.reads import Records, TableReads
from tiger.table import Table

if TYPE_CHECKING:
    from tiger.declared import SnapshotTables
else:
    SnapshotTables = object


class SnapshotTable(TableReads):
    """The reads of one table, all at the snapshot's commit number.

    It has all reads of a store's table, from `get` to its finders, and no writes.
    """

    def __reduce__(self) -> NoReturn:
        """Refuse to pickle, as the snapshot does."""
        refuse(self, "pickle the store, and take a snapshot in the process that needs it")

    def _named(self, name: str) -> Callable[[Any], Records]:
        """Return a finder, or say that writes are for the store."""
        if not name.startswith("_") and hasattr(Table, name):
            raise AttributeError(
                f"a snapshot is read-only and has no {name!r}: use store.{self.table_name}.{name}"
            )
        return super()._named(name)

    if not TYPE_CHECKING:  # for which only what is declared is there
        __getattr__ = _named


class Snapshot(NamespaceReads[SnapshotTable], SnapshotTables):
    """Reads of all tables at one commit number, `view.commit`; made by `store.snapshot()`.

    It has the tables of a store, `view.coupons`, without their writes. Threads may share it. After
    the end of its block a read raises `InvalidRequest`, also in a child that was forked meanwhile.
    """

    def __init__(self, moment: Pinned, namespace: str) -> None:
        """Read at the moment's commit for as long as it is held."""
        super().__init__(
            moment, namespace, lambda resource: SnapshotTable(moment, resource, namespace)
        )
        self.commit: int = moment.commit
        self._pinned = moment

    def __repr__(self) -> str:
        return f"<Snapshot at commit {self.commit} of namespace {self._namespace!r}>"

    def __reduce__(self) -> NoReturn:
        """Refuse to pickle: a snapshot belongs to the process that took it."""
        refuse(self, "pickle the store, and take a snapshot in the process that needs it")

    def _named(self, name: str) -> SnapshotTable:
        """Return the reads of a table by its name, as `view.coupons`."""
        if name.startswith("_"):
            raise AttributeError(name)
        from tiger.store import Store  # noqa: PLC0415 - which makes snapshots

        if hasattr(Store, name):
            raise AttributeError(
                f"a snapshot is read-only and has no {name!r}: use store.{name} outside it"
            )
        return super()._named(name)

    if not TYPE_CHECKING:  # for which only what is declared is there
        __getattr__ = _named

    def namespace(self, name: str) -> Snapshot:
        """Return the same moment, seen from another namespace.

        Raises `InvalidRecord` for an invalid name.
        """
        return self._leaving_out(Snapshot(self._pinned, name))
