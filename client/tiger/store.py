"""A store: the tables of an instance, seen from one namespace, with writes that block."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from functools import partial
from typing import TYPE_CHECKING, Any

from tiger import undone
from tiger.attaching import TIMEOUT_S, Attached, attach
from tiger.batch import Batch
from tiger.format.protocol import PING
from tiger.namespaces import unique
from tiger.pickling import store_of
from tiger.reading.changes import Changes, Commit
from tiger.reading.marks import Mark, commit_of
from tiger.reading.moments import Latest
from tiger.reading.namespace import NamespaceReads
from tiger.snapshot import Snapshot
from tiger.system import os
from tiger.table import Table
from tiger.waiting import commits_or_deadlines, deadline_of
from tiger.wire import requests
from tiger.wire.connection import Connection

if TYPE_CHECKING:
    from tiger.declared import StoreTables
else:
    StoreTables = object


class Store(NamespaceReads[Table], StoreTables):
    """All tables of one instance, seen from one namespace; made by `tiger.connect`.

    Threads may share a store: reads take no lock, and writes are sent one at a time. A forked child
    may continue to use it. Pickling keeps only its settings, and unpickling connects again, once
    for each process.
    """

    def __init__(self, attached: Attached[Connection]) -> None:
        """Use `connect` instead."""
        namespace = attached.namespace
        super().__init__(Latest(attached.reader), namespace, partial(Table, attached))
        self._attached = attached

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which `connect()` in another process finds this namespace.

        Give it to a process with `env=os.environ | store.environment`.
        """
        return self._attached.environment

    # --- Tables ---

    def define(
        self,
        name: str,
        *,
        prefix: str | None = None,
        url: str | None = None,
        indexes: Iterable[str] = (),
    ) -> Table:
        """Make a table, and return it; the same definition again changes nothing.

        `prefix` begins generated ids, `url` is the `url` of pages, and each field in `indexes` gets
        a `find_by_<field>`, 16 at most. Raises `AlreadyExists` if the table has another definition,
        `InvalidRecord` for a name that is not 1 to 63 small letters, digits and `_`, and
        `InvalidRequest` for a name that is taken, or if there are too many tables. It takes one
        write.
        """
        self._attached.connection.run(requests.define(name, prefix, url, indexes))
        return self.table(name)

    # --- Namespaces ---

    def namespace(self, name: str) -> Store:
        """Return a store on the same connection, bound to another namespace.

        It costs nothing: a namespace begins with its first record. Raises `InvalidRecord` for an
        invalid name.
        """
        return self._leaving_out(Store(self._attached.within(name)))

    @property
    def is_account(self) -> bool:
        """Whether this namespace is cleared after use: a sandbox, a fork, or a test's account."""
        return self._attached.is_account

    def sandbox(self, name: str | None = None) -> AbstractContextManager[Store]:
        """Give a fresh, empty namespace with a unique name, cleared at the end.

        If this process is killed before the end, the daemon clears it. Raises `InvalidRecord` for
        an invalid name, and `StoreFull`; the clear at the end raises as every write.
        """
        return self._passing(unique(name or "sandbox"), self.namespace)

    def fork(self, name: str | None = None) -> AbstractContextManager[Store]:
        """Give a namespace that begins as an exact copy of this one, cleared at the end.

        It costs one write, however many records there are. This namespace is sealed while it has
        forks: a write to it raises `Sealed`. A namespace without records is not sealed.
        """
        return self._passing(unique(name or "fork"), self.begin_fork)

    def begin_fork(self, name: str) -> Store:
        """Return a fork with this name that is not cleared automatically.

        Raises `AlreadyExists` if the name has records.
        """
        request = requests.fork(self._namespace, name, lambda: self.namespace(name))
        child, inherits = self._attached.connection.run(request)
        child._attached.is_fork = True
        # A namespace without records is not sealed, so later writes to it must not count as changes
        # here.
        child._origin = self._namespace if inherits else None
        return child

    @contextlib.contextmanager
    def _passing(self, name: str, begin: Callable[[str], Store]) -> Iterator[Store]:
        """Give a namespace that is cleared at the end, in the process that began it."""
        lease = self._attached.lease(name)
        try:
            store = begin(name)
            with undone.Telling(store):
                yield store
        finally:
            if not lease.is_inherited:
                with lease:
                    self.clear_namespace(name)

    def clear_namespace(self, name: str | None = None) -> None:
        """Clear one namespace, this one by default, in all tables.

        It costs one write, and may be repeated. Raises `Sealed` while the namespace has forks.
        """
        name = self._namespace if name is None else name
        self._attached.connection.run(requests.clear_namespace(name))

    # --- Writes and reads that belong together ---

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Give reads that all see one commit number, across tables.

        Until it ends, overwritten and deleted records stay in memory. It never asks the daemon, and
        costs some 20 microseconds. Raises as every read, and `StoreFull` if no file can be created.
        """
        with self._moment.pin() as moment:
            yield self._leaving_out(Snapshot(moment, self._namespace))

    @contextlib.contextmanager
    def batch(self) -> Iterator[Batch]:
        """Collect writes: all are visible at once at the end, or none if the block raises.

        It takes one round trip. Raises at the end as its writes do; then none of them was applied.
        """
        batch = Batch(lambda name: self.table(name)._requests, self._namespace)
        yield batch
        if (request := batch._end()) is not None:
            self._attached.connection.run(request)

    # --- Going back ---

    def mark(self) -> Mark:
        """Return this moment of this namespace, for `rollback` and `changes`.

        Records overwritten after it stay in memory until the mark is rolled back, released, or
        garbage-collected. It costs as much as `snapshot`, and raises the same errors.
        """
        return Mark(self._moment.pin(), self._namespace)

    def rollback(self, mark: Mark) -> None:
        """Undo everybody's changes to this namespace since a mark.

        It takes one write, and costs as much as the changes. It ends the mark; a mark that was
        rolled back or released before, or belongs to another namespace or instance, raises
        `InvalidRequest`. Tables defined since then stay. On an instance that follows a log, all
        hosts undo the changes; if others do not stop writing to the namespace, it raises
        `Conflict`, and the mark can be used again. Raises as every write.
        """
        commit = commit_of(mark, self._reader, self._namespace)
        self._attached.connection.run(requests.rollback(self._namespace, commit))
        mark.release()

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[Mark]:
        """Undo, at the end, the changes made in this namespace during the block.

        Raises as `mark` and `rollback`.
        """
        mark = self.mark()
        try:
            with undone.Telling(self, mark):
                yield mark
        finally:
            if not mark.is_inherited:
                self.rollback(mark)

    # --- Waiting ---

    def follow(self) -> Changes:
        """Return the changes of the whole instance, in all namespaces, from now on.

        `take()` returns the changes committed since the last call, and `wait(deadline)` waits for
        the next ones. Both read shared memory and do not ask the daemon. Raises `InvalidRequest` if
        the store is closed.
        """
        self._attached.check_open()
        return Changes(self._reader)

    def watch(self, timeout_s: float | None = None) -> Iterator[Commit]:
        """Yield the commits that change this namespace from now on, as they happen.

        Blocks until the next one. Ends after `timeout_s` seconds without a commit; None waits for
        ever. Raises `InvalidRequest` for an invalid `timeout_s` and after `close`, and
        `InstanceError` if the instance is removed meanwhile.
        """
        deadline_of(timeout_s)  # refused now where it makes no sense, not at the first change
        return self._watch(self.follow(), timeout_s)

    def _watch(self, changes: Changes, timeout_s: float | None) -> Iterator[Commit]:
        with closing(self._attached.connection.twin()) as own:
            for found in commits_or_deadlines(changes, self._namespace, timeout_s):
                if isinstance(found, Commit):
                    yield found
                else:
                    own.wait(changes.commit, None, self._namespace, found)

    # --- The daemon ---

    def ping(self) -> dict[str, Any]:
        """Ask the daemon for its `pid`, `version`, `commit` and `uptime_s` (in seconds).

        One round trip, which changes nothing. Raises `DaemonUnavailable` if there is no answer in
        time.
        """
        self._attached.check_open()
        answer: dict[str, Any] = self._attached.connection.ask(PING)
        return answer

    # --- The end ---

    def close(self) -> None:
        """Close the connection; may be repeated. Never waits: a write in progress is completed.

        Closing the store that `connect` returned closes those made from it, too; closing one of
        these closes that one alone. Raises nothing.
        """
        self._attached.close()
        self._forget_tables()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the settings only; unpickled stores with equal ones share a connection."""
        return store_of, self._attached.settings


