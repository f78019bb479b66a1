"""Whose an instance is: the process that it goes with, however that process ends.

A test run and `tigerd run` have an instance of their own. Its directory holds the file `owner`,
which names the process; the daemon looks now and then whether that process is still there.

A test run chooses its directory at its first moment and tells all its processes by `TIGERD_RUN`.
Nothing is made before one of them connects; that one makes the directory, with its owner.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiger.system import os, secrets, subprocess

OWNER = "owner"
"""The file that says whose an instance is."""

KEPT = "kept"
"""The file that says that an instance is nobody's, and stays."""

RUN = "TIGERD_RUN"
"""The variable that says which directory this run has: JSON of `directory`, the controller's `pid`
and `pid_namespace`, and whether to `keep` the records if it is killed."""


@dataclass(frozen=True)
class Process:
    """A process, told from a later one of the same number by when it started."""

    pid: int
    started: str

    @classmethod
    def current(cls) -> Process:
        """Return this process."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> Process:
        """Return the process that has that number now."""
        return cls(pid, started_at(pid) or "")

    def is_alive(self) -> bool:
        """Tell whether it has not ended."""
        return started_at(self.pid) == self.started


def started_at(pid: int) -> str | None:
    """Return when a process started, in the system's own words; None if it has ended."""
    if sys.platform == "linux":
        try:
            status = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        state, *fields = status.rpartition(")")[2].split()
        return None if state in "ZX" else fields[18]
    command = ["ps", "-o", "state=,lstart=", "-p", str(pid)]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return None if told[:1] in ("", "Z") else told.partition(" ")[2].strip()


def pid_namespace() -> str | None:
    """Return what tells the numbers of processes here from those in other containers, if known."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None


@dataclass(frozen=True)
class Owner:
    """Whose an instance is, and whether its directory stays when that process is gone."""

    process: Process
    keep: bool = False


def owner_of(path: Path) -> Owner | None:
    """Return whose an instance is; None if it is nobody's."""
    try:
        content = json.loads((path / OWNER).read_text())
        return Owner(Process(content["pid"], content["started"]), content["keep"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_owner(path: Path, owner: Owner) -> None:
    """Say whose an instance is, unless that was said before; its directory is there."""
    if (path / OWNER).exists() or (path / KEPT).exists():
        return
    content = {"pid": owner.process.pid, "started": owner.process.started, "keep": owner.keep}
    # Threads and processes do this at the same moment.
    made = path / f"{OWNER}.{secrets.token_hex(8)}"
    made.write_text(json.dumps(content))
    made.rename(path / OWNER)


def owner_by_run(directory: Path) -> Owner | None:
    """Return the owner to be of a directory, as this process's run tells; None if it cannot be.

    It cannot if the directory is not the run's, if the run has ended, or if this process is in
    another container, where the controller's number means another process or none.
    """
    try:
        run: dict[str, Any] = json.loads(os.environ[RUN])
        is_this = Path(run["directory"]) == directory and run["pid_namespace"] == pid_namespace()
        started = started_at(run["pid"]) if is_this else None
        return Owner(Process(run["pid"], started), bool(run["keep"])) if started else None
    except (ValueError, KeyError, TypeError):
        return None
