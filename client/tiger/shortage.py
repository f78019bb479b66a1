"""Errors for files that cannot be made or used: which resource is short, and the remedy.

The system uses one code for several causes: "no space" can mean bytes or inodes, and "file too
large" can mean a limit of this process. These errors name the resource, how much of it there is,
and how to get more.
"""

from __future__ import annotations

import errno
import resource
from pathlib import Path

from tiger.errors import InstanceError, StoreFull
from tiger.system import os

ANOTHER = "choose another directory with --dir or TIGERD_DIR"

_FULL = frozenset({errno.ENOSPC, errno.ENOMEM, errno.EDQUOT, errno.EFBIG})

_NO_LOCKS = (
    "its file system has no file locks, or none left: choose a directory on another one, such as "
    "/dev/shm, with --dir or TIGERD_DIR"
)
_REMEDIES = {
    errno.EMFILE: "this process has reached its limit of open files: raise `ulimit -n`",
    errno.ENFILE: "all programs together have reached the limit of open files: end some",
    errno.ENOMEM: "this process has no address space left for it: raise `ulimit -v`",
    errno.ENOLCK: _NO_LOCKS,
    errno.ENOSYS: _NO_LOCKS,
    errno.EOPNOTSUPP: _NO_LOCKS,
}


def describe_size(size: int) -> str:
    """Return a number of bytes with a readable unit."""
    if size < 1 << 10:
        return f"{size} B"
    for power, unit in ((10, "KiB"), (20, "MiB")):
        if size < 1 << power + 10:
            return f"{size / (1 << power):.1f} {unit}"
    return f"{size / (1 << 30):.1f} GiB"


def use_error(path: Path, error: OSError, another: str = ANOTHER) -> InstanceError:
    """Return the error for a file or a directory that exists and cannot be used.

    `another` says how to choose another one.
    """
    remedy = _REMEDIES.get(error.errno or 0, another)
    return InstanceError(f"cannot use {path}: {error.strerror or error}; {remedy}")


def making_error(path: Path, size: int, error: OSError) -> StoreFull | InstanceError:
    """Return the error for a file of `size` bytes that could not be made.

    `StoreFull` if a resource is used up, else `InstanceError`.
    """
    if error.errno not in _FULL:
        remedy = _REMEDIES.get(error.errno or 0, ANOTHER)
        return InstanceError(f"cannot make {path}: {error.strerror or error}; {remedy}")
    folder = next(parent for parent in path.parents if parent.exists())
    status = os.statvfs(folder)
    return StoreFull(
        f"shared memory is full: {_what_is_short(folder, size, error.errno)}",
        needed=size,
        free=status.f_frsize * status.f_bavail,
    )


def _what_is_short(folder: Path, size: int, number: int | None) -> str:
    needed = f"{describe_size(size)} were needed at {folder}"
    if number == errno.EFBIG:
        limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        if limit == resource.RLIM_INFINITY:
            return f"{needed}, in one file, more than its file system allows: {ANOTHER}"
        return (
            f"{needed}, in one file, and this process may write files of {describe_size(limit)} "
            f"at most: raise `ulimit -f` and restart the daemon"
        )
    if number == errno.EDQUOT:
        return (
            f"{needed}, and the disk quota of user {os.geteuid()} is used up: clear namespaces, "
            f"have it raised, or choose another place with TIGERD_DIR"
        )
    status = os.statvfs(folder)
    if number == errno.ENOSPC and status.f_files and not status.f_favail:
        return (
            f"no file can be made at {folder}, for all {status.f_files:,} inodes of its file "
            f"system are in use: remove files there, give it more (tmpfs: nr_inodes=), or choose "
            f"another place with TIGERD_DIR"
        )
    free = status.f_frsize * status.f_bavail
    there = f"{needed}, {describe_size(free)} of {describe_size(status.f_frsize * status.f_blocks)}"
    if number == errno.ENOMEM or free >= size:  # so the file system is not full
        return (
            f"{there} are free there, but this process got no memory for them: look at "
            f"`ulimit -v` and at the memory limit of the container or service, raise it, and "
            f"restart the daemon"
        )
    return (
        f"{there} are free there: clear namespaces, give it more (Docker: --shm-size), or choose "
        f"another place with TIGERD_DIR"
    )
