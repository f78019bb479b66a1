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

    Threads may share a store: reads take no lock, and writes take turns. A forked child may go on
    using it. Pickling keeps its settings only, and unpickling connects again, once a process.
    """

    def __init__(self, attached: Attached[Connection]) -> None:
        """Use `connect` instead."""
        namespace = attached.settings.namespace
        super().__init__(Latest(attached.reader), namespace, partial(Table, attached))
        self._attached = attached

    @property
    def environment(self) -> dict[str, str]:
        """What lets `connect()` in another process find this namespace of this instance.

        Give it to a process with `env=os.environ | store.environment`.
        """
        return self._attached.settings.environment

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

        `prefix` begins the ids that are made, `url` is what pages have, and each field of `indexes`
        gets a `find_by_<field>`, 16 at most. Raises `AlreadyExists` if the table is defined
        otherwise, `InvalidRecord` for a name that is not 1 to 63 small letters, digits and `_`,
        `InvalidRequest` for a name that is taken and for one table too many.
        """
        self._attached.connection.run(requests.define(name, prefix, url, indexes))
        return self.table(name)

    # --- Namespaces ---

    def namespace(self, name: str) -> Store:
        """Return a store on the same connection, bound to another namespace.

        It costs nothing: a namespace begins with its first record. Raises `InvalidRecord` for what
        cannot be a name.
        """
        return self._leaving_out(Store(self._attached.within(name)))

    @property
    def is_account(self) -> bool:
        """Whether this namespace goes with its user: a sandbox, a fork, or a test's account."""
        return self._attached.is_account

    def sandbox(self, name: str | None = None) -> AbstractContextManager[Store]:
        """Give a fresh, empty namespace with a unique name, cleared at the end.

        If this process is killed before, the daemon clears it. Raises `InvalidRecord` for what
        cannot begin a name, and `StoreFull`; its clear at the end raises as every write.
        """
        return self._passing(unique(name or "sandbox"), self.namespace)

    def fork(self, name: str | None = None) -> AbstractContextManager[Store]:
        """Give a namespace that begins as an exact copy of this one, cleared at the end.

        It takes one write, whatever there is. This namespace is sealed while it has forks: a write
        to it raises `Sealed`. One without records has nothing to share, and is not sealed.
        """
        return self._passing(unique(name or "fork"), self.begin_fork)

    def begin_fork(self, name: str) -> Store:
        """Return a namespace of that name that begins as `fork` says, and stays.

        Raises `AlreadyExists` if there is one of that name.
        """
        request = requests.fork(self._namespace, name, lambda: self.namespace(name))
        child, inherits = self._attached.connection.run(request)
        child._attached.is_fork = True
        if inherits:  # else this namespace is not sealed, and what comes into it is no change there
            child._origin = self._namespace
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

        One write, whatever is there; it is fine if nothing is. Raises `Sealed` while it has forks.
        """
        name = self._namespace if name is None else name
        self._attached.connection.run(requests.clear_namespace(name))

    # --- Writes and reads that belong together ---

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Give reads that all see one commit number, across tables.

        While it lasts, what is overwritten or deleted stays in memory. Never asks the daemon.
        Raises as every read, and `StoreFull` where no file can be made.
        """
        with self._moment.pin() as moment:
            yield self._leaving_out(Snapshot(moment, self._namespace))

    @contextlib.contextmanager
    def batch(self) -> Iterator[Batch]:
        """Collect writes: all are visible at once at the end, or none if the block raises.

        One round trip. Raises at the end what its writes may raise; then none of them was done.
        """
        batch = Batch(lambda name: self.table(name).requests, self._namespace)
        yield batch
        if (request := batch.close()) is not None:
            self._attached.connection.run(request)

    # --- Going back ---

    def mark(self) -> Mark:
        """Return this moment of this namespace, for `rollback` and `changes`.

        What is overwritten since is kept until the mark is rolled back, released, or forgotten.
        Raises as `snapshot`.
        """
        return Mark(self._moment.pin(), self._namespace)

    def rollback(self, mark: Mark) -> None:
        """Undo what anybody changed in this namespace since a mark.

        One write, that costs what was changed. It ends the mark: `InvalidRequest` if that was
        rolled back or released before, or is another namespace's. Tables defined since stay. On an
        instance that follows a log, all hosts undo it, and `Conflict` says that others did not stop
        writing to the namespace: the mark is there to try again. Raises as every write.
        """
        commit = commit_of(mark, self._namespace)
        self._attached.connection.run(requests.rollback(self._namespace, commit))
        mark.release()

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[Mark]:
        """Undo at the end what was changed in this namespace within the block.

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
        """Return the changes of the whole instance, whatever the namespace, from now on.

        `take()` gives those that were committed since the last call, `wait(deadline)` waits for the
        next ones. Both read shared memory and ask nobody. Raises `InvalidRequest` if the store is
        closed.
        """
        self._attached.check_open()
        return Changes(self._reader)

    def watch(self, timeout_s: float | None = None) -> Iterator[Commit]:
        """Yield the commits that change this namespace from now on, as they happen.

        Ends when there was none for `timeout_s` seconds; None waits for ever. Raises
        `InvalidRequest` for a timeout that is none and after `close`, `InstanceError` if the
        instance is removed meanwhile.
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

        A round trip that changes nothing. Raises `DaemonUnavailable` if there is no answer in time.
        """
        self._attached.check_open()
        answer: dict[str, Any] = self._attached.connection.ask(PING)
        return answer

    # --- The end ---

    def close(self) -> None:
        """Let go of the connection; again is fine. Never waits: a write under way is finished.

        Stores made by `namespace` use the same one, so they write no more either. Raises nothing.
        """
        self._attached.close()
        self._forget_tables()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the settings only; in one process those of the same share a connection."""
        return store_of, tuple(self._attached.settings)


def connect(
    directory: str | os.PathLike[str] | None = None,
    *,
    namespace: str | None = None,
    autostart: bool = True,
    timeout_s: float = TIMEOUT_S,
    everywhere: bool | None = None,
) -> Store:
    """Find an instance, start its daemon if none runs (unless told not to), and return a store.

    The directory: argument, `TIGERD_DIR`, `$XDG_RUNTIME_DIR/tigerd`, `/run/user/<uid>/tigerd`,
    `/tmp/tigerd-<uid>`. The namespace: argument, `TIGERD_NAMESPACE`, "global". A write that is not
    answered within `timeout_s` seconds raises. Without `autostart` and with no daemon, what the
    last one left can still be read.

    On an instance that follows a log of several machines, a write returns when this host has
    applied it; with `everywhere`, when all have. Default: whether `TIGERD_EVERYWHERE` is set.
    """
    reader, settings = attach(directory, namespace, autostart, timeout_s, everywhere)
    connection = Connection(
        reader, autostart=autostart, timeout_s=timeout_s, everywhere=settings.everywhere
    )
    return Store(Attached(reader, connection, settings, is_owner=True))
