"""A store whose writes are awaited."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from tiger import undone
from tiger.aio.connection import AsyncConnection
from tiger.aio.table import AsyncTable, AsyncWait
from tiger.any_store import AnyStore
from tiger.batch import Batch
from tiger.errors import StoreFull
from tiger.format.protocol import PING
from tiger.format.resources import Resource
from tiger.marks import Mark
from tiger.namespaces import unique
from tiger.pickling import refuse
from tiger.reading.changes import Changes, Commit
from tiger.wire import requests
from tiger.wire.requests import Request

if TYPE_CHECKING:
    from tiger.declared import AsyncTables
else:
    AsyncTables = object

Result = TypeVar("Result")


class AsyncStore(AnyStore[AsyncTable, AsyncWait], AsyncTables):
    """All tables of one instance, seen from one namespace; made by `tiger.aio.connect`.

    What only reads is not awaited: `snapshot` is used with a plain `with`, `mark` is a plain call.
    """

    _connection: AsyncConnection
    _closes_itself = False  # its sockets are an event loop's

    # --- Tables ---

    def _new_table(self, resource: Resource) -> AsyncTable:
        return AsyncTable(self._reader, resource, self._namespace, self)

    async def define(
        self,
        name: str,
        *,
        prefix: str | None = None,
        url: str | None = None,
        indexes: Iterable[str] = (),
    ) -> AsyncTable:
        """As `Store.define`."""
        await self.run(requests.define(name, prefix, url, indexes))
        return self.table(name)

    # --- Namespaces ---

    def sandbox(self, name: str | None = None) -> AbstractAsyncContextManager[AsyncStore]:
        """As `Store.sandbox`."""
        return self._passing(unique(name or "sandbox"))

    def fork(self, name: str | None = None) -> AbstractAsyncContextManager[AsyncStore]:
        """As `Store.fork`."""
        return self._passing(unique(name or "fork"), self.begin_fork)

    async def begin_fork(self, name: str) -> AsyncStore:
        """As `Store.begin_fork`."""
        return self._begun(*await self.run(self._fork_request(name)))

    @contextlib.asynccontextmanager
    async def _passing(
        self, name: str, begin: Callable[[str], Awaitable[AsyncStore]] | None = None
    ) -> AsyncIterator[AsyncStore]:
        lease = self._lease(name)
        try:
            store = self.namespace(name) if begin is None else await begin(name)
            with undone.Telling(store):
                yield store
        finally:
            if not lease.is_inherited:
                with lease:
                    await self.clear_namespace(name)

    async def clear_namespace(self, name: str | None = None) -> None:
        """As `Store.clear_namespace`."""
        await self.run(self._clear_request(name))

    # --- Writes that belong together ---

    @contextlib.asynccontextmanager
    async def batch(self) -> AsyncIterator[Batch]:
        """As `Store.batch`."""
        batch = self._new_batch()
        yield batch
        if (request := self._batch_request(batch)) is not None:
            await self.run(request)

    # --- Going back ---

    async def rollback(self, mark: Mark) -> None:
        """As `Store.rollback`."""
        await self.run(self._rollback_request(mark))
        mark.release()

    @contextlib.asynccontextmanager
    async def savepoint(self) -> AsyncIterator[Mark]:
        """As `Store.savepoint`."""
        mark = self.mark()
        try:
            with undone.Telling(self, mark):
                yield mark
        finally:
            if not mark.is_inherited:
                await self.rollback(mark)

    # --- Waiting ---

    def watch(self, timeout_s: float | None = None) -> AsyncIterator[Commit]:
        """As `Store.watch`, with `async for`."""
        return self._watch(self._changes(timeout_s), timeout_s)

    async def _watch(self, changes: Changes, timeout_s: float | None) -> AsyncIterator[Commit]:
        with self.watcher() as wait:
            for found in self._follow(changes, timeout_s):
                if isinstance(found, Commit):
                    yield found
                else:
                    await wait(changes.commit, None, self._namespace, found)

    # --- The daemon ---

    async def ping(self) -> dict[str, Any]:
        """As `Store.ping`."""
        self._check_open()
        answer: dict[str, Any] = await self._connection.ask(PING)
        return answer

    async def run(self, request: Request[Result]) -> Result:
        """Send a request, await its answer, and return what it comes to."""
        self._check_open()
        try:
            answer = await self._connection.write(request.operations, request.meanwhile)
            return request.result(answer)
        except StoreFull:
            self._reader.let_go()  # as `Store.run`
            raise

    # --- The end ---

    async def close(self) -> None:
        """Let go of the connection; again is fine. A write that still waits for the daemon raises.

        Stores made by `namespace` use the same one, so they write no more either.
        """
        self._close()

    def __reduce__(self) -> NoReturn:
        """Refuse: its connection is an event loop's."""
        refuse(self, "pickle a store of tiger.connect, or connect in the process that needs it")

    async def __aenter__(self) -> AsyncStore:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
