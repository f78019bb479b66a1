"""Pins: how a reader asks that a point in time stay readable, without asking the daemon.

A pin is a file `pins/<commit>.<random>` on which its reader holds a lock (flock). The daemon,
before it takes anything away, lists the folder and goes no further than the least commit there;
a pin whose lock is free belongs to a process that is gone, and is removed. Clients map all
segments read-only; this folder is the one place where they write.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from pathlib import Path

from tiger.errors import InstanceError, InvalidRequest
from tiger.memory import make_folder

FOLDER = "pins"
UNFINISHED = "new"


class Pin:
    """A commit held against cleaning until `release`, or the end of the process."""

    def __init__(self, directory: Path, commit: int) -> None:
        """Hold everything that ends after `commit`."""
        name = secrets.token_hex(8)
        self._path = directory / FOLDER / f"{commit}.{name}"
        self._owner = os.getpid()
        try:
            self._descriptor = self._make(directory / FOLDER / f"{UNFINISHED}.{name}")
        except OSError as error:
            raise InstanceError(
                f"cannot hold a point in time at {self._path}: {error.strerror}"
            ) from None

    def _make(self, made: Path) -> int:
        while True:
            descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            # Locked before it gets its name: under that name, unlocked means abandoned.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):  # a daemon that started just now took it
                os.rename(made, self._path)
                return descriptor
            os.close(descriptor)

    def check(self) -> None:
        """Raise `InvalidRequest` once it was released."""
        if self._descriptor < 0:
            raise InvalidRequest("this snapshot has ended: read within its block, or take another")

    def release(self) -> None:
        """Let go; again is fine. In a forked child this does not end the parent's hold."""
        if self._descriptor < 0:
            return
        if os.getpid() == self._owner:
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1


def remove_unfinished(directory: Path) -> None:
    """Remove what readers left that were killed while making a pin."""
    for path in (directory / FOLDER).glob(f"{UNFINISHED}.*"):
        if path.is_file() and not _is_held(str(path)):
            path.unlink(missing_ok=True)


def least(directory: Path) -> int | None:
    """Return the least pinned commit; remove the pins of processes that are gone."""
    held = []
    try:
        entries = list(os.scandir(directory / FOLDER))
    except FileNotFoundError:  # something tidied up
        make_folder(directory / FOLDER)
        return None
    for entry in entries:
        commit, _, _ = entry.name.partition(".")
        if not commit.isdecimal() or not entry.is_file(follow_symlinks=False):
            continue
        if _is_held(entry.path):
            held.append(int(commit))
        else:
            Path(entry.path).unlink(missing_ok=True)
    return min(held, default=None)


def _is_held(path: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
