"""The same store for asyncio: reads are plain calls, writes are awaited.

    async with tiger.aio.connect() as store:
        await store.coupons.insert({"id": "summer", "percent_off": 20})
        store.coupons.get("summer")

Tasks may share a store; their writes take turns. A write that is cancelled may have been applied.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import warnings
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
)
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import zmq
import zmq.asyncio

from tiger import instance, record, requests
from tiger.batch import Batch
from tiger.changes import Changes, Commit, commits_of
from tiger.connection import milliseconds, open_socket
from tiger.errors import Conflict, InvalidRequest, StoreFull
from tiger.leases import Lease
from tiger.marks import Mark
from tiger.protocol import PING, Operation
from tiger.reader import Reader
from tiger.record import Record
from tiger.requests import Request, TableRequests
from tiger.resources import Resource
from tiger.session import Answer, Receive, Send, Session, Start, Steps, not_running
from tiger.store import TIMEOUT_S, Snapshot, StoreReads, attach, namespace_name, unique
from tiger.table import MODIFY_ATTEMPTS, WAIT_S, RememberingReads, deadline_of

Result = TypeVar("Result")
Run = Callable[[Request[Any]], Awaitable[Any]]
AsyncWait = Callable[[int, int | None, str, float], Awaitable[None]]


class AsyncConnection:
    """Requests of the tasks of one event loop, one after another."""

    def __init__(self, reader: Reader, *, autostart: bool, timeout_s: float) -> None:
        """Prepare a connection; nothing is opened before it is needed."""
        self._reader = reader
        self._autostart = autostart
        self._timeout_s = timeout_s
        self._lock = asyncio.Lock()
        self._context: zmq.asyncio.Context | None = None
        self._socket: Any = None
        self._session: Session | None = None

    async def write(self, operations: list[Operation]) -> Answer:
        """Have operations applied together, or raise why not."""
        return await self._run(lambda session: session.write(operations, self._timeout_s))

    async def ask(self, question: str) -> Any:
        """Return the daemon's answer to a question."""
        return (await self._run(lambda session: session.ask(question, self._timeout_s))).value

    def twin(self) -> AsyncConnection:
        """As `Connection.twin`."""
        return AsyncConnection(self._reader, autostart=self._autostart, timeout_s=self._timeout_s)

    async def wait(self, commit: int, table: int | None, namespace: str, deadline: float) -> None:
        """As `Connection.wait`."""
        await self._run(lambda session: session.wait(commit, table, namespace, deadline))

    async def _run(self, begin: Callable[[Session], Steps]) -> Answer:
        async with self._lock:
            if self._session is None:
                self._context = zmq.asyncio.Context()
                self._socket = open_socket(self._context, self._reader)
                self._session = Session(self._reader)
                self._session.answers = True
            return await self._drive(begin(self._session))

    async def _drive(self, steps: Steps) -> Answer:
        """Do what the session says, awaiting."""
        result: Any = None
        while True:
            try:
                action = steps.send(result)
            except StopIteration as stop:
                answer: Answer = stop.value
                return answer
            result = None
            if type(action) is Send:
                result = await self._send(action)
            elif type(action) is Receive:
                result = await self._receive(action)
            elif type(action) is Start:
                await self._start()

    async def _send(self, action: Send) -> bool:
        wait_ms = milliseconds(action.deadline)
        if not await self._socket.poll(wait_ms, zmq.POLLOUT):
            return False
        await self._socket.send(action.frame)
        return True

    async def _receive(self, action: Receive) -> bytes | None:
        # A message that a cancelled task received and lost is asked for again.
        while not await self._socket.poll(milliseconds(action.deadline)):
            if time.monotonic() >= action.deadline:
                return None
        frame: bytes = await self._socket.recv()
        return frame

    async def _start(self) -> None:
        if not self._autostart:
            self.close()
            raise not_running(self._reader.directory)
        await asyncio.to_thread(instance.start, self._reader.directory)

    def close(self) -> None:
        """Let go of the socket; a later write opens another."""
        if self._context is not None:
            self._context.destroy(linger=0)
        self._context = self._socket = self._session = None


