"""Instances that pass: they belong to one process, and go when it goes, however it goes.

A test run and `tigerd run` have one each. Its directory has a name of its own kind, and holds a
file that says whose it is; the daemon looks now and then whether that process is still there.
What a power cut left is removed by `tigerd gc`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tiger import instance
from tiger.errors import TigerError
from tigerd.stopping import NotAnswering, pid_of, stop_daemon

OWNER = "owner"
"""The file that says whose an instance is."""

KEPT = "kept"
"""The file that says that an instance is nobody's, and stays."""

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - the directories made in it are private

PATIENCE_S = 3.0
"""How long a daemon may take to stop whose directory is removed in any case."""

GONE = ".gone"
"""The end of the name under which a directory is removed."""

HALF_MADE_S = 60.0
"""From this age on, a directory without either file is not just being made."""


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


@dataclass(frozen=True)
class Owner:
    """Whose an instance is, and whether its directory stays when that process is gone."""

    process: Process
    keep: bool = False


def path_of(token: str) -> Path:
    """Return where an instance is, by what tells it from others; nothing is made yet."""
    return _parent() / f"{instance.PASSING}{os.geteuid()}-{token}"


def _parent() -> Path:
    """Return shared memory, if that is a directory here."""
    if os.access(SHARED_MEMORY, os.W_OK):
        return Path(SHARED_MEMORY)
    import tempfile  # noqa: PLC0415 - a daemon does without

    return Path(tempfile.gettempdir())


def make(path: Path, owner: Owner) -> None:
    """Make the directory of an instance that belongs to a process; again is fine."""
    if (path / OWNER).exists():
        return
    instance.make_directory(path)
    content = {"pid": owner.process.pid, "started": owner.process.started, "keep": owner.keep}
    made = path / f"{OWNER}.{os.getpid()}"
    made.write_text(json.dumps(content))
    made.rename(path / OWNER)


def owner_of(path: Path) -> Owner | None:
    """Return whose an instance is; None if it is nobody's."""
    try:
        content = json.loads((path / OWNER).read_text())
        return Owner(Process(content["pid"], content["started"]), content["keep"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def disown(path: Path) -> None:
    """Let an instance stay, and be nobody's."""
    (path / KEPT).touch(mode=0o600)
    (path / OWNER).unlink(missing_ok=True)


def end(path: Path) -> None:
    """Stop the daemon, by force where it does not listen."""
    try:
        stop_daemon(path, PATIENCE_S)
    except TigerError as error:
        with contextlib.suppress(ProcessLookupError):
            pid = pid_of(path) if instance.is_running(path) else None
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        if not isinstance(error, NotAnswering):
            raise


def remove(path: Path) -> None:
    """Stop the daemon, and remove all there is."""
    try:
        end(path)
    finally:
        sweep(path)


def sweep(path: Path) -> None:
    """Remove a directory and all in it; one that is gone already is fine.

    It loses its name first: a client that found it half removed would start a daemon in it.
    """
    gone = path.with_name(f"{path.name.removesuffix(GONE)}{GONE}")
    with contextlib.suppress(OSError):
        path.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def left_behind() -> Iterator[Path]:
    """Yield the directories whose process is gone, and whose daemon with it."""
    for path in sorted(_parent().glob(f"{instance.PASSING}{os.geteuid()}-*")):
        try:
            instance.check_directory(path)
            if not instance.is_running(path) and _is_abandoned(path):
                yield path
        except (TigerError, OSError):
            continue  # it is going now, or is not ours


def _is_abandoned(path: Path) -> bool:
    if path.name.endswith(GONE):
        return True
    owner = owner_of(path)
    if owner is not None:
        return not owner.keep and not owner.process.is_alive()
    is_kept = (path / KEPT).exists()
    return not is_kept and time.time() - path.stat().st_mtime > HALF_MADE_S