def connect(
    directory: str | os.PathLike[str] | None = None,
    *,
    namespace: str | None = None,
    autostart: bool = True,
    timeout_s: float = TIMEOUT_S,
    everywhere: bool | None = None,
) -> Store:
    """Find an instance, start its daemon if none runs, and return a store.

    The directory is the argument, else `TIGERD_DIR`, else `$XDG_RUNTIME_DIR/tigerd`, else
    `/run/user/<uid>/tigerd`, else `/tmp/tigerd-<uid>`. The namespace is the argument, else
    `TIGERD_NAMESPACE`, else "global". A write that is not answered within `timeout_s` seconds
    raises. With `autostart=False` no daemon is started; if none runs, the records of the last one
    can still be read.

    On an instance that follows a log of several machines, a write returns when this host has
    applied it, or with `everywhere` when all hosts have. By default `everywhere` is true if
    `TIGERD_EVERYWHERE` is set.

    Blocks while a daemon starts, some 0.2 seconds; otherwise it costs some 0.1 milliseconds. Raises
    `InvalidRequest` for a `timeout_s` that is not above 0, `InvalidRecord` for an invalid name of a
    namespace, `InstanceError` for a directory that cannot hold an instance, `LayoutMismatch` for
    segments of another version, `StoreFull` if there is no room for an instance, and
    `DaemonUnavailable` if no daemon can be started, or if there is no instance and none may be.
    """
    reader, name, options = attach(directory, namespace, autostart, timeout_s, everywhere)
    return Store(Attached(reader, Connection(reader, options), name, is_owner=True))
