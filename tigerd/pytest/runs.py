"""A run's instance, as the processes of the run use it."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from tiger import DaemonUnavailable, Store, TigerError, connect
from tiger.format.layout import PID
from tiger.place import instance, process
from tiger.place.owners import Process, owner_of
from tiger.reading.reader import Reader
from tiger.system import os, threading
from tigerd.pytest.run_environment import ALL, FAILED, NONE, RunEnvironment
from tigerd.service import ephemeral

TIMEOUT_S = 30.0
"""How long a write may take: a red build is worse than a slow one on a busy machine."""

OUTSIDE_REMEDY = (
    'to use the account in a module that has a store, call monkeypatch.setattr("module.store", '
    "tiger_store) in a fixture; for a process that a fixture starts, let the fixture request "
    "tiger_store_session"
)

ORPHANED_S = 0.5
"""How often a process of a run looks whether its run still is."""


class Run:
    """Which instance the processes of a run share, and what becomes of it."""

    def __init__(self, environment: RunEnvironment) -> None:
        """Use the instance that the environment names; it need not be there yet."""
        self.environment = environment
        self.keep = environment.keep
        self.directory = Path(environment.directory)
        self.is_attached = environment.is_attached
        self._is_closed = threading.Event()

    def connect(self) -> Store:
        """Return a store of the run's instance; the first one makes and starts it."""
        if self.is_attached:
            self._check_attached()
        return connect(self.directory, autostart=not self.is_attached, timeout_s=TIMEOUT_S)

    def _check_attached(self) -> None:
        """Raise unless a daemon runs there; an error of the instance itself comes first."""
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
        return self.is_attached or self.keep == NONE

    # --- Outside of every account ---

    def outside(self) -> dict[str, int]:
        """Return the namespaces of this run that are no account, and how many records they have."""
        if not instance.exists(self.directory):
            return {}
        with connect(self.directory, autostart=False) as store:
            return {
                name: count
                for name, count in store.namespaces().items()
                if count and self.environment.is_outside(name)
            }

    def describe_outside(self) -> str | None:
        """Return which records this process and its children wrote outside of all accounts."""
        if self.environment.outside not in self.outside():
            return None
        with connect(self.directory, namespace=self.environment.outside, autostart=False) as store:
            return f"{store.changes()}\n({self.where(self.environment.outside)})"

    def where(self, namespace: str) -> str:
        """Say where records are."""
        return f"namespace {namespace} at {self.directory}"

    # --- The end ---

    def is_kept(self, *, has_failures: bool) -> bool:
        """Tell whether there is something to be looked at after the run."""
        wanted = self.keep == ALL or (self.keep == FAILED and has_failures)
        return wanted and instance.exists(self.directory)

    def describe(self, *, has_failures: bool) -> Iterator[str]:
        """Yield the lines to print at the end."""
        outside = self.outside()
        for name, count in outside.items():
            records = "1 record was" if count == 1 else f"{count} records were"
            yield f"{records} written outside of every test's account: {self.where(name)}"
        if outside:
            yield OUTSIDE_REMEDY
        if self.environment.is_in_threads:
            yield (
                "tests ran at the same time in one process, so processes that they start cannot "
                "find their account: start them with env=os.environ | tiger_store.environment"
            )
        if self.is_kept(has_failures=has_failures):
            yield from self._describe_kept()

    def _describe_kept(self) -> Iterator[str]:
        yield f"records are kept at {self.directory}"
        yield f"look at them:  tigerd namespaces {instance.as_option(self.directory)}"
        if self.environment.ends_instance:
            yield f"remove them:   rm -r {shlex.quote(str(self.directory))}"
            return
        owner = owner_of(self.directory)
        if owner is not None:
            yield f"they are removed when process {owner.process.pid} ends, which owns the instance"

    def end(self, *, has_failures: bool) -> None:
        """End the run's own instance; in another one, only clear records outside of accounts."""
        if self.environment.pid != os.getpid() or not instance.exists(self.directory):
            return
        is_kept = self.is_kept(has_failures=has_failures)
        if not self.environment.ends_instance:
            if not is_kept:
                with contextlib.suppress(
                    TigerError, OSError
                ):  # it may be unfit for use, or stopped
                    self._clear_outside()
        elif is_kept:
            ephemeral.end(self.directory)
            ephemeral.disown(self.directory)
        else:
            ephemeral.remove(self.directory)

    def _clear_outside(self) -> None:
        names = self.outside()
        if names:
            with self.connect() as store:
                for name in names:
                    store.clear_namespace(name)

    def end_process_with_it(self) -> None:
        """End this process when the controller is gone: xdist only learns of it between tests."""
        if os.getpid() != self.environment.controller:
            watch = threading.Thread(target=self._watch, name="tigerd-run", daemon=True)
            watch.start()

    def _watch(self) -> None:
        controller = Process.of(self.environment.controller)
        me = process.current()
        while not controller.has_ended():
            if self._is_closed.wait(ORPHANED_S) or process.current() != me:
                return
        os._exit(1)

    def close(self) -> None:
        """Release this process from the run, so that it can continue after it."""
        self._is_closed.set()


class Instance:
    """The instance that a run uses."""

    def __init__(self, directory: Path) -> None:
        """Look at an instance that is there."""
        self.directory = directory
        self.reader = Reader(directory)

    @property
    def socket(self) -> Path:
        """The daemon's socket."""
        return instance.socket_path(self.directory)

    @property
    def pid(self) -> int:
        """The daemon's process; another one if it was restarted."""
        return self.reader.words[PID]


def hide_library() -> None:
    """Let tracebacks end in the test that called the library; pytest's --full-trace shows all."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "tiger":
            module.__dict__["__tracebackhide__"] = True
