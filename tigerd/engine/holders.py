"""The daemon's check of pins and files of leases: which ones are still held.

If nobody holds such a file, its process has ended (tiger.place.holds).
"""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterator
from pathlib import Path

from tiger.errors import InstanceError
from tiger.place import pins
from tiger.place.holds import UNFINISHED, is_locked, lock_now, open_folder
from tiger.place.lease_file import SIZE_MAX, header_of, namespaces_in
from tiger.system import fcntl, os

ATTEMPTS = 20
"""Looks whether somebody is taking a lease, which takes microseconds; else it is for next time."""


# --- Folders of held files ------------------------------------------------------------------------


@contextlib.contextmanager
def opened(path: Path) -> Iterator[int]:
    """Give a folder's descriptor; raises as `open_folder`."""
    descriptor = open_folder(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def names(folder: int) -> list[str]:
    """Return the names of the finished files of an open folder; nothing else in it is ours."""
    with os.scandir(folder) as entries:
        return [
            entry.name
            for entry in entries
            if not entry.name.startswith(UNFINISHED) and entry.is_file(follow_symlinks=False)
        ]


def remove_unfinished(path: Path) -> None:
    """Remove the unfinished files of processes that were killed."""
    with contextlib.suppress(FileNotFoundError, InstanceError), opened(path) as folder:
        for name in os.listdir(folder):
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            is_ours = name.startswith(UNFINISHED) and stat.S_ISREG(status.st_mode)
            if is_ours and not is_held(name, folder):
                remove(name, folder)


def remove(name: str, folder: int) -> None:
    """Remove a file of an open folder, if it exists."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def is_held(name: str, folder: int) -> bool:
    """Tell whether some process holds a file of an open folder, or may do so."""
    try:
        return is_locked(name, folder)
    except OSError:  # no descriptor is free, say: then it counts as held
        return True


# --- Pins -----------------------------------------------------------------------------------------


def least_pin(directory: Path) -> int | None:
    """Return the least pinned commit; remove the pins of processes that are gone."""
    held = []
    try:
        with opened(directory / pins.FOLDER) as folder:
            for name in names(folder):
                commit, _, _ = name.partition(".")
                if not commit.isdecimal():
                    continue
                if is_held(name, folder):
                    held.append(int(commit))
                else:
                    remove(name, folder)
    except FileNotFoundError:  # something tidied up; the next pin makes it again
        return None
    except (OSError, InstanceError):  # no descriptor is free, say: then everything may be held
        return 0
    return min(held, default=None)


# --- Leases ---------------------------------------------------------------------------------------


def leased(path: Path) -> frozenset[str]:
    """Return the namespaces that the files of a folder name, held or not.

    OSError if they cannot be read, as without a free descriptor.
    """
    found: set[str] = set()
    with contextlib.suppress(FileNotFoundError, InstanceError), opened(path) as folder:
        header = header_of(folder)
        for name in names(folder):
            with contextlib.suppress(FileNotFoundError, PermissionError, ValueError):  # not ours
                found |= namespaces_in(_read(name, folder)[1], header)
    return frozenset(found)


class Look:
    """The result of a look at a folder of leases."""

    def __init__(self, folder: int = -1) -> None:
        """Begin with nothing found."""
        self.left: dict[str, set[str]] = {}
        """Files that nobody holds, and the namespaces in each that no held file names."""
        self.strange: dict[str, str] = {}
        """Files that are skipped, and why."""
        self.folder = folder

    def forget(self, name: str) -> None:
        """Remove a file whose namespaces are cleared."""
        remove(name, self.folder)


@contextlib.contextmanager
def looking(path: Path) -> Iterator[Look]:
    """Give what processes left in a folder of leases; nobody takes a lease until the block ends.

    The look is empty while somebody is taking a lease, or if the folder cannot be read. While
    every file is held, it costs a look at each, however many leases are in it.
    """
    with contextlib.ExitStack() as stack:
        look = Look()
        try:
            folder = stack.enter_context(opened(path))
            if not all(is_held(name, folder) for name in names(folder)) and _lock(folder):
                look = _look(folder)
        except FileNotFoundError:
            pass  # something tidied up; the next lease makes it again
        except InstanceError as error:
            look.strange[path.name] = str(error)
        except OSError:
            look = Look()  # no descriptor is free, say: another time
        yield look


def _lock(folder: int) -> bool:
    """Take the folder for this process alone, until its descriptor is closed."""
    for _ in range(ATTEMPTS):
        if lock_now(folder, fcntl.LOCK_EX):
            return True
        os.sched_yield()
    return False


def _look(folder: int) -> Look:
    look = Look(folder=folder)
    header = header_of(folder)
    held = set()
    for name in names(folder):
        try:
            is_held, content = _read(name, folder)
            namespaces = namespaces_in(content, header)
        except FileNotFoundError:
            continue
        except PermissionError as error:  # not one of ours: a process makes them for itself
            look.strange[name] = str(error.strerror)
            continue
        except ValueError as error:
            look.strange[name] = str(error)
            continue
        if is_held:
            held |= namespaces
        else:
            look.left[name] = namespaces
    for name in look.left:
        look.left[name] -= held
    return look


def _read(name: str, folder: int) -> tuple[bool, bytes]:
    """Return whether a file is held, and its contents; ValueError if it is too large."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(name, flags, dir_fd=folder)
    try:
        is_held = not lock_now(descriptor, fcntl.LOCK_SH)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > SIZE_MAX:
            raise ValueError(f"has {status.st_size} bytes; a file of leases has {SIZE_MAX} at most")
        return is_held, os.read(descriptor, status.st_size)
    finally:
        os.close(descriptor)