class AsyncTable(RememberingReads):
    """One table in one namespace: `tiger.Table` with its writes awaited."""

    def __init__(
        self, reader: Reader, resource: Resource, namespace: str, store: AsyncStore
    ) -> None:
        """Prepare a table; the store sends its writes."""
        super().__init__(reader, resource, namespace)
        self._requests = TableRequests(reader, resource, namespace)
        self._run: Run = store.run
        self._watcher = store.watcher

    async def insert(self, item: Mapping[str, Any]) -> Record:
        """As `Table.insert`."""
        done: Record = await self._run(self._requests.insert(item))
        return done

    async def update(self, item: Mapping[str, Any], if_version: int | None = None) -> Record:
        """As `Table.update`."""
        done: Record = await self._run(self._requests.update(item, if_version))
        return done

    async def create(self, item: Mapping[str, Any]) -> Record:
        """As `Table.create`."""
        done: Record = await self._run(self._requests.create(item))
        return done

    async def insert_many(self, items: Iterable[Mapping[str, Any]]) -> int:
        """As `Table.insert_many`."""
        request = self._requests.insert_many(items)
        done: int = await self._run(request) if request.operations else 0
        return done

    async def patch(self, id: str, changes: Mapping[str, Any]) -> Record:
        """As `Table.patch`."""
        done: Record = await self._run(self._requests.patch(id, changes))
        return done

    async def modify(self, id: str, function: Callable[[Record], Record | None]) -> Record:
        """As `Table.modify`; the function is a plain one."""
        for _ in range(MODIFY_ATTEMPTS):
            content, version = self.read_version(id)
            changed = self.changed(id, content, function)
            try:
                return await self.update(changed, version)
            except Conflict:
                continue
        raise self.lost_races(id)

    async def delete(self, id: str) -> bool:
        """As `Table.delete`."""
        done: bool = await self._run(self._requests.delete(id))
        return done

    async def wait_for(
        self,
        predicate: Callable[[Record], Any] | None = None,
        *,
        timeout_s: float | None = WAIT_S,
        **filters: Any,
    ) -> Record:
        """As `Table.wait_for`; the predicate is a plain function."""
        deadline = deadline_of(timeout_s)
        commit, found = self.look_for(predicate, filters)
        if found is not None:
            return found
        with self._watcher() as wait:
            while time.monotonic() < deadline:
                await wait(commit, self._resource.number, self._namespace, deadline)
                commit, found = self.look_for(predicate, filters)
                if found is not None:
                    return found
        raise self.not_seen(timeout_s, filters)

    async def delete_by_subscription(self, id: str) -> None:
        """As `Table.delete_by_subscription`."""
        await self._run(self._requests.delete_by_subscription(id))

    async def clear(self) -> None:
        """As `Table.clear`."""
        await self._run(self._requests.clear())

    async def clear_namespace(self, name: str) -> None:
        """As `Table.clear_namespace`."""
        await self._run(self._requests.clear_namespace(name))


