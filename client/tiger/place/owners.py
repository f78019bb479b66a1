"""Owners: processes whose instance is removed when they end, in whatever way.

A test run and `tigerd run` each have their own instance. Its directory has the file `owner`, which
names the process; the daemon checks regularly whether that process is still running.

A test run chooses its directory when it begins, and passes it to all its processes in `TIGERD_RUN`.
The first of them that connects makes the directory, with its owner.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from tiger.shortage import making_error
from tiger.system import os, secrets, subprocess

OWNER = "owner"
"""The file that names the owner of an instance."""

KEPT = "kept"
"""The file that says that an instance has no owner, and stays."""

RUN = "TIGERD_RUN"
"""The variable that says which directory this run has: JSON of `directory`, the controller's `pid`
and `pid_namespace`, and whether to `keep` the records if it is killed."""

OWNER_BYTES = 1 << 16
"""More bytes than `OWNER` has with the longest path."""

PID_LIMIT = 1 << 31


def pid_namespace() -> str | None:
    """Return the name of this process's PID namespace; None if it is not known."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None


class Process(NamedTuple):
    """A process, distinguished from a later one with the same id by its start time.

    Its state may be unknown, neither alive nor ended: there may be no /proc, or it may be in
    another container, where it has another id.
    """

    pid: int
    started: str
    """The start time as the system writes it; "" if the process had ended, or if unknown."""
    namespace: str | None
    """As `pid_namespace` names it."""

    @classmethod
    def current(cls) -> Process:
        """Return this process."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> Process:
        """Return the process that has that id now."""
        return cls(pid, _started_at(pid) or "", pid_namespace())

    def is_alive(self) -> bool:
        """Tell whether it is known to run."""
        return bool(self.started) and self._look() == self.started

    def has_ended(self) -> bool:
        """Tell whether it is known not to run."""
        found = self._look()
        return found == "" or (found is not None and self.started not in ("", found))

    def _look(self) -> str | None:
        return _started_at(self.pid) if self.namespace == pid_namespace() else None


def _started_at(pid: int) -> str | None:
    """Return when a process started; "" if it has ended, None if that cannot be known."""
    if sys.platform != "linux":
        return _told_by_ps(pid)
    try:
        if os.readlink("/proc/self") != str(os.getpid()):
            return None  # this /proc is another container's
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "" if _is_free(pid) else None
    state, *fields = status.rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]


def _is_free(pid: int) -> bool:
    """Tell whether no process has that id; /proc, if it exists, may not show all processes."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return pid_namespace() is not None
    except OSError:
        pass
    return False


def _told_by_ps(pid: int) -> str | None:
    told = ask_ps("state=,lstart=", pid)
    if told is None:
        return None
    return "" if told[:1] in ("", "Z") else told.partition(" ")[2].strip()


def ask_ps(columns: str, pid: int) -> str | None:
    """Return the output of `ps` for a process; "" if there is none, None if `ps` cannot run.

    Language and time zone are fixed, because the output depends on them and a test may set them.
    """
    plain = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
    try:
        with subprocess.Popen(
            ["ps", "-o", columns, "-p", str(pid)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=plain,
        ) as process:
            return process.communicate()[0].decode(errors="replace").strip()
    except OSError:
        return None


class Owner(NamedTuple):
    """The owner of an instance, and whether its directory stays when the owner has ended."""

    process: Process
    keep: bool = False


def owner_of(path: Path) -> Owner | None:
    """Return the owner of an instance; None if it has none.

    The file counts only if it names this very directory: a copy of a run's directory has no owner.
    """
    try:
        content = json.loads(_read(path / OWNER))
        is_this = content["directory"] == _identity(path)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    match content:
        case {
            "pid": int(pid),
            "started": str(started),
            "pid_namespace": str() | None as namespace,
            "keep": bool(keep),
        } if is_this and 0 < pid < PID_LIMIT:
            return Owner(Process(pid, started, namespace), keep)
    return None


def _read(path: Path) -> bytes:
    """Return the contents of a small file, without waiting and without following a link."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(descriptor, OWNER_BYTES)
    finally:
        os.close(descriptor)


def _identity(path: Path) -> list[Any]:
    """Return an identity of a directory that differs for a copy of it, and if it was moved."""
    status = os.stat(path)
    return [os.path.realpath(path), status.st_dev, status.st_ino]


def write_owner(path: Path, owner: Owner) -> None:
    """Write the owner of an instance, unless it has one already; the directory must exist.

    Raises `StoreFull` if there is no room.
    """
    # Not `Path.exists`: the test that connects first may have replaced it.
    if any(os.access(path / name, os.F_OK) for name in (OWNER, KEPT)):
        return
    content = {
        "directory": _identity(path),
        "pid": owner.process.pid,
        "started": owner.process.started,
        "pid_namespace": owner.process.namespace,
        "keep": owner.keep,
    }
    text = json.dumps(content)
    made = path / f"{OWNER}.{secrets.token_hex(8)}"  # others may do this at the same moment
    try:
        made.write_text(text)
        made.rename(path / OWNER)
    except OSError as error:
        made.unlink(missing_ok=True)
        raise making_error(path / OWNER, len(text), error) from None


def owner_by_run(directory: Path) -> Owner | None:
    """Return the owner that this process's run gives to a directory; None if there is none.

    There is none if the directory is not the run's, if the run has ended, or if this process is in
    another container, where the controller's id means another process or none.
    """
    try:
        run: dict[str, Any] = json.loads(os.environ[RUN])
        is_this = Path(run["directory"]) == directory and run["pid_namespace"] == pid_namespace()
        process = Process.of(run["pid"])
        return Owner(process, bool(run["keep"])) if is_this and not process.has_ended() else None
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
        return None
