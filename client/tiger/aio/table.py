"""A table whose writes are awaited."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from tiger import modifying
from tiger.errors import Conflict
from tiger.format.record import Record
from tiger.format.resources import Resource
from tiger.modifying import changed_by, conflict_of
from tiger.pickling import table_of
from tiger.reading.moments import Latest
from tiger.reading.reader import Reader
from tiger.reading.reads import TableReads
from tiger.system import time
from tiger.table import WAIT_S, deadline_of
from tiger.wire.requests import Request, TableRequests

Result = TypeVar("Result")

AsyncWait = Callable[[int, int | None, str, float], Awaitable[None]]
"""As `tiger.table.Wait`, awaited."""


class AsyncRunner(Protocol):
    """What sends requests and waits: a store."""

    @property
    def is_account(self) -> bool:
        """Whether its namespace is a sandbox, a fork, or a test's account."""

    async def run(self, request: Request[Result]) -> Result:
        """Return what a request comes to."""

    def watcher(self) -> AbstractContextManager[AsyncWait]:
        """Give what waits for writes."""


class AsyncTable(TableReads):
    """One table in one namespace: `tiger.Table` with its writes awaited."""

    def __init__(
        self, reader: Reader, resource: Resource, namespace: str, runner: AsyncRunner
    ) -> None:
        """Prepare a table; `runner` sends its writes."""
        super().__init__(Latest(reader), resource, namespace)
        self.requests = TableRequests(reader, resource, namespace, is_account=runner.is_account)
        self._runner = runner

    def __reduce__(self) -> tuple[Any, ...]:
        """Refuse, as the store does."""
        return table_of, (self._runner, self.table_name)

    async def insert(self, item: Mapping[str, Any]) -> Record:
        """As `Table.insert`."""
        return await self._runner.run(self.requests.insert(item))

    async def update(self, item: Mapping[str, Any], if_version: int | None = None) -> Record:
        """As `Table.update`."""
        return await self._runner.run(self.requests.update(item, if_version))

    async def create(self, item: Mapping[str, Any]) -> Record:
        """As `Table.create`."""
        return await self._runner.run(self.requests.create(item))

    async def insert_many(self, items: Iterable[Mapping[str, Any]]) -> int:
        """As `Table.insert_many`."""
        request = self.requests.insert_many(items)
        return await self._runner.run(request) if request.operations else 0

    async def patch(self, id: str, changes: Mapping[str, Any]) -> Record:
        """As `Table.patch`."""
        return await self._runner.run(self.requests.patch(id, changes))

    async def modify(self, id: str, function: Callable[[Record], Record | None]) -> Record:
        """As `Table.modify`; the function is a plain one."""
        for _ in range(modifying.ATTEMPTS):
            content, version = self.read_version(id)
            changed = changed_by(function, id, content)
            try:
                return await self.update(changed, version)
            except Conflict:
                continue
        raise conflict_of(self.table_name, id, self._namespace)

    async def delete(self, id: str) -> bool:
        """As `Table.delete`."""
        return await self._runner.run(self.requests.delete(id))

    async def wait_for(
        self,
        predicate: Callable[[Record], Any] | None = None,
        *,
        timeout_s: float | None = WAIT_S,
        **filters: Any,
    ) -> Record:
        """As `Table.wait_for`; the predicate is a plain function."""
        deadline = deadline_of(timeout_s)
        commit, found = self._look_for(predicate, filters)
        if found is not None:
            return found
        with self._runner.watcher() as wait:
            while time.monotonic() < deadline:
                await wait(commit, self._resource.number, self._namespace, deadline)
                commit, found = self._look_for(predicate, filters)
                if found is not None:
                    return found
        raise self._timeout_error(timeout_s, filters)

    async def delete_by_subscription(self, id: str) -> None:
        """As `Table.delete_by_subscription`."""
        await self._runner.run(self.requests.delete_by_subscription(id))

    async def clear(self, *, everywhere: bool = False) -> None:
        """As `Table.clear`."""
        await self._runner.run(self.requests.clear(everywhere=everywhere))

    async def clear_namespace(self, name: str | None = None) -> None:
        """As `Table.clear_namespace`."""
        await self._runner.run(self.requests.clear_namespace(name))