class AsyncStore(StoreReads):
    """All tables of one instance, seen from one namespace; made by `tiger.aio.connect`."""

    def __init__(self, reader: Reader, connection: AsyncConnection, namespace: str) -> None:
        """Use `connect` instead."""
        super().__init__(reader, reader, namespace)
        self._connection = connection
        self._is_open = True
        self._is_owner = False

    def __repr__(self) -> str:
        return f"<AsyncStore at {self.directory}, namespace {self._namespace!r}>"

    @property
    def directory(self) -> Path:
        """The directory of the instance."""
        return self._reader.directory

    def table(self, name: str) -> AsyncTable:
        """Return a table, or raise `UnknownTable`."""
        table = self.__dict__.get(f"table {name}")
        if table is None:
            table = AsyncTable(self._reader, self._resource(name), self._namespace, self)
            self.__dict__[f"table {name}"] = table
        found: AsyncTable = table
        return found

    def __getattr__(self, name: str) -> AsyncTable:
        """Return a table by its name, as `store.coupons`."""
        if name.startswith("_"):
            raise AttributeError(name)
        table = self.__dict__[name] = self.table(name)
        return table

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

    def namespace(self, name: str) -> AsyncStore:
        """Return a store on the same connection, bound to another namespace."""
        return AsyncStore(self._reader, self._connection, name)

    @contextlib.asynccontextmanager
    async def sandbox(self, name: str | None = None) -> AsyncIterator[AsyncStore]:
        """As `Store.sandbox`."""
        async with self._passing(unique(name or "sandbox")) as test:
            yield test

    @contextlib.asynccontextmanager
    async def fork(self, name: str | None = None) -> AsyncIterator[AsyncStore]:
        """As `Store.fork`."""
        async with self._passing(unique(name or "fork")) as child:
            yield await self.begin_fork(child.current_namespace)

    async def begin_fork(self, name: str) -> AsyncStore:
        """As `Store.begin_fork`."""
        await self.run(requests.fork(self._namespace, name))
        child = self.namespace(name)
        child._origin = self._namespace
        return child

    @contextlib.asynccontextmanager
    async def _passing(self, name: str) -> AsyncIterator[AsyncStore]:
        store = self.namespace(name)
        lease = Lease(self.directory, name)
        try:
            yield store
        finally:
            try:
                await store.clear_namespace()
            except BaseException:
                lease.abandon()
                raise
            lease.release()

    async def clear_namespace(self, name: str | None = None) -> None:
        """As `Store.clear_namespace`."""
        await self.run(requests.clear_namespace(self._namespace if name is None else name))

    @contextlib.asynccontextmanager
    async def batch(self) -> AsyncIterator[Batch]:
        """As `Store.batch`."""
        batch = Batch(self._reader, self._resource, self._namespace)
        yield batch
        operations = batch.close()
        if operations:
            await self.run(Request(operations, lambda _: None))

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """As `Store.snapshot`; a plain `with`, for it only reads."""
        with self._reader.pin() as moment:
            yield Snapshot(self._reader, moment, self._namespace)

    def mark(self) -> Mark:
        """As `Store.mark`; a plain call, for it only reads."""
        return Mark(self._reader.pin(), self._namespace)

    async def rollback(self, mark: Mark) -> None:
        """As `Store.rollback`."""
        await self.run(requests.rollback(self._namespace, mark.commit_in(self._namespace)))
        mark.release()

    @contextlib.asynccontextmanager
    async def savepoint(self) -> AsyncIterator[Mark]:
        """As `Store.savepoint`."""
        mark = self.mark()
        try:
            yield mark
        finally:
            await self.rollback(mark)

    def watch(self, timeout_s: float | None = None) -> AsyncIterator[Commit]:
        """As `Store.watch`, with `async for`."""
        return self._watch(Changes(self._reader), timeout_s)

    async def _watch(self, changes: Changes, timeout_s: float | None) -> AsyncIterator[Commit]:
        with self.watcher() as wait:
            while True:
                deadline = deadline_of(timeout_s)
                while not (found := commits_of(changes, self._namespace)):
                    if time.monotonic() >= deadline:
                        return
                    await wait(changes.commit, None, self._namespace, deadline)
                for commit in found:
                    yield commit

    @contextlib.contextmanager
    def watcher(self) -> Iterator[AsyncWait]:
        """As `Store.watcher`; what it gives is awaited."""
        self._check_open()
        connection = self._connection.twin()
        try:
            yield connection.wait
        finally:
            connection.close()

    async def ping(self) -> dict[str, Any]:
        """As `Store.ping`."""
        answer: dict[str, Any] = await self._connection.ask(PING)
        return answer

    async def run(self, request: Request[Result]) -> Result:
        """Send a request, await its answer, and return what it comes to."""
        self._check_open()
        try:
            return request.result(await self._connection.write(request.operations))
        except StoreFull:
            self._reader.let_go()
            raise

    def _check_open(self) -> None:
        if not self._is_open:
            raise InvalidRequest("the store is closed: connect again")

    async def close(self) -> None:
        """Let go of the connection; again is fine."""
        if self._is_open and self._is_owner:
            self._connection.close()
        self._is_open = False

    async def __aenter__(self) -> AsyncStore:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __del__(self) -> None:
        """Warn of a store that was never closed."""
        if self.__dict__.get("_is_owner") and self._is_open:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)


class Connecting:
    """What `connect` returns: `await` it for a store, or use it with `async with`."""

    def __init__(self, connect: Callable[[], Awaitable[AsyncStore]]) -> None:
        """Connect when awaited."""
        self._connect = connect
        self._store: AsyncStore | None = None

    def __await__(self) -> Generator[Any, None, AsyncStore]:
        return self._connect().__await__()

    async def __aenter__(self) -> AsyncStore:
        self._store = await self._connect()
        return self._store

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._store is not None
        await self._store.close()


def connect(
    directory: str | os.PathLike[str] | None = None,
    *,
    namespace: str | None = None,
    autostart: bool = True,
    timeout_s: float = TIMEOUT_S,
) -> Connecting:
    """As `tiger.connect`, to be awaited or used with `async with`."""

    async def attached() -> AsyncStore:
        name = namespace_name(namespace)
        record.encode_name(name, "namespace")
        path = instance.find_directory(directory)
        reader = await asyncio.to_thread(attach, path, autostart=autostart)
        connection = AsyncConnection(reader, autostart=autostart, timeout_s=timeout_s)
        store = AsyncStore(reader, connection, name)
        store._is_owner = True
        return store

    return Connecting(attached)
