"""Held files: a process shows with them that it is running, without asking the daemon.

A held file is made and locked (flock) before it gets its name. So if the lock of a file with such a
name is free, its process has ended, in whatever way.

A lock belongs to the open file, which a forked child shares. So the child closes its copies
(tiger.place.process); otherwise the file would be held until the child ends.
"""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path

from tiger.errors import InstanceError
from tiger.place import process
from tiger.shortage import making_error
from tiger.system import fcntl, os

UNFINISHED = "new."
"""The prefix of a file's name until it is held."""

FILE_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Hold:
    """A file held until `release`, or the end of the process."""

    def __init__(self, folder: Path, name: str, content: bytes = b"") -> None:
        """Make and hold a file of a folder; its name must not begin with `UNFINISHED`.

        Raises `StoreFull` if there is no room, and `InstanceError` if it cannot be made.
        """
        self.path: str = f"{folder}/{name}"
        self._name = name
        self._process = process.current()
        self.is_released: bool = False
        """Whether it was released by this process."""
        self.descriptor: int = -1
        process.leaves(self)
        try:
            self.descriptor = self._make(folder, content)
        except OSError as error:
            raise making_error(Path(self.path), len(content), error) from None

    def _make(self, path: Path, content: bytes) -> int:
        """Make the file, and its folder too if a clean-up has removed it."""
        folder = open_or_make_folder(path)
        try:
            while (descriptor := self._try_to_make(folder, content)) is None:
                pass
            return descriptor
        finally:
            os.close(folder)

    def _try_to_make(self, folder: int, content: bytes) -> int | None:
        """Return the descriptor of the finished file; None if it was removed meanwhile."""
        made = f"{UNFINISHED}{self._name}"
        descriptor = os.open(made, FILE_FLAGS, 0o600, dir_fd=folder)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if content and os.write(descriptor, content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            try:
                os.rename(made, self._name, src_dir_fd=folder, dst_dir_fd=folder)
            except FileNotFoundError:  # a daemon that started took it
                os.close(descriptor)
                return None
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(made, dir_fd=folder)
            os.close(descriptor)
            raise
        return descriptor

    def release(self) -> None:
        """Release the lock and remove the file; may be repeated. A forked child leaves it alone."""
        if self.is_released:
            return
        self.is_released = True
        if self._process == process.current():
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
        self.leave()

    def leave(self) -> None:
        """Release the lock, and leave the file."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


# --- Folders of held files ------------------------------------------------------------------------


def open_folder(path: Path) -> int:
    """Return a descriptor of a folder that belongs to this user; no link is followed.

    Raises FileNotFoundError if it does not exist, `InstanceError` if it is something else, and
    OSError.
    """
    try:
        descriptor = os.open(path, FOLDER_FLAGS)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP, errno.EMLINK):
            raise _foreign_error(path) from None
        raise
    status = os.fstat(descriptor)
    if status.st_uid != os.geteuid() or status.st_mode & 0o077:
        os.close(descriptor)
        raise _foreign_error(path)
    return descriptor


def open_or_make_folder(path: Path) -> int:
    """As `open_folder`; if a clean-up has removed the folder, it is made again.

    Raises `InstanceError` if the instance was removed too.
    """
    try:
        return open_folder(path)
    except FileNotFoundError:
        pass
    try:
        parent = open_folder(path.parent)
    except FileNotFoundError:
        raise InstanceError(f"the instance at {path.parent} was removed: connect again") from None
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(path.name, 0o700, dir_fd=parent)
    finally:
        os.close(parent)
    return open_folder(path)


def _foreign_error(path: Path) -> InstanceError:
    return InstanceError(
        f"{path} is not a folder of user {os.geteuid()} that is closed to all others: the instance "
        f"was replaced, or something else has this name; connect again, or remove it"
    )


# --- Whether a file is held -----------------------------------------------------------------------


def is_locked(path: str | Path, folder: int | None = None) -> bool:
    """Tell whether some process holds the lock of a file; False if there is no such file.

    Raises OSError if it cannot be determined.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, dir_fd=folder)
    except FileNotFoundError:
        return False
    try:
        return not lock_now(descriptor, fcntl.LOCK_SH)  # of two that look, neither sees the other
    finally:
        os.close(descriptor)


def lock_now(descriptor: int, kind: int) -> bool:
    """Try to take a lock, `LOCK_SH` or `LOCK_EX`, without waiting; tell whether it was free."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
