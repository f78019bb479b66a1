"""What a store is, whether its writes block (`tiger.store`) or are awaited (`tiger.aio`).

All that waits for nobody is here; the two kinds add what sends a request or waits for a write.
"""

from __future__ import annotations

import contextlib
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from tiger.attaching import Settings
from tiger.batch import Batch
from tiger.errors import InvalidRequest
from tiger.format import record
from tiger.format.resources import Resource
from tiger.marks import Mark, commit_of
from tiger.namespaces import is_unique
from tiger.place import process
from tiger.place.leases import Lease, register_of
from tiger.reading.changes import Changes, Commit, commits_of
from tiger.reading.moments import Latest
from tiger.reading.reader import Reader
from tiger.reading.reads import TableReads
from tiger.snapshot import Snapshot
from tiger.store_reads import StoreReads
from tiger.system import time
from tiger.table import deadline_of
from tiger.wire import requests
from tiger.wire.requests import Request, TableRequests


class Writable(Protocol):
    """A table whose writes can be collected."""

    requests: TableRequests


Wait_co = TypeVar("Wait_co", covariant=True)
SameConnection = TypeVar("SameConnection", bound="AnyConnection[Any]")


class AnyConnection(Protocol[Wait_co]):
    """A connection, whether its requests block or are awaited."""

    @property
    def wait(self) -> Wait_co:
        """What waits until a namespace was written to after a commit, or until a deadline."""

    def twin(self: SameConnection) -> SameConnection:
        """Return another connection like this one."""

    def close(self) -> None:
        """Let go for good."""

    def let_go(self) -> None:
        """Close the socket if no request needs it."""


AnyTable = TypeVar("AnyTable", bound=Writable)
Same = TypeVar("Same", bound="AnyStore[Any, Any]")


