"""What the fixtures of the pytest plugin are made of; loaded when a test uses one.

A run has one instance, a worker (or the only process) one connection to it, and each test an
account: a namespace of its own, empty or a fork of the seed's.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tiger import (
    AlreadyExists,
    DaemonUnavailable,
    Mark,
    Sealed,
    Store,
    TigerError,
    connect,
    instance,
    record,
)
from tiger.layout import PID
from tiger.leases import Lease
from tiger.namespaces import unique
from tiger.owners import Owner, Process, owner_of
from tiger.reader import Reader
from tiger.system import os, threading
from tigerd import passing
from tigerd.documents import (
    InvalidDocument,
    Records,
    check_shape,
    check_tables,
    parse_tables,
)

NAME_MAX = 80
"""Letters of a test's name that its namespace is called by."""

ORPHANED_S = 0.5
"""How often a worker looks whether its run still is."""

TIMEOUT_S = 30.0
"""How long a write may take: a red build is worse than a slow one on a busy machine."""


@contextlib.contextmanager
def failing_plainly() -> Iterator[None]:
    """Let an error of the store be the test's error, without the way it took through this code."""
    try:
        yield
    except (TigerError, OSError) as error:
        raise pytest.fail.Exception(f"tigerd: {error}", pytrace=False) from None


def _hide_library() -> None:
    """Let tracebacks end in the test that called the library; pytest's --full-trace shows all."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "tiger":
            module.__dict__["__tracebackhide__"] = True


# --- A run ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """Which instance the processes of a run share, and what becomes of it."""

    directory: Path
    attached: bool
    keep: str
    controller: Process

    @classmethod
    def make(cls, *, keep: str, attached: str | None, token: str, controller: int) -> Run:
        """Return the run that the controller's settings stand for."""
        place = Path(attached) if attached else passing.path_of(token)
        process = Process.of(controller)
        return cls(place, bool(attached), keep, process)

    def connect(self) -> Store:
        """Return a store of the run's instance; the first one starts it."""
        if self.attached:
            self._check_attached()
        else:
            if self.controller.has_ended():
                raise DaemonUnavailable("the run that this worker belongs to has ended")
            passing.make(self.directory, Owner(self.controller, keep=self.keep == "all"))
        return connect(self.directory, autostart=not self.attached, timeout_s=TIMEOUT_S)

    def _check_attached(self) -> None:
        """Raise unless a daemon runs there, first of all what is wrong with the instance itself."""
        with contextlib.suppress(DaemonUnavailable):
            instance.check_directory(self.directory)
            Reader(self.directory).close()
        if not instance.exists(self.directory) or not instance.is_running(self.directory):
            raise DaemonUnavailable(
                f"no daemon runs at {self.directory}, which this run was told to use: start one "
                f"with `tigerd start {instance.as_option(self.directory)}`, or let the run have "
                f"its own (no --tigerd-dir, no TIGERD_DIR)"
            )

    @property
    def is_cleared(self) -> bool:
        """Whether the daemon clears the accounts of a process that died: it failed a test."""
        return self.attached or self.keep == "none"

    def is_kept(self, *, has_failures: bool) -> bool:
        """Tell whether there is something to be looked at after the run."""
        wanted = self.keep == "all" or (self.keep == "failed" and has_failures)
        return wanted and self.directory.exists()

    def describe_kept(self) -> Iterator[str]:
        """Yield what to tell the person, line by line."""
        yield f"records are kept at {self.directory}"
        yield f"look at them:  tigerd namespaces {instance.as_option(self.directory)}"
        owner = owner_of(self.directory) if self.attached else None
        if owner is not None:
            yield f"they go when process {owner.process.pid} ends, whose instance it is"
        if not self.attached:
            yield f"remove them:   rm -r {shlex.quote(str(self.directory))}"

    def end(self, *, has_failures: bool) -> None:
        """End the instance, unless it is somebody else's."""
        if self.attached or not self.directory.exists():
            return
        if self.is_kept(has_failures=has_failures):
            passing.end(self.directory)
            passing.disown(self.directory)
        else:
            passing.remove(self.directory)


@dataclass(frozen=True)
class Instance:
    """The instance that a run uses."""

    directory: Path
    reader: Reader

    @property
    def socket(self) -> Path:
        """The daemon's socket."""
        return instance.socket_path(self.directory)

    @property
    def pid(self) -> int:
        """The daemon's process; another one if it was restarted."""
        return self.reader.words[PID]


