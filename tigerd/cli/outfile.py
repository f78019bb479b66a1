"""A file that replaces the one of its name once everything is written.

Where everybody may put things, as in /tmp, another user may have put a link there, to have a file
of this user's replaced, or a pipe, to read along. The kernel refuses to follow such a link when a
file is opened, but not when one is renamed; so links are followed here, one by one.
"""

from __future__ import annotations

import errno
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from tiger.system import os, secrets

LINKS_MAX = 40


@contextmanager
def replacing(name: str) -> Iterator[TextIO]:
    """Give a file that takes the place of the one of that name if the block ends without an error.

    A device or a pipe is written to. Raises `OSError`.
    """
    path = _resolve(Path(name).absolute())
    status = _status_of(path)
    if status is not None and not stat.S_ISREG(status.st_mode):
        flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(path, flags), "w", encoding="utf-8") as out:
            if not os.path.samestat(os.fstat(out.fileno()), status):
                raise _planted_error(path)
            yield out
        return
    made = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with made.open("x", encoding="utf-8") as out:
            if status is not None:
                os.fchmod(out.fileno(), status.st_mode & 0o777)
            yield out
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)


def _resolve(path: Path) -> Path:
    """Follow the links in an absolute path; `OSError` at what another user may have put there."""
    at, left, links = Path("/"), deque(path.parts[1:]), 0
    while left:
        part = left.popleft()
        if part == "..":
            at = at.parent
            continue
        at /= part
        status = _status_of(at)
        if status is None or not stat.S_ISLNK(status.st_mode):
            continue
        links += 1
        if links > LINKS_MAX:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        target = Path(os.readlink(at))
        at = Path("/") if target.is_absolute() else at.parent
        left.extendleft(reversed(target.parts[1:] if target.is_absolute() else target.parts))
    return at


def _status_of(path: Path) -> os.stat_result | None:
    """Return the status of a file, or of a link itself; None if there is neither."""
    with suppress(FileNotFoundError):
        status = os.lstat(path)
        folder = os.stat(path.parent)
        is_planted = folder.st_mode & stat.S_IWOTH and not stat.S_ISDIR(status.st_mode)
        if is_planted and status.st_uid not in (os.geteuid(), folder.st_uid):
            raise _planted_error(path)
        return status
    return None


def _planted_error(path: Path) -> PermissionError:
    return PermissionError(errno.EACCES, "another user put it there", str(path))
