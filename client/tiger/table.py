"""A table in one namespace: the reads at the latest commit, remembered, and the writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from typing import Any

from tiger import functions
from tiger.attaching import Attached
from tiger.errors import Conflict
from tiger.format.record import Record
from tiger.format.resources import Resource
from tiger.functions import changed_by, conflict_error
from tiger.pickling import table_of
from tiger.reading.moments import Latest
from tiger.reading.reads import TableReads
from tiger.waiting import WAIT_S, Search
from tiger.wire.connection import Connection
from tiger.wire.requests import TableRequests


class Table(TableReads):
    """One table in one namespace of a store: `store.coupons`, or `store.table("coupons")`.

    Reads take no lock and do not wait. Writes block until they are answered, within the
    `timeout_s` of `connect`. Threads may share it, and a forked child may continue to use it.
    """

    def __init__(self, attached: Attached[Connection], resource: Resource) -> None:
        """Prepare a table; its writes go through its store's connection."""
        attached.check_open()
        super().__init__(Latest(attached.reader), resource, attached.namespace)
        self._requests: TableRequests = TableRequests(
            attached.reader, resource, self._namespace, is_account=attached.is_account
        )
        self._attached = attached

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the store's settings, and which table it is."""
        return table_of, (*self._attached.settings, self.table_name)

    def insert(self, item: Mapping[str, Any]) -> Record:
        """Write a record, replacing one with the same id, and return it.

        Without an `id` one is generated: the table's prefix, `_`, and 24 letters or digits. Raises
        `InvalidRecord`, and as every write `Sealed`, `StoreFull`, `DaemonUnavailable`,
        `OutcomeUnknown`. Like every write it takes one round trip to the daemon, about 40
        microseconds.
        """
        return self._attached.connection.run(self._requests.insert(item))

    def update(self, item: Mapping[str, Any], if_version: int | None = None) -> Record:
        """Write a record that has an id, whether it exists or not, and return it.

        With `if_version` (from `version`) it raises `Conflict` if the record no longer has that
        version. Raises `InvalidRecord` for a record without an id.
        """
        return self._attached.connection.run(self._requests.update(item, if_version))

    def create(self, item: Mapping[str, Any]) -> Record:
        """Write a record as `insert` does, and return it; `AlreadyExists` if the id exists.

        Raises as `insert` too.
        """
        return self._attached.connection.run(self._requests.create(item))

    def insert_many(self, items: Iterable[Mapping[str, Any]]) -> int:
        """Write many records under one commit number, all or none; return how many.

        Raises as `insert`, with the position of the invalid record; `InvalidRequest` for more than
        64 MiB of msgpack or 1,048,576 records at once.
        """
        request = self._requests.insert_many(items)
        return self._attached.connection.run(request) if request.operations else 0

    def patch(self, id: str, changes: Mapping[str, Any]) -> Record:
        """Merge changes into a record at the daemon, atomically, and return it.

        Each key of `changes` replaces the record's value as a whole; None removes the key. Raises
        `NotFound`, and `InvalidRecord` for a value that cannot be stored and for another id.
        """
        return self._attached.connection.run(self._requests.patch(id, changes))

    def modify(self, id: str, function: Callable[[Record], Record | None]) -> Record:
        """Apply a function to a record, and write the result if nobody else wrote in between.

        Otherwise it reads and applies again, so the function may be called more than once. The
        function may change its argument and return None. Returns the record as written. Raises
        `NotFound`, `Conflict` after 1,000 attempts, `InvalidRecord` if the id was changed, and
        `InvalidRequest` for an async function.
        """
        for _ in range(functions.ATTEMPTS):
            content, version = self.read_version(id)
            changed = changed_by(function, id, content)
            try:
                return self.update(changed, version)
            except Conflict:
                continue
        raise conflict_error(self.table_name, id, self._namespace)

    def delete(self, id: str) -> bool:
        """Remove a record; return whether it was there.

        A missing record is no error. Raises `InvalidRecord` for an invalid id; else as every write.
        """
        return self._attached.connection.run(self._requests.delete(id))

    def wait_for(
        self,
        predicate: Callable[[Record], Any] | None = None,
        *,
        timeout_s: float | None = WAIT_S,
        **filters: Any,
    ) -> Record:
        """Return the newest record that has these values and satisfies the predicate.

        If there is none, wait until any process commits one. After `timeout_s` seconds raise
        `TimedOut`, which shows the existing records; None waits for ever. Raises `InstanceError` if
        the instance is removed meanwhile.
        """
        search = Search(self, predicate, filters, timeout_s)
        if (found := search.look()) is not None:
            return found
        with closing(self._attached.connection.twin()) as own:
            while not search.is_over:
                own.wait(search.commit, self._resource.number, self._namespace, search.deadline)
                if (found := search.look()) is not None:
                    return found
        raise search.timeout_error()

    def delete_by_subscription(self, id: str) -> None:
        """Remove the subscription items of a subscription, in one commit.

        Only `subscription_items` has it; others raise AttributeError.
        """
        self._attached.connection.run(self._requests.delete_by_subscription(id))

    def clear(self, *, everywhere: bool = False) -> None:
        """Empty this table in all namespaces, including those of other processes.

        In a sandbox, a fork or a test's account it raises `InvalidRequest` unless `everywhere` is
        True, since it would empty every other test's account too. It costs one write.
        """
        self._attached.connection.run(self._requests.clear(everywhere=everywhere))

    def clear_namespace(self, name: str | None = None) -> None:
        """Empty this table in one namespace, by default in the store's own.

        Raises `InvalidRecord` for an invalid name; else as every write.
        """
        self._attached.connection.run(self._requests.clear_namespace(name))