class Worker:
    """One process's connection to the run's instance, and the seeds that are loaded there."""

    def __init__(self, run: Run, root: Path) -> None:
        """Connect; paths of seeds are looked for below `root`."""
        _hide_library()
        self.run = run
        self.root = root
        self.store = run.connect()
        self._is_closed = threading.Event()
        if os.getpid() != run.controller.pid:
            threading.Thread(target=self._end_with_run, name="tigerd-run", daemon=True).start()
        self.instance = Instance(run.directory, Reader(run.directory))
        self._seeds: dict[object, tuple[Any, Store | None]] = {}
        self._leases: list[Lease] = []

    def _end_with_run(self) -> None:
        """End this process when the controller is gone: xdist only learns of it between tests."""
        while not self.run.controller.has_ended():
            if self._is_closed.wait(ORPHANED_S):
                return
        os._exit(1)

    def seeded(self, seed: Any) -> Store | None:
        """Return the store to fork for a seed, which is loaded once a run; None for an empty one.

        A seed is None, a dict of lists of records, or a path to such JSON.
        """
        if seed is None:
            return None
        if not isinstance(seed, (dict, str, os.PathLike)):
            raise InvalidDocument(
                f"the seed {seed!r:.80}: use a dict of lists of records, or a path"
            )
        key: object = id(seed) if isinstance(seed, dict) else seed
        if key not in self._seeds:
            name, tables = _read_seed(seed, self.root)
            check_tables(self.store, tables, name)
            store = self._load(tables) if any(tables.values()) else None
            self._seeds[key] = (seed, store)  # with the seed, so that its id stays its own
        return self._seeds[key][1]

    def _load(self, tables: dict[str, Records]) -> Store:
        """Write a seed, unless another worker has: it is written whole, or not at all."""
        digest = hashlib.sha256(repr(tables).encode()).hexdigest()
        run = self.run.controller
        store = self.store.namespace(f"seed-{run.pid}-{run.started}-{digest[:16]}")
        # Held by each worker that forks it: the daemon clears it after the last one.
        self._leases.append(Lease(self.run.directory, store.current_namespace))
        tables = {table: _with_ids(records, table, digest) for table, records in tables.items()}
        with contextlib.suppress(AlreadyExists, Sealed), store.batch() as batch:
            for table, records in tables.items():
                for item in reversed(records):  # so that they are listed in the file's order
                    batch.table(table).create(item)
        return store

    def close(self) -> None:
        """Let go."""
        self._is_closed.set()
        for lease in self._leases:
            lease.abandon()
        self.instance.reader.close()
        self.store.close()


# --- A seed ---------------------------------------------------------------------------------------


def marked_seed(node: pytest.Item, seed: Any) -> Any:
    """Return the seed of a test: its marker's, or else the one given."""
    marker = node.get_closest_marker("tigerd")
    if marker is None:
        return seed
    if marker.args or set(marker.kwargs) != {"seed"}:
        raise InvalidDocument(
            f"the marker of {node.nodeid} is none that there is: use "
            f'@pytest.mark.tigerd(seed="shop.json")'
        )
    found = marker.kwargs["seed"]
    is_path = isinstance(found, (str, os.PathLike))
    return os.fspath(node.path.parent / found) if is_path else found


def _read_seed(
    seed: dict[str, Any] | str | os.PathLike[str], root: Path
) -> tuple[str, dict[str, Records]]:
    """Return what to call a seed, and its records."""
    if isinstance(seed, dict):
        return "the seed", check_shape(seed, "the seed")
    path = root / seed
    try:
        return str(path), parse_tables(path.read_bytes(), str(path))
    except OSError as error:
        raise InvalidDocument(f"the seed's file {path}: {error.strerror}") from None


def _with_ids(records: Records, table: str, digest: str) -> Records:
    """Give records without an id one, the same in all workers."""
    return [
        item if "id" in item else {"id": _made_id(f"{digest} {table} {place}"), **item}
        for place, item in enumerate(records)
    ]


def _made_id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[: record.ID_LENGTH]


# --- An account -----------------------------------------------------------------------------------


class Account:
    """A namespace for a test, or for those of a module or of a worker."""

    def __init__(self, worker: Worker, label: str, seed: Any) -> None:
        """Begin it, empty or as a fork of the seed's; processes started from here on find it."""
        name = unique(re.sub(r"[^A-Za-z0-9_.-]+", "-", label)[:NAME_MAX] or "session")
        parent = worker.seeded(seed)
        self._run = worker.run
        self._mark: Mark | None = None
        self._lease = Lease(worker.run.directory, name) if worker.run.is_cleared else None
        if parent is None:
            self.store = worker.store.namespace(name)
        else:
            self.store = parent.begin_fork(name)
        self._environment = pytest.MonkeyPatch()
        self._environment.setenv("TIGERD_DIR", str(worker.run.directory))
        self._environment.setenv("TIGERD_NAMESPACE", name)

    def mark(self) -> None:
        """Note what it holds now."""
        self.release_mark()
        self._mark = self.store.mark()

    def release_mark(self) -> None:
        """Let what was noted go."""
        if self._mark is not None:
            self._mark.release()
        self._mark = None

    def describe(self) -> str:
        """Tell what was changed since the mark, or else the beginning; it needs no daemon."""
        where = f"namespace {self.store.current_namespace} at {self._run.directory}"
        if not self._run.attached and self._run.keep == "none":
            where += ", kept with --tigerd-keep failed"
        try:
            return f"{self.store.changes(self._mark)}\n({where})"
        except TigerError as error:
            return f"(cannot be read: {error}; {where})"

    def leave(self) -> None:
        """Let processes that are started from here on not find it."""
        self._environment.undo()

    def close(self, *, has_failed: bool) -> None:
        """Clear it, unless it is to be kept."""
        self.release_mark()
        try:
            if self._run.keep != "all" and not (self._run.keep == "failed" and has_failed):
                self.store.clear_namespace()
        except BaseException:
            if self._lease is not None:
                self._lease.abandon()
            raise
        if self._lease is not None:
            self._lease.release()