class AnyStore(StoreReads, ABC, Generic[AnyTable, Wait_co]):
    """All tables of one instance, seen from one namespace, without the writes."""

    _connection: AnyConnection[Wait_co]
    _closes_itself: bool
    """Whether its connection may let go when it is forgotten, in whatever thread."""

    def __init__(
        self,
        reader: Reader,
        connection: AnyConnection[Wait_co],
        settings: Settings,
        *,
        is_owner: bool = False,
    ) -> None:
        """Use `connect` instead, whose store owns the connection."""
        super().__init__(Latest(reader), settings.namespace)
        self._connection = connection
        self._settings = settings
        self._is_open = True
        self._is_owner = is_owner
        self._process = process.current()
        self._is_fork = False
        self._register = register_of(reader.directory) if is_owner else None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.directory}, namespace {self._namespace!r}>"

    @property
    def directory(self) -> Path:
        """The directory of the instance."""
        return self._reader.directory

    @property
    def environment(self) -> dict[str, str]:
        """What lets `connect()` in another process find this namespace of this instance.

        Give it to a process with `env=os.environ | store.environment`.
        """
        return {"TIGERD_DIR": str(self.directory), "TIGERD_NAMESPACE": self._namespace}

    # --- Tables ---

    def table(self, name: str) -> AnyTable:
        """Return a table, the same object each time, or raise `UnknownTable`."""
        self._check_open()
        table = self.__dict__.get(f"table {name}")
        if table is None:
            resource = self._resource(name)
            if resource.table != name:  # an alias
                return self.table(resource.table)
            table = self.__dict__[f"table {name}"] = self._new_table(resource)
        found: AnyTable = table
        return found

    @abstractmethod
    def _new_table(self, resource: Resource) -> AnyTable:
        """Return a table whose writes this store sends."""

    def _named(self, name: str) -> AnyTable:
        """Return a table by its name, as `store.coupons`."""
        if name.startswith("_"):
            raise AttributeError(name)
        table = self.__dict__[name] = self.table(name)
        return table

    if not TYPE_CHECKING:  # for which only what is declared is there
        __getattr__ = _named

    # --- Namespaces ---

    def namespace(self: Same, name: str) -> Same:
        """Return a store on the same connection, bound to another namespace.

        It costs nothing: a namespace begins with its first record. Raises `InvalidRecord` for what
        cannot be a name.
        """
        settings = self._settings._replace(namespace=name)
        store = type(self)(self._reader, self._connection, settings)
        store._register = self._register
        store.left_out = self.left_out
        return store

    @property
    def is_account(self) -> bool:
        """Whether this namespace goes with its user: a sandbox, a fork, or a test's account."""
        return self._is_fork or is_unique(self._namespace)

    def _fork_request(self: Same, name: str) -> Request[tuple[Same, bool]]:
        return requests.fork(self._namespace, name, lambda: self.namespace(name))

    def _begun(self: Same, child: Same, inherits: bool) -> Same:
        """Return the store of a fork that was just begun."""
        child._is_fork = True
        if inherits:  # else this namespace is not sealed, and what comes into it is no change there
            child._origin = self._namespace
        return child

    def _lease(self, name: str) -> Lease:
        """Hold a new namespace for this process, with the file that the owner's store keeps."""
        record.encode_name(name, "namespace")
        return Lease(self._reader.directory, name, self._register, is_new=True)

    def _clear_request(self, name: str | None) -> Request[None]:
        return requests.clear_namespace(self._namespace if name is None else name)

    # --- Writes and reads that belong together ---

    def _new_batch(self) -> Batch:
        return Batch(lambda name: self.table(name).requests, self._namespace)

    @staticmethod
    def _batch_request(batch: Batch) -> Request[None] | None:
        """End a batch, and return what is to be sent of it."""
        operations = batch.close()
        return Request(operations, lambda _: None) if operations else None

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Give reads that all see one commit number, across tables.

        While it lasts, what is overwritten or deleted stays in memory. Never asks the daemon.
        Raises as every read, and `StoreFull` where no file can be made.
        """
        with self._moment.pin() as moment:
            yield Snapshot(moment, self._namespace, self.left_out)

    # --- Going back ---

    def mark(self) -> Mark:
        """Return this moment of this namespace, for `rollback` and `changes`.

        What is overwritten since is kept until the mark is rolled back, released, or forgotten.
        Raises as `snapshot`.
        """
        return Mark(self._moment.pin(), self._namespace)

    def _rollback_request(self, mark: Mark) -> Request[None]:
        return requests.rollback(self._namespace, commit_of(mark, self._namespace))

    # --- Waiting ---

    def follow(self) -> Changes:
        """Return the changes of the whole instance, whatever the namespace, from now on.

        `take()` gives those that were committed since the last call, `wait(deadline)` waits for the
        next ones. Both read shared memory and ask nobody. Raises `InvalidRequest` if the store is
        closed.
        """
        self._check_open()
        return Changes(self._reader)

    @contextlib.contextmanager
    def watcher(self) -> Iterator[Wait_co]:
        """Give what waits until a namespace is written to, on a connection of its own."""
        self._check_open()
        connection = self._connection.twin()
        try:
            yield connection.wait
        finally:
            connection.close()

    def _changes(self, timeout_s: float | None) -> Changes:
        """Return the changes from now on; somebody is going to wait so long for each."""
        deadline_of(timeout_s)  # refused now where it makes no sense, not at the first change
        return self.follow()

    def _follow(self, changes: Changes, timeout_s: float | None) -> Iterator[Commit | float]:
        """Yield this namespace's commits, and where there is none yet, until when to wait for one.

        Ends when there was none for `timeout_s` seconds.
        """
        while True:
            deadline = deadline_of(timeout_s)
            while not (found := commits_of(changes, self._namespace)):
                if time.monotonic() >= deadline:
                    return
                yield deadline
            yield from found

    # --- The end ---

    def _check_open(self) -> None:
        if not self._is_open:
            raise InvalidRequest("the store is closed: connect again")
        self._reader.look()

    def _close(self) -> None:
        if self._is_open and self._is_owner:
            self._connection.close()
            register_of(self.directory).rest()
            self._reader.close()
        self._is_open = False
        for name, value in list(self.__dict__.items()):
            if isinstance(value, TableReads):  # they refer to this store: no cycle is left
                self.__dict__.pop(name, None)

    def __del__(self) -> None:
        """Warn of a store that was never closed."""
        is_forgotten = self.__dict__.get("_is_owner") and self._is_open
        if is_forgotten and self._process == process.current():
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            if self._closes_itself:  # for now: stores made by `namespace` may be in use
                with contextlib.suppress(Exception):
                    self._connection.let_go()
