"""A store: the tables of an instance, seen from one namespace."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from tiger import instance, record, requests
from tiger.batch import Batch
from tiger.changes import Changes, Commit, commits_of
from tiger.connection import Connection
from tiger.differences import Difference, Differences, compare
from tiger.errors import InvalidRequest, StoreFull, UnknownTable
from tiger.leases import Lease
from tiger.lineage import Lineage, find_lineage
from tiger.marks import Mark
from tiger.protocol import PING
from tiger.reader import Moment, PinnedMoment, Reader
from tiger.reads import TableReads, resources_of
from tiger.requests import Request
from tiger.resources import (
    BY_NAME,
    DEFINITIONS,
    DEFINITIONS_NAMESPACE,
    RESOURCES,
    Resource,
    defined_resource,
)
from tiger.table import Table, Wait, deadline_of

Result = TypeVar("Result")
TIMEOUT_S = 5.0


class StoreReads:
    """What can be asked of all tables, as of one moment."""

    def __init__(self, reader: Reader, moment: Moment, namespace: str) -> None:
        """Prepare to read; nothing is opened yet."""
        record.encode_name(namespace, "namespace")
        self._reader = reader
        self._moment = moment
        self._namespace = namespace
        self._origin: str | None = None
        """The namespace that this one was forked from, where that is known."""

    @property
    def current_namespace(self) -> str:
        """The namespace that every call acts on unless it says otherwise."""
        return self._namespace

    def tables(self) -> list[str]:
        """Return the names of the tables, the built-in ones first."""
        defined = TableReads(self._reader, self._moment, DEFINITIONS, DEFINITIONS_NAMESPACE)
        return [resource.table for resource in RESOURCES] + sorted(r["id"] for r in defined)

    def namespaces(self) -> dict[str, int]:
        """Return the namespaces that hold records, and how many each holds in all tables."""
        resources = [self._resource(name) for name in self.tables()]

        def read(commit: int) -> dict[str, int]:
            counts: dict[str, int] = {}
            for resource in resources:
                table = self._reader.table(resource.number, resource.table)
                for space in table.namespaces(commit):
                    name = space.key.decode()
                    counts[name] = counts.get(name, 0) + Lineage(table, space, commit).count()
            return {name: counts[name] for name in sorted(counts) if counts[name]}

        return self._moment.read(read)

    def changes(self, since: Mark | None = None) -> Differences:
        """Return what changed in this namespace since a mark, in all tables.

        Without one: since the namespace began, empty or as a fork. Raises `InvalidRequest` for a
        mark of another namespace, one that was rolled back or released, and for one made after a
        snapshot that is asked.
        """
        start = since.commit_in(self._namespace) if since is not None else None
        resources = resources_of(self._reader, self._moment)

        def read(commit: int) -> Differences:
            if start is not None and start > commit:
                raise InvalidRequest(f"{since!r} is later than this snapshot, of commit {commit}")
            return Differences(
                difference
                for resource in resources
                for difference in self._changes_of(resource, start, commit)
            )

        return self._moment.read(read)

    def _changes_of(self, resource: Resource, start: int | None, commit: int) -> list[Difference]:
        table = self._reader.table(resource.number, resource.table)
        name = self._namespace.encode()
        after = find_lineage(table, name, commit)
        if start is not None:
            before = find_lineage(table, name, start)
        elif self._origin is not None:
            before = find_lineage(table, self._origin.encode(), commit)
        else:
            before = after.parent() if after is not None else None
        return list(compare(table, resource.table, before, after, commit))

    def assert_changes(
        self,
        since: Mark | None = None,
        *,
        created: Mapping[str, int] | None = None,
        updated: Mapping[str, int] | None = None,
        deleted: Mapping[str, int] | None = None,
    ) -> None:
        """Raise AssertionError, with what changed instead, unless exactly so many records did.

        `created={"events": 2}` means two new events, and that nothing else changed.
        """
        __tracebackhide__ = True
        expected = {"created": created or {}, "updated": updated or {}, "deleted": deleted or {}}
        self.changes(since).check(expected)

    def _resource(self, name: str) -> Resource:
        known = BY_NAME.get(name)
        if known is not None:
            return known
        defined = TableReads(self._reader, self._moment, DEFINITIONS, DEFINITIONS_NAMESPACE)
        try:
            return defined_resource(defined[name])
        except (LookupError, ValueError):
            raise UnknownTable(
                f"no table {name!r:.80}: `tigerd tables` lists them, store.define() makes one"
            ) from None


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


class Store(StoreReads):
    """All tables of one instance, seen from one namespace; made by `tiger.connect`.

    Threads may share a store: reads take no lock, and writes take turns. A forked child may go on
    using it. Pickling keeps its settings only, and unpickling connects again.
    """

    def __init__(
        self, reader: Reader, connection: Connection, namespace: str, settings: dict[str, Any]
    ) -> None:
        """Use `connect` instead."""
        super().__init__(reader, reader, namespace)
        self._connection = connection
        self._settings = settings
        self._is_open = True
        self._is_owner = False
        self._owner = os.getpid()

    def __repr__(self) -> str:
        return f"<Store at {self.directory}, namespace {self._namespace!r}>"

    @property
    def directory(self) -> Path:
        """The directory of the instance."""
        return self._reader.directory

    # --- Tables ---

    def table(self, name: str) -> Table:
        """Return a table, or raise `UnknownTable`."""
        table = self.__dict__.get(f"table {name}")
        if table is None:
            table = Table(self._reader, self._resource(name), self._namespace, self)
            self.__dict__[f"table {name}"] = table
        found: Table = table
        return found

    def __getattr__(self, name: str) -> Table:
        """Return a table by its name, as `store.coupons`."""
        if name.startswith("_"):
            raise AttributeError(name)
        table = self.__dict__[name] = self.table(name)
        return table

    def __dir__(self) -> list[str]:
        """Name the tables too."""
        return [*super().__dir__(), *self.tables()]

    def define(
        self,
        name: str,
        *,
        prefix: str | None = None,
        url: str | None = None,
        indexes: Iterable[str] = (),
    ) -> Table:
        """Make a table, and return it; the same definition again is fine, another one raises."""
        self.run(requests.define(name, prefix, url, indexes))
        return self.table(name)

    # --- Namespaces ---

    def namespace(self, name: str) -> Store:
        """Return a store on the same connection, bound to another namespace."""
        return Store(self._reader, self._connection, name, {**self._settings, "namespace": name})

    @contextlib.contextmanager
    def sandbox(self, name: str | None = None) -> Iterator[Store]:
        """Give a fresh, empty namespace with a unique name, cleared at the end.

        If this process is killed before, the daemon clears it.
        """
        with self._passing(unique(name or "sandbox")) as test:
            yield test

    @contextlib.contextmanager
    def fork(self, name: str | None = None) -> Iterator[Store]:
        """Give a namespace that begins as an exact copy of this one, cleared at the end.

        It takes one write, whatever there is. This namespace is sealed while it has forks: a write
        to it raises `Sealed`. Raises `NotFound` if it is not there, before its first record.
        """
        with self._passing(unique(name or "fork")) as child:
            yield self.begin_fork(child.current_namespace)

    def begin_fork(self, name: str) -> Store:
        """Return a namespace of that name that begins as `fork` says, and stays.

        Raises `AlreadyExists` if there is one of that name.
        """
        self.run(requests.fork(self._namespace, name))
        child = self.namespace(name)
        child._origin = self._namespace
        return child

    @contextlib.contextmanager
    def _passing(self, name: str) -> Iterator[Store]:
        """Give a namespace that is cleared at the end, be it this process's."""
        store = self.namespace(name)
        lease = Lease(self.directory, name)
        try:
            yield store
        finally:
            try:
                store.clear_namespace()
            except BaseException:
                lease.abandon()
                raise
            lease.release()

    def clear_namespace(self, name: str | None = None) -> None:
        """Clear one namespace, this one by default, in all tables."""
        self.run(requests.clear_namespace(self._namespace if name is None else name))

    # --- Writes and reads that belong together ---

    @contextlib.contextmanager
    def batch(self) -> Iterator[Batch]:
        """Collect writes: all are visible at once at the end, or none if the block raises."""
        batch = Batch(self._reader, self._resource, self._namespace)
        yield batch
        operations = batch.close()
        if operations:
            self.run(Request(operations, lambda _: None))

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Give reads that all see one commit number, across tables."""
        with self._reader.pin() as moment:
            yield Snapshot(self._reader, moment, self._namespace)

    # --- Going back ---

    def mark(self) -> Mark:
        """Return this moment of this namespace, for `rollback` and `changes`."""
        return Mark(self._reader.pin(), self._namespace)

    def rollback(self, mark: Mark) -> None:
        """Undo what was changed in this namespace since a mark, by whomever.

        One write, that costs what was changed. It ends the mark: `InvalidRequest` if that was
        rolled back or released before, or is another namespace's. Tables defined since stay.
        """
        self.run(requests.rollback(self._namespace, mark.commit_in(self._namespace)))
        mark.release()

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[Mark]:
        """Undo at the end what was changed in this namespace within the block."""
        mark = self.mark()
        try:
            yield mark
        finally:
            self.rollback(mark)

    # --- Waiting ---

    def watch(self, timeout_s: float | None = None) -> Iterator[Commit]:
        """Yield the commits that change this namespace from now on, as they happen.

        Ends when there was none for `timeout_s` seconds; None waits for ever.
        """
        return self._watch(Changes(self._reader), timeout_s)

    def _watch(self, changes: Changes, timeout_s: float | None) -> Iterator[Commit]:
        with self.watcher() as wait:
            while True:
                deadline = deadline_of(timeout_s)
                while not (found := commits_of(changes, self._namespace)):
                    if time.monotonic() >= deadline:
                        return
                    wait(changes.commit, None, self._namespace, deadline)
                yield from found

    @contextlib.contextmanager
    def watcher(self) -> Iterator[Wait]:
        """Give what waits until a namespace is written to, on a connection of its own."""
        self._check_open()
        connection = self._connection.twin()
        try:
            yield connection.wait
        finally:
            connection.close()

    # --- The daemon ---

    def ping(self) -> dict[str, Any]:
        """Ask the daemon for its `pid`, `version`, `commit` and `uptime_s`."""
        answer: dict[str, Any] = self._connection.ask(PING)
        return answer

    def run(self, request: Request[Result]) -> Result:
        """Send a request, wait for its answer, and return what it comes to."""
        self._check_open()
        try:
            return request.result(self._connection.write(request.operations))
        except StoreFull:
            self._reader.let_go()  # of what only this process keeps from being free
            raise

    def _check_open(self) -> None:
        if not self._is_open:
            raise InvalidRequest("the store is closed: connect again")

    def close(self) -> None:
        """Let go of the connection; again is fine. Stores made by `namespace` use the same one."""
        if self._is_open and self._is_owner:
            self._connection.close()
        self._is_open = False

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        """Warn of a store that was never closed."""
        if self.__dict__.get("_is_owner") and self._is_open and self._owner == os.getpid():
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            with contextlib.suppress(Exception):
                self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the settings only."""
        return _connect_again, (self._settings,)


