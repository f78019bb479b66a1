"""The environment of a run, which all its processes find from the beginning.

| variable | says |
|---|---|
| `TIGERD_DIR` | where the run's instance is; the first process that connects starts it |
| `TIGERD_NAMESPACE` | the account of the test at hand; without one, `RunEnvironment.outside` |
| `TIGERD_LOG` | the log that the run's own instance follows, if it was told one |
| `TIGERD_RUN` | whose the instance is (`place.owners`), and the token of the run's namespaces |

So a `connect()` without arguments never gets to an instance that outlives the run, nor into the
account of another test. pytest loads this module in every run: it imports next to nothing.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from typing import Any

from tigerd.service.run_place import place_of

DIRECTORY = "TIGERD_DIR"
NAMESPACE = "TIGERD_NAMESPACE"
RUN = "TIGERD_RUN"
LOG = "TIGERD_LOG"

FAILED, ALL, NONE = KEEP = ("failed", "all", "none")
"""Of which tests the records are kept after a run."""

OUTSIDE = "outside"
"""How the name of a namespace begins that a `connect()` outside of every account gets."""

_entered: list[RunEnvironment] = []
"""Those that this process has entered: a run of pytest may run another within a test."""


def current() -> RunEnvironment | None:
    """Return the one that holds now."""
    return _entered[-1] if _entered else None


class Here(threading.local):
    """The state of one thread."""

    accounts: list[Any] | None = None
    """The accounts that were begun without a fixture, while a test is run."""
    ending: list[Callable[[], None]] | None = None
    """Accounts that end after all fixtures of a test, while it is torn down."""
    test: Any = None
    """The test."""


class RunEnvironment:
    """The instance that a run uses, and the environment of its processes.

    `is_attached`: somebody else's instance is used, which runs already. `ends_instance`: this
    process has chosen the directory, and removes it at the end. `is_worker`: another process of the
    run ends what is to be ended.
    """

    def __init__(
        self,
        option: str | None = None,
        *,
        keep: str = NONE,
        worker: str | None = None,
        root: str | None = None,
        log: str | None = None,
    ) -> None:
        """Choose the instance: the enclosing run's, the option's, `TIGERD_DIR`, or a new one.

        `worker` is the name of a process that does a part of the enclosing run's tests; paths of
        seeds are looked for below `root`. `log` is the log that the run's own instance follows.
        """
        self.keep = keep
        self.worker = worker
        self.root = root or os.getcwd()
        self._log = log
        self.pid = os.getpid()
        self.controller = self.pid
        self.token = os.urandom(8).hex()
        run = _enclosing_run()
        directory = os.environ.get(DIRECTORY) or None
        if run is not None and directory and (worker or not option):
            self.controller = run["pid"]
            self.is_attached = run["directory"] is None
            if worker:
                self.token = run["token"]
                directory = run["directory"] or directory
        elif directory := option or directory:
            self.is_attached = True
            directory = os.path.abspath(directory)
        else:
            self.is_attached = False
            directory = place_of(self.token)
        self.directory: str = directory
        self.is_worker = bool(worker and run)
        self.ends_instance = run is None and not self.is_attached
        self.is_told = self.is_attached and not (run and not option)
        """Whether to name the instance to the user, who may not know that it is used."""
        self.outside = f"{OUTSIDE}-{worker or 'main'}-{self.token}"
        self._said = json.dumps(
            {
                "directory": None if self.is_attached else self.directory,
                "pid": self.controller,
                "pid_namespace": _pid_namespace(),
                "keep": keep == ALL,
                "token": self.token,
            }
        )
        self._before: dict[str, str | None] = {}
        self._busy: dict[int, int] = {}
        self._lock = threading.Lock()
        self.here = Here()
        self.is_in_threads = False
        """Whether tests have run at the same time in this process: then no account is the one."""

    def is_outside(self, namespace: str) -> bool:
        """Tell whether a namespace is one of this run's that are outside of every account."""
        return namespace.startswith(f"{OUTSIDE}-") and namespace.endswith(f"-{self.token}")

    def enter(self) -> None:
        """Let it hold, for this process and those that it starts."""
        said = {DIRECTORY: self.directory, NAMESPACE: self.outside, RUN: self._said}
        if self._log:
            said[LOG] = self._log
        self._before = {name: os.environ.get(name) for name in said}
        os.environ.update(said)
        _entered.append(self)

    def is_told_here(self) -> bool:
        """Tell whether the environment of new processes names it, unchanged since."""
        return os.environ.get(DIRECTORY) == self.directory and os.environ.get(RUN) == self._said

    def leave(self) -> None:
        """Restore the environment as it was before, except for a directory that was named since."""
        if self in _entered:
            _entered.remove(self)
        if os.environ.get(DIRECTORY) != self.directory:
            self._before.pop(DIRECTORY, None)
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._before = {}

    def show(self, namespace: str | None) -> None:
        """Let processes that are started from here on find an account, or none."""
        if self.is_in_threads or namespace is None:
            namespace = self.outside
        if os.environ.get(NAMESPACE) != namespace:
            os.environ[NAMESPACE] = namespace

    def begin(self) -> None:
        """Note that this thread begins a test or an account; another thread may be in one."""
        me = threading.get_ident()
        with self._lock:
            self._busy[me] = self._busy.get(me, 0) + 1
            if len(self._busy) > 1 and not self.is_in_threads:
                self.is_in_threads = True
                self.show(None)

    def end(self) -> None:
        """Note that this thread has ended the last thing that it began."""
        me = threading.get_ident()
        with self._lock:
            left = self._busy.pop(me, 1) - 1
            if left > 0:
                self._busy[me] = left


def _enclosing_run() -> dict[str, Any] | None:
    """Return the contents of `TIGERD_RUN`, if they are about a run that has not ended."""
    try:
        run: dict[str, Any] = json.loads(os.environ.get(RUN, ""))
        pid, token, _ = int(run["pid"]), str(run["token"]), run["directory"]
        is_known = run["pid_namespace"] == _pid_namespace()
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    if is_known and _is_there(pid):
        return {**run, "pid": pid, "token": token}
    if os.environ.get(DIRECTORY) == run["directory"]:  # a directory that went with its run
        os.environ.pop(DIRECTORY)
    return None


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    return True


def _pid_namespace() -> str | None:
    """Return what tells the numbers of processes here from those in other containers, if known."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None
