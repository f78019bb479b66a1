"""A snapshot: the reads of a store, all at one commit number."""

from __future__ import annotations

from tiger.reader import PinnedMoment, Reader
from tiger.reads import TableReads
from tiger.store_reads import StoreReads


class Snapshot(StoreReads):
    """Reads of all tables at one commit number."""

    def __init__(self, reader: Reader, moment: PinnedMoment, namespace: str) -> None:
        """Read at the moment's commit for as long as it is held."""
        super().__init__(reader, moment, namespace)
        self.commit: int = moment.commit
        self._pinned = moment

    def __repr__(self) -> str:
        return f"<Snapshot at commit {self.commit} of namespace {self._namespace!r}>"

    def table(self, name: str) -> TableReads:
        """Return the reads of a table, or raise `UnknownTable`."""
        return TableReads(self._reader, self._moment, self._resource(name), self._namespace)

    def __getattr__(self, name: str) -> TableReads:
        """Return the reads of a table by its name, as `view.coupons`."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self.table(name)

    def namespace(self, name: str) -> Snapshot:
        """Return the same moment, seen from another namespace."""
        return Snapshot(self._reader, self._pinned, name)
