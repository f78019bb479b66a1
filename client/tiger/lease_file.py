"""A file of leases: the namespaces that one process holds, and what the daemon reads there.

    tigerd leases of 28:1234               the first slot: of which folder, by device and inode
    2f1d0c11 sandbox-1a2b3c4d5e6f7a8b      a namespace, after the CRC-32 of its name
                                           an empty line: a slot that is free
    9c5b7a55 fork-8a7b6c5d4e3f2a1b

A slot is `SLOT` bytes and begins with its line; what comes after the line is of no meaning. A line
is written at once. One that was written in part, or is being written, does not have the sum of its
name, so it names nothing. In a copy of an instance's directory nobody holds the files, and they are
not that folder's: the daemon drops them, and what they name stays.
"""

from __future__ import annotations

import contextlib
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path

from tiger import holds
from tiger.errors import InstanceError
from tiger.system import fcntl, os

SLOT = 272
"""Bytes; a name has 255 at most."""
LEASES_MAX = 1 << 16
"""Namespaces that one process holds at once."""
SIZE_MAX = SLOT * (LEASES_MAX + 1)
KIND = b"tigerd leases of "
"""A file of leases begins with this."""

ATTEMPTS = 20
"""Looks whether somebody is taking a lease, which takes microseconds; else it is for next time."""


def place_of(slot: int) -> int:
    """Return where a slot begins."""
    return SLOT * (slot + 1)


def entry_of(namespace: str | None) -> bytes:
    """Return the line that names a namespace, or (None) that a slot is free."""
    if namespace is None:
        return b"\n"
    name = namespace.encode()
    return b"%08x %b\n" % (zlib.crc32(name), name)


def header_of(folder: int) -> bytes:
    """Return what a file of an open folder begins with."""
    status = os.fstat(folder)
    return b"%b%d:%d\n" % (KIND, status.st_dev, status.st_ino)


def content_of(header: bytes, namespace: str) -> bytes:
    """Return a whole file that names one namespace."""
    return header.ljust(SLOT, b"\0") + entry_of(namespace)


def namespaces_in(content: bytes, header: bytes) -> set[str]:
    """Return the namespaces that a file names; ValueError if it is none of leases."""
    if not content.startswith(KIND):
        raise ValueError("does not begin as a file of leases")
    found: set[str] = set()
    if not content.startswith(header):
        return found  # of another folder
    for at in range(SLOT, len(content), SLOT):
        line, end, _ = content[at : at + SLOT].partition(b"\n")
        if line and end:
            total, _, name = line.partition(b" ")
            if total == b"%08x" % zlib.crc32(name):
                with contextlib.suppress(UnicodeDecodeError):
                    found.add(name.decode())
    return found


# --- The daemon's look ----------------------------------------------------------------------------


class Look:
    """What the files of a folder say: what nobody needs any more, and what is none of leases."""

    def __init__(self, folder: int = -1) -> None:
        """Begin with nothing found."""
        self.left: dict[str, set[str]] = {}
        """Files that nobody holds, and the namespaces in each that nobody holds."""
        self.strange: dict[str, str] = {}
        """Files that are skipped, and why."""
        self.folder = folder

    def forget(self, name: str) -> None:
        """Remove a file whose namespaces are gone."""
        holds.remove(name, self.folder)


@contextlib.contextmanager
def looking(path: Path) -> Iterator[Look]:
    """Give what was left in a folder of leases; nobody takes a lease until the block ends.

    Nothing, where somebody is taking one just now, or where it cannot be told. While every file is
    held, that costs a look at each, whatever is in it.
    """
    with contextlib.ExitStack() as stack:
        look = Look()
        try:
            folder = stack.enter_context(holds.opened(path))
            names = holds.names(folder)
            if not all(holds.is_held(name, folder) for name in names) and _lock(folder):
                look = _look(folder)
        except FileNotFoundError:
            pass  # something tidied up, and who takes a lease makes it again
        except InstanceError as error:
            look.strange[path.name] = str(error)
        except OSError:
            look = Look()  # no descriptor is free, say: another time
        yield look


def _lock(folder: int) -> bool:
    """Take the folder for this process alone, until its descriptor is closed."""
    for _ in range(ATTEMPTS):
        if holds.lock_now(folder, fcntl.LOCK_EX):
            return True
        os.sched_yield()
    return False


def _look(folder: int) -> Look:
    look = Look(folder=folder)
    header = header_of(folder)
    held = set()
    for name in holds.names(folder):
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
    """Return whether a file is held, and what is in it; ValueError if it is too large."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(name, flags, dir_fd=folder)
    try:
        is_held = not holds.lock_now(descriptor, fcntl.LOCK_SH)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > SIZE_MAX:
            raise ValueError(f"has {status.st_size} bytes; a file of leases has {SIZE_MAX} at most")
        return is_held, os.read(descriptor, status.st_size)
    finally:
        os.close(descriptor)
