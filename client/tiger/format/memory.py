"""Segments: shared-memory files, and the only code that loads from them.

A reader's whole access is `segment.words[i]` (one aligned 64-bit load) and `segment.map[a:b]`
(a copy of bytes). Tests put other objects in their place. The daemon's stores are in
`tigerd.engine.segments`.

The words are a `memoryview` cast to "Q": its item get and set are one load and one store.
`struct.pack_into` is never used on shared memory: it zeroes its destination first.

x86-64 keeps loads in order and stores in order, so `fence` does nothing there. Elsewhere it
releases and takes a private lock, which orders all accesses before it before all after it.
"""

from __future__ import annotations

import mmap
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tiger.errors import Damaged, InstanceError, LayoutMismatch
from tiger.format import layout
from tiger.format.speedups import compiled
from tiger.shortage import ANOTHER, use_error
from tiger.system import is_gevent_there, os, threading

if sys.maxsize < 1 << 32:
    raise ImportError(
        "tigerd needs a 64-bit Python: this one loads a word of shared memory in two halves, which "
        "a writer may change in between"
    )

KINDS = {layout.CONTROL: "a control segment", layout.CHUNK: "a chunk", layout.INDEX: "an index"}
REMEDY = "; run `tigerd check`, then `tigerd repair`"
"""The end of every message about a damaged segment."""
_put_in_place = compiled("tiger.format.compiled", "put_in_place", otherwise=None)


class _Held(threading.local):
    """A lock of each thread's own, always held."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lock.acquire()


_held = _Held()


def _fence() -> None:
    lock = _held.lock
    lock.release()
    lock.acquire()


fence: Callable[[], None] = (
    type(None) if os.uname().machine in ("x86_64", "AMD64", "i686") else _fence
)
"""Order all accesses before the call before all after it; does nothing on x86-64."""

sleep_on: Any = (
    None if is_gevent_there() else compiled("tiger.format.compiled", "sleep_on", otherwise=None)
)
wake: Any = compiled("tiger.format.compiled", "wake", otherwise=None)
"""Functions that put a client to sleep on a word of shared memory, and wake it: those of a futex.

None without a futex, and if all greenlets would sleep: then a client that does not poll for its
answer asks for a reply."""


class Vanished(Exception):
    """The data are not there any more, or not there yet: read again from the start."""


class Unlinked(Vanished):
    """A chunk that the daemon has removed."""


def is_at(path: str | Path, status: os.stat_result) -> bool:
    """Tell whether a path still names that file; OSError if it cannot be determined."""
    try:
        return os.path.samestat(os.lstat(path), status)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _map(descriptor: int, size: int, writable: bool) -> mmap.mmap:
    """Map a file, without keeping a descriptor if possible: a reader has many segments.

    Before Python 3.13, each map of a file keeps a copy of its descriptor. The compiled part maps
    the file in place of an anonymous map, which has none.
    """
    access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
    if sys.version_info >= (3, 13):
        return mmap.mmap(descriptor, 0, access=access, trackfd=False)
    if writable or _put_in_place is None:
        return mmap.mmap(descriptor, 0, access=access)
    mapped = mmap.mmap(-1, size, access=access)
    _put_in_place(mapped, descriptor)
    return mapped


class Segment:
    """One mapped file, read-only unless `writable`."""

    __slots__ = ("map", "path", "status", "words")

    def __init__(self, path: Path, kind: int, *, writable: bool = False) -> None:
        """Map the file, or raise `FileNotFoundError`, `InstanceError`, `Damaged`."""
        self.path: Path = path
        flags = (
            os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | (os.O_RDWR if writable else os.O_RDONLY)
        )
        try:
            descriptor = os.open(path, flags)
        except FileNotFoundError:
            raise
        except PermissionError as error:
            raise InstanceError(
                f"cannot open {path}: {error.strerror}; give it mode 0600, or {ANOTHER}"
            ) from None
        except OSError as error:
            raise use_error(path, error) from None
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
                raise InstanceError(f"{path} is not a file of user {os.geteuid()}; remove it")
            if status.st_size < layout.HEADER_WORDS * layout.WORD or status.st_size % layout.WORD:
                raise Damaged(f"{path} has {status.st_size} bytes, which no segment has{REMEDY}")
            # Of the file that is mapped, whatever has its name later.
            self.status: os.stat_result = status
            self.map: mmap.mmap = _map(descriptor, status.st_size, writable)
        except OSError as error:
            raise use_error(path, error) from None
        finally:
            os.close(descriptor)
        self.words: memoryview[int] = memoryview(self.map).cast("Q")
        self._check(kind, status.st_size)

    def _check(self, kind: int, size: int) -> None:
        words = self.words
        if words[layout.HEADER_MAGIC] != layout.MAGIC:
            raise Damaged(
                f"{self.path} is not {KINDS[kind]} of tigerd, or has another byte order{REMEDY}"
            )
        if words[layout.HEADER_VERSION] != layout.VERSION:
            daemon = f" (last process {words[layout.PID]})" if kind == layout.CONTROL else ""
            raise LayoutMismatch(
                f"{self.path} has layout {words[layout.HEADER_VERSION]}, this program reads layout "
                f"{layout.VERSION}: use the version of tigerd that made it, or stop its daemon"
                f"{daemon} and remove the directory"
            )
        if words[layout.HEADER_KIND] != kind or words[layout.HEADER_SIZE] != size:
            raise Damaged(
                f"{self.path} is not {KINDS[kind]} of that size, or was truncated{REMEDY}"
            )

    def check_identity(self, instance: int, table: int, number: int) -> None:
        """Raise `Damaged` if it is of another instance or table, or not the one its name says."""
        if tuple(self.words[layout.HEADER_INSTANCE : layout.HEADER_NUMBER + 1]) != (
            instance,
            table,
            number,
        ):
            raise Damaged(
                f"{self.path} belongs to another instance or table: if the instance was repaired, "
                f"connect again, else run `tigerd check`"
            )

    def close(self) -> None:
        """Unmap now, unless a read of another thread is under way: then when that ends.

        A load after that raises ValueError.
        """
        try:
            self.words.release()
            self.map.close()
        except BufferError:
            pass
