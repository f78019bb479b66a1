"""A table whose writes are awaited."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from typing import Any, NoReturn

from tiger import functions
from tiger.aio.connection import AsyncConnection
from tiger.attaching import Attached
from tiger.errors import Conflict
from tiger.format.record import Record
from tiger.format.resources import Resource
from tiger.functions import changed_by, conflict_error
from tiger.place.process import refuse
from tiger.reading.moments import Latest
from tiger.reading.reads import TableReads
from tiger.waiting import WAIT_S, Search
from tiger.wire.requests import TableRequests


class AsyncTable(TableReads):
    """One table in one namespace: `tiger.Table` with its writes awaited.

    The tasks of one event loop may share it.
    """

    def __init__(self, attached: Attached[AsyncConnection], resource: Resource) -> None:
        """Prepare a table; its writes go through its store's connection."""
        attached.check_open()
        super().__init__(Latest(attached.reader), resource, attached.namespace)
        self._requests: TableRequests = TableRequests(
            attached.reader, resource, self._namespace, is_account=attached.is_account
        )
        self._attached = attached

    def __reduce__(self) -> NoReturn:
        """Refuse to pickle, as the store does."""
        refuse(self, "pickle a store of tiger.connect, or connect in the process that needs it")

    async def insert(self, item: Mapping[str, Any]) -> Record:
        """As `Table.insert`."""
        return await self._attached.connection.run(self._requests.insert(item))

    async def update(self, item: Mapping[str, Any], if_version: int | None = None) -> Record:
        """As `Table.update`."""
        return await self._attached.connection.run(self._requests.update(item, if_version))

    async def create(self, item: Mapping[str, Any]) -> Record:
        """As `Table.create`."""
        return await self._attached.connection.run(self._requests.create(item))

    async def insert_many(self, items: Iterable[Mapping[str, Any]]) -> int:
        """As `Table.insert_many`."""
        request = self._requests.insert_many(items)
        return await self._attached.connection.run(request) if request.operations else 0

    async def patch(self, id: str, changes: Mapping[str, Any]) -> Record:
        """As `Table.patch`."""
        return await self._attached.connection.run(self._requests.patch(id, changes))

    async def modify(self, id: str, function: Callable[[Record], Record | None]) -> Record:
        """As `Table.modify`, with a function that is not async."""
        for _ in range(functions.ATTEMPTS):
            content, version = self.read_version(id)
            changed = changed_by(function, id, content)
            try:
                return await self.update(changed, version)
            except Conflict:
                continue
        raise conflict_error(self.table_name, id, self._namespace)

    async def delete(self, id: str) -> bool:
        """As `Table.delete`."""
        return await self._attached.connection.run(self._requests.delete(id))

    async def wait_for(
        self,
        predicate: Callable[[Record], Any] | None = None,
        *,
        timeout_s: float | None = WAIT_S,
        **filters: Any,
    ) -> Record:
        """As `Table.wait_for`, with a predicate that is not async."""
        search = Search(self, predicate, filters, timeout_s)
        if (found := search.look()) is not None:
            return found
        with closing(self._attached.connection.twin()) as own:
            while not search.is_over:
                number = self._resource.number
                await own.wait(search.commit, number, self._namespace, search.deadline)
                if (found := search.look()) is not None:
                    return found
        raise search.timeout_error()

    async def delete_by_subscription(self, id: str) -> None:
        """As `Table.delete_by_subscription`."""
        await self._attached.connection.run(self._requests.delete_by_subscription(id))

    async def clear(self, *, everywhere: bool = False) -> None:
        """As `Table.clear`."""
        await self._attached.connection.run(self._requests.clear(everywhere=everywhere))

    async def clear_namespace(self, name: str | None = None) -> None:
        """As `Table.clear_namespace`."""
        await self._attached.connection.run(self._requests.clear_namespace(name))
