"""Accounts: a namespace for each test, in the instance of its run."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from typing import Any, Protocol

from tiger import Mark, Store, TigerError, undone
from tiger.aio.connection import AsyncConnection
from tiger.aio.store import AsyncStore
from tiger.attaching import Attached
from tiger.namespaces import unique
from tiger.place import process
from tiger.place.leases import Lease
from tiger.reading.namespace import NamespaceReads
from tiger.reading.reader import Reader
from tiger.system import threading, time
from tiger.wire.connection import Options
from tigerd.pytest.run_environment import ALL, FAILED, NONE, RunEnvironment
from tigerd.pytest.runs import TIMEOUT_S, Instance, Run
from tigerd.pytest.seeds import Seeds

NAME_MAX = 80
"""How many characters of a test's name its namespace has."""

UNDONE = "_tigerd_undone"
"""The attribute of an error that has the changes that it undid."""

_workers: dict[RunEnvironment, Worker] = {}
_turn = threading.Lock()


def worker_of(environment: RunEnvironment) -> Worker:
    """Return this process's connection to a run's instance, made when it is first asked for."""
    with _turn:
        if environment not in _workers:
            _workers[environment] = Worker(Run(environment))
        return _workers[environment]


def close_worker(environment: RunEnvironment) -> None:
    """Close this process's connection, if there is one."""
    with _turn:
        worker = _workers.pop(environment, None)
    if worker is not None:
        worker.close()


def end_run(environment: RunEnvironment, *, has_failures: bool) -> None:
    """End a run in this process, and its instance if that is this process's to end.

    If the instance cannot be ended, one line says why, and the results of the run do not change.
    """
    try:
        close_worker(environment)
        if not environment.is_worker:
            Run(environment).end(has_failures=has_failures)
    except (TigerError, OSError) as error:
        sys.stderr.write(f"tigerd: the run's instance was not ended: {error}\n")


class Worker:
    """One process's connection to the run's instance, and the seeds that are loaded there."""

    def __init__(self, run: Run) -> None:
        """Connect."""
        self.run = run
        self.store = run.connect()
        undone.watcher = _note_undone
        self.instance = Instance(run.directory)
        self.seeds = Seeds(self.store, run.environment.controller, Path(run.environment.root))
        self._process = process.current()
        self._lease = Lease(run.directory, run.environment.outside) if run.is_cleared else None

    def close(self) -> None:
        """Close it."""
        if self._process != process.current():
            return
        self.run.close()
        self.seeds.close()
        if self._lease is not None:  # the controller tells of what was written there, and clears it
            self._lease.release()
        self.instance.reader.close()
        self.store.close()


class Teller(Protocol):
    """Describes an account in the terms of its service."""

    def failures(self, since: float) -> str:
        """Return the failures since a time of the machine's clock; raises `TigerError`."""


class Account:
    """A namespace for a test, or for those of a class, a module or a worker."""

    def __init__(self, worker: Worker, label: str, seed: Any) -> None:
        """Begin it, empty or as a fork of the seed's."""
        name = unique(re.sub(r"[^A-Za-z0-9_.-]+", "-", label)[:NAME_MAX] or "session")
        parent = worker.seeds.store_of(seed)
        self.name = name
        self.label = label
        self.is_left = False
        """Whether the block that used it has ended, and only the test's report needs it."""
        self._run = worker.run
        self._process = process.current()
        self._mark: Mark | None = None
        self._marked_at = time.time()
        self.teller: Teller | None = None
        self._lease = Lease(worker.run.directory, name) if worker.run.is_cleared else None
        if parent is None:
            self.store = worker.store.namespace(name)
        else:
            self.store = parent.begin_fork(name)

    def mark(self) -> None:
        """Mark its present state."""
        self.release_mark()
        self._mark = self.store.mark()
        self._marked_at = time.time()

    def release_mark(self) -> None:
        """Release the mark."""
        if self._mark is not None:
            self._mark.release()
        self._mark = None

    def describe(self, *, has_failed: bool = True) -> str:
        """Describe the changes since the mark, or else since the beginning; it needs no daemon."""
        where = self._run.where(self.name)
        if self._is_kept(has_failed):
            where += ", kept"
        elif self._run.keep == NONE:
            where += "; it is removed after the test: --tigerd-keep failed keeps it"
        try:
            return f"{self.store.changes(self._mark)}\n({where})"
        except (TigerError, OSError) as error:
            return f"(cannot be read: {error}; {where})"

    def describe_failures(self) -> str | None:
        """Describe the failures since the mark, or else since the beginning; None without any."""
        if self.teller is None:
            return None
        try:
            return self.teller.failures(self._marked_at) or None
        except (TigerError, OSError) as error:
            return f"(cannot be read: {error})"

    def _is_kept(self, has_failed: bool) -> bool:
        return self._run.keep == ALL or (self._run.keep == FAILED and has_failed)

    def close(self, *, has_failed: bool) -> None:
        """Clear it, unless it is to be kept. A forked child leaves that to its parent."""
        if self._process != process.current():
            return
        self.release_mark()
        try:
            if not self._is_kept(has_failed):
                self.store.clear_namespace()
        except BaseException:
            if self._lease is not None:
                self._lease.abandon()
            raise
        if self._lease is not None:
            self._lease.release()


def _note_undone(error: BaseException, store: NamespaceReads[Any], mark: Mark | None) -> None:
    """Attach to an error the changes that it undoes, for the report of its test."""
    with contextlib.suppress(TigerError, OSError):
        changes = store.changes(mark)
        if changes:
            text = f"{changes}\n(in namespace {store.current_namespace})"
            error.__dict__.setdefault(UNDONE, []).append(text)


def undone_by(error: BaseException | None) -> list[str]:
    """Return the changes that an error and its causes undid."""
    found: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        found += error.__dict__.get(UNDONE, [])
        error = error.__cause__ or error.__context__
    return found


def async_store(store: Store, *, autostart: bool = True) -> AsyncStore:
    """Return a store of the same account whose writes are awaited. It waits for nothing."""
    everywhere = store._attached.connection.line.options.everywhere
    reader = Reader(store.directory)
    connection = AsyncConnection(reader, Options(autostart, TIMEOUT_S, everywhere))
    return AsyncStore(Attached(reader, connection, store.current_namespace, is_owner=True))
