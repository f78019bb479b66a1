"""Held files: how a process says that it is there, without asking the daemon.

A held file is made and locked (flock) before it gets its name. So a file under that name with a
free lock belongs to a process that is gone, however it went.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from tiger.shortage import not_made
from tiger.system import fcntl, os

UNFINISHED = "new"


class Hold:
    """A file held until `release`, or the end of the process."""

    def __init__(self, path: Path, content: bytes = b"") -> None:
        """Make and hold the file; its name without its last suffix must not be `UNFINISHED`."""
        self._path = path
        self._owner = os.getpid()
        try:
            self._descriptor = self._make(content)
        except OSError as error:
            raise not_made(path, len(content), error) from None

    def _make(self, content: bytes) -> int:
        made = self._path.with_name(f"{UNFINISHED}.{self._path.suffix[1:] or self._path.name}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        while True:
            try:
                descriptor = os.open(made, flags, 0o600)
            except FileNotFoundError:  # something tidied up, perhaps the whole instance
                self._path.parent.mkdir(mode=0o700, exist_ok=True)
                descriptor = os.open(made, flags, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.write(descriptor, content) < len(content):  # a part names something else
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                with contextlib.suppress(FileNotFoundError):  # a daemon that started took it
                    os.rename(made, self._path)
                    return descriptor
            except BaseException:
                made.unlink(missing_ok=True)
                os.close(descriptor)
                raise
            os.close(descriptor)

    @property
    def is_released(self) -> bool:
        """Whether it was released by this process."""
        return self._descriptor < 0

    def release(self, *, keep_file: bool = False) -> None:
        """Let go; again is fine. In a forked child this does not end the parent's hold."""
        if self._descriptor < 0:
            return
        if os.getpid() == self._owner and not keep_file:
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1


def remove_unfinished(folder: Path) -> None:
    """Remove what processes left that were killed while making a file."""
    for path in folder.glob(f"{UNFINISHED}.*"):
        if path.is_file() and not is_held(str(path)):
            path.unlink(missing_ok=True)


def files(folder: Path) -> Iterator[tuple[os.DirEntry[str], bool]]:
    """Yield the finished files of a folder, and whether each is held."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:  # something tidied up; if the whole instance, it is not made again
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700)
        return
    for entry in entries:
        is_named = not entry.name.startswith(f"{UNFINISHED}.")
        if is_named and entry.is_file(follow_symlinks=False):
            yield entry, is_held(entry.path)


def is_held(path: str) -> bool:
    """Tell whether some process holds the file, or may do so."""
    try:
        return is_locked(path)
    except OSError:  # no descriptor is free, say: nothing is taken from its holder for that
        return True


def is_locked(path: str | Path) -> bool:
    """Tell whether some process holds the lock of a file; one that is not there has none.

    Raises OSError if that cannot be told.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        # Shared: of two who look at once, neither takes the other for a holder.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