def connect(
    directory: str | os.PathLike[str] | None = None,
    *,
    namespace: str | None = None,
    autostart: bool = True,
    timeout_s: float = TIMEOUT_S,
) -> Store:
    """Find an instance, start its daemon if none runs (unless told not to), and return a store.

    The directory: argument, `TIGERD_DIR`, `$XDG_RUNTIME_DIR/tigerd`, `/run/user/<uid>/tigerd`,
    `/tmp/tigerd-<uid>`. The namespace: argument, `TIGERD_NAMESPACE`, "global". A write that is not
    answered within `timeout_s` seconds raises. Without `autostart` and with no daemon, what the
    last one left can still be read.
    """
    path = instance.find_directory(directory)
    name = namespace_name(namespace)
    record.encode_name(name, "namespace")
    reader = attach(path, autostart=autostart)
    settings = {
        "directory": str(path),
        "namespace": name,
        "autostart": autostart,
        "timeout_s": timeout_s,
    }
    connection = Connection(reader, autostart=autostart, timeout_s=timeout_s)
    store = Store(reader, connection, name, settings)
    store._is_owner = True
    return store


def unique(start: str) -> str:
    """Return a name that no namespace has."""
    return f"{start}-{secrets.token_hex(8)}"


def namespace_name(namespace: str | None) -> str:
    """Return the namespace's name: the argument, `TIGERD_NAMESPACE`, or "global"."""
    if namespace is not None:
        return namespace
    return os.environ.get("TIGERD_NAMESPACE") or "global"


def attach(path: Path, *, autostart: bool) -> Reader:
    """Return a reader of the instance at a directory, with a daemon started if need be."""
    if autostart and not (path.exists() and _is_running(path)):
        instance.start(path)
    else:
        instance.check_directory(path)
    return Reader(path)


def _is_running(path: Path) -> bool:
    instance.check_directory(path)
    return instance.is_running(path)


def _connect_again(settings: dict[str, Any]) -> Store:
    return connect(**settings)
