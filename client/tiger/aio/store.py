"""A store whose writes are awaited."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, closing
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from tiger import undone
from tiger.aio.connection import AsyncConnection
from tiger.aio.table import AsyncTable
from tiger.attaching import Attached
from tiger.batch import Batch
from tiger.format.protocol import PING
from tiger.namespaces import unique
from tiger.place.process import refuse
from tiger.reading.changes import Changes, Commit
from tiger.reading.marks import Mark, commit_of
from tiger.reading.moments import Latest
from tiger.reading.namespace import NamespaceReads
from tiger.snapshot import Snapshot
from tiger.waiting import commits_or_deadlines, deadline_of
from tiger.wire import requests

if TYPE_CHECKING:
    from tiger.declared import AsyncTables
else:
    AsyncTables = object


class AsyncStore(NamespaceReads[AsyncTable], AsyncTables):
    """All tables of one instance, seen from one namespace; made by `tiger.aio.connect`.

    Reads are not awaited: use `snapshot` with a plain `with`, and call `mark` without `await`.
    The tasks of one event loop may share a store; their writes are sent one at a time.
    """

    def __init__(self, attached: Attached[AsyncConnection]) -> None:
        """Use `tiger.aio.connect` instead."""
        namespace = attached.namespace
        super().__init__(Latest(attached.reader), namespace, partial(AsyncTable, attached))
        self._attached = attached

    @property
    def environment(self) -> dict[str, str]:
        """As `Store.environment`."""
        return self._attached.environment

    # --- Tables ---

    async def define(
        self,
        name: str,
        *,
        prefix: str | None = None,
        url: str | None = None,
        indexes: Iterable[str] = (),
    ) -> AsyncTable:
        """As `Store.define`."""
        await self._attached.connection.run(requests.define(name, prefix, url, indexes))
        return self.table(name)

    # --- Namespaces ---

    def namespace(self, name: str) -> AsyncStore:
        """As `Store.namespace`."""
        return self._leaving_out(AsyncStore(self._attached.within(name)))

    @property
    def is_account(self) -> bool:
        """As `Store.is_account`."""
        return self._attached.is_account

    def sandbox(self, name: str | None = None) -> AbstractAsyncContextManager[AsyncStore]:
        """As `Store.sandbox`."""
        return self._passing(unique(name or "sandbox"))

    def fork(self, name: str | None = None) -> AbstractAsyncContextManager[AsyncStore]:
        """As `Store.fork`."""
        return self._passing(unique(name or "fork"), self.begin_fork)

    async def begin_fork(self, name: str) -> AsyncStore:
        """As `Store.begin_fork`."""
        request = requests.fork(self._namespace, name, lambda: self.namespace(name))
        child, inherits = await self._attached.connection.run(request)
        child._attached.is_fork = True
        child._origin = self._namespace if inherits else None  # as `Store.begin_fork`
        return child

    @contextlib.asynccontextmanager
    async def _passing(
        self, name: str, begin: Callable[[str], Awaitable[AsyncStore]] | None = None
    ) -> AsyncIterator[AsyncStore]:
        lease = self._attached.lease(name)
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
        request = requests.clear_namespace(self._namespace if name is None else name)
        await self._attached.connection.run(request)

    # --- Writes and reads that belong together ---

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """As `Store.snapshot`."""
        with self._moment.pin() as moment:
            yield self._leaving_out(Snapshot(moment, self._namespace))

    @contextlib.asynccontextmanager
    async def batch(self) -> AsyncIterator[Batch]:
        """As `Store.batch`."""
        batch = Batch(lambda name: self.table(name)._requests, self._namespace)
        yield batch
        if (request := batch._end()) is not None:
            await self._attached.connection.run(request)

    # --- Going back ---

    def mark(self) -> Mark:
        """As `Store.mark`."""
        return Mark(self._moment.pin(), self._namespace)

    async def rollback(self, mark: Mark) -> None:
        """As `Store.rollback`."""
        commit = commit_of(mark, self._reader, self._namespace)
        await self._attached.connection.run(requests.rollback(self._namespace, commit))
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

    def follow(self) -> Changes:
        """As `Store.follow`."""
        self._attached.check_open()
        return Changes(self._reader)

    def watch(self, timeout_s: float | None = None) -> AsyncIterator[Commit]:
        """As `Store.watch`, with `async for`."""
        deadline_of(timeout_s)  # as `Store.watch`
        return self._watch(self.follow(), timeout_s)

    async def _watch(self, changes: Changes, timeout_s: float | None) -> AsyncIterator[Commit]:
        with closing(self._attached.connection.twin()) as own:
            for found in commits_or_deadlines(changes, self._namespace, timeout_s):
                if isinstance(found, Commit):
                    yield found
                else:
                    await own.wait(changes.commit, None, self._namespace, found)

    # --- The daemon ---

    async def ping(self) -> dict[str, Any]:
        """As `Store.ping`."""
        self._attached.check_open()
        answer: dict[str, Any] = await self._attached.connection.ask(PING)
        return answer

    # --- The end ---

    async def close(self) -> None:
        """Close the connection; may be repeated. A write that still waits for the daemon raises.

        It closes the same stores as `Store.close`.
        """
        self._attached.close()
        self._forget_tables()

    def __reduce__(self) -> NoReturn:
        """Refuse to pickle: its connection belongs to an event loop."""
        refuse(self, "pickle a store of tiger.connect, or connect in the process that needs it")

    async def __aenter__(self) -> AsyncStore:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
