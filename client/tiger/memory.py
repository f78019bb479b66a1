"""Segments: shared-memory files, and the only loads and stores there are.

A reader's whole access is `segment.words[i]` (one aligned 64-bit load) and `segment.map[a:b]`
(a copy of bytes); the daemon's is `store` (one aligned 64-bit store) and `write` (bytes that
nothing refers to yet). Tests put other objects in their place.

The words are a `memoryview` cast to "Q": its item get and set are one load and one store.
`struct.pack_into` is never used on shared memory: it zeroes its destination first.

x86-64 keeps loads in order and stores in order, so `fence` does nothing there. Elsewhere it
releases and takes a private lock, which orders all accesses before it before all after it.
"""

from __future__ import annotations

import errno
import mmap
import resource
import stat
import sys
from array import array
from collections.abc import Callable
from pathlib import Path

from tiger import layout
from tiger.errors import Damaged, InstanceError, LayoutMismatch
from tiger.shortage import ANOTHER, not_made, unusable
from tiger.speedups import compiled
from tiger.system import os, threading

if sys.maxsize < 1 << 32:
    raise ImportError(
        "tigerd needs a 64-bit Python: this one loads a word of shared memory in two halves, which "
        "a writer may change in between"
    )

KINDS = {layout.CONTROL: "a control segment", layout.CHUNK: "a chunk", layout.INDEX: "an index"}
REMEDY = "; run `tigerd check`, then `tigerd repair`"
"""The end of what is said of a damaged segment."""
UNFINISHED = "new."
"""A segment's name begins with this until it is whole."""
ADDRESS_RESERVE = 64 << 20
"""Bytes of address space that a daemon keeps for itself where that is limited."""
_put_in_place = compiled("tiger.compiled", "put_in_place", otherwise=None)
ALLOCATION_STEP = 64 << 20  # bytes; one larger posix_fallocate can ask for more than there is
NO_FALLOCATE = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
"""What posix_fallocate says where the file system cannot do it, and the library does not either."""
ZEROS = bytes(1 << 16)


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


def _ordered_already() -> None:
    pass


fence: Callable[[], None] = (
    _ordered_already if os.uname().machine in ("x86_64", "AMD64", "i686") else _fence
)
"""Order all loads and stores before the call before all after it."""


class Vanished(Exception):
    """What was to be read is not there any more, or not yet: read again from the start."""


class Unlinked(Vanished):
    """A chunk that the daemon has taken away."""


def is_at(path: str | Path, status: os.stat_result) -> bool:
    """Tell whether a path still names that file; OSError if that cannot be known."""
    try:
        return os.path.samestat(os.lstat(path), status)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _map(descriptor: int, size: int, writable: bool) -> mmap.mmap:
    """Map a file, of which no descriptor is kept where that can be: a reader has many segments.

    Python before 3.13 keeps a copy of the descriptor with each map of a file. What is compiled
    puts the file in the place of a map of no file, which has none.
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
            raise unusable(path, error) from None
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
                raise InstanceError(f"{path} is not a file of user {os.geteuid()}; remove it")
            if status.st_size < layout.HEADER_WORDS * layout.WORD or status.st_size % layout.WORD:
                raise Damaged(f"{path} has {status.st_size} bytes, as no segment has{REMEDY}")
            # Of the file that is mapped, whatever has its name later.
            self.status: os.stat_result = status
            self.map: mmap.mmap = _map(descriptor, status.st_size, writable)
        except OSError as error:
            raise unusable(path, error) from None
        finally:
            os.close(descriptor)
        self.words: memoryview[int] = memoryview(self.map).cast("Q")
        self._check(kind, status.st_size)

    def _check(self, kind: int, size: int) -> None:
        words = self.words
        if words[layout.HEADER_MAGIC] != layout.MAGIC:
            raise Damaged(
                f"{self.path} is not {KINDS[kind]} of tigerd, or of another byte order{REMEDY}"
            )
        if words[layout.HEADER_VERSION] != layout.VERSION:
            daemon = f", process {words[layout.PID]} at last," if kind == layout.CONTROL else ""
            raise LayoutMismatch(
                f"{self.path} has layout {words[layout.HEADER_VERSION]}, this program reads layout "
                f"{layout.VERSION}: use the version of tigerd that made it, or stop its daemon"
                f"{daemon} and remove the directory"
            )
        if words[layout.HEADER_KIND] != kind or words[layout.HEADER_SIZE] != size:
            raise Damaged(f"{self.path} is not {KINDS[kind]} of that size, or was cut{REMEDY}")

    def check_identity(self, instance: int, table: int, number: int) -> None:
        """Raise `Damaged` if it is of another instance or table, or not the one its name says."""
        if tuple(self.words[layout.HEADER_INSTANCE : layout.HEADER_NUMBER + 1]) != (
            instance,
            table,
            number,
        ):
            raise Damaged(
                f"{self.path} is not of this instance, or of another table: if it was "
                f"repaired meanwhile, connect again, else run `tigerd check`"
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


class WritableSegment(Segment):
    """A segment in the daemon's hands: every store into shared memory is one of its methods."""

    __slots__ = ()

    def __init__(self, path: Path, kind: int) -> None:
        """Map an existing file to write in it."""
        super().__init__(path, kind, writable=True)

    @classmethod
    def create(
        cls,
        path: Path,
        kind: int,
        size: int,
        instance: int,
        table: int = 0,
        number: int = 0,
        state: int = 0,
    ) -> WritableSegment:
        """Make a file of that size, all of it allocated, and map it; `StoreFull` if it cannot be.

        The file gets its name when it is whole: a kill leaves no half-made segment, only an
        `UNFINISHED` file.
        """
        made = path.with_name(f"{UNFINISHED}{path.name}")
        allocate_file(made, size)
        return cls.publish(made, path, kind, size, instance, table, number, state)

    @classmethod
    def publish(
        cls,
        made: Path,
        path: Path,
        kind: int,
        size: int,
        instance: int,
        table: int,
        number: int,
        state: int,
    ) -> WritableSegment:
        """Give a file of zeros its header and then its name."""
        header = (layout.MAGIC, layout.VERSION, kind, instance, table, number, size, state)
        try:
            with made.open("r+b", buffering=0) as file:
                file.write(array("Q", header).tobytes())
            made.rename(path)
            return cls(path, kind)
        except (OSError, InstanceError) as error:  # no descriptor is free, say
            made.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            if isinstance(error, InstanceError):
                raise
            raise not_made(path, size, error) from None

    def write_again(self) -> None:
        """Write what is mapped to a file of the same name, and map that from now on.

        For a segment whose file was removed; `StoreFull` or `InstanceError` if that cannot be.
        """
        made = self.path.with_name(f"{UNFINISHED}{self.path.name}")
        allocate_file(made, len(self.map))
        try:
            with made.open("r+b", buffering=0) as file:
                file.write(self.map)
            made.rename(self.path)
        except OSError as error:
            raise not_made(self.path, len(self.map), error) from None
        fresh = type(self)(self.path, self.words[layout.HEADER_KIND])
        for name in ("map", "words", "status"):
            setattr(self, name, getattr(fresh, name))

    def store(self, at: int, value: int) -> None:
        """Change one word."""
        self.words[at] = value

    def write(self, offset: int, data: bytes) -> None:
        """Fill bytes that nothing refers to yet."""
        self.map[offset : offset + len(data)] = data


def allocate_file(path: Path, size: int) -> None:
    """Make a file of zeros, all of it allocated, or raise `StoreFull` and leave none."""
    path.unlink(missing_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        _check_address_space(size)
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise not_made(path, size, error) from None
    try:
        _allocate(descriptor, size)
    except OSError as error:
        path.unlink()
        raise not_made(path, size, error) from None
    finally:
        os.close(descriptor)


def _check_address_space(size: int) -> None:
    """Raise OSError if mapping so much would leave this process too little to work with.

    Where its memory is limited (`ulimit -v`), a daemon that had mapped all of it could neither
    apply what it has begun nor start again.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        mmap.mmap(-1, size + ADDRESS_RESERVE).close()


def _allocate(descriptor: int, size: int) -> None:
    """Give the file all its memory now: a page missing later would be a SIGBUS."""
    if hasattr(os, "posix_fallocate"):
        try:
            for start in range(0, size, ALLOCATION_STEP):
                os.posix_fallocate(descriptor, start, min(ALLOCATION_STEP, size - start))
            return
        except OSError as error:
            if error.errno not in NO_FALLOCATE:
                raise
    done = 0  # macOS has no posix_fallocate, and with musl some file systems have none
    while done < size:
        done += os.pwrite(descriptor, ZEROS[: size - done], done)


def numbered_files(folder: Path, name: str) -> list[tuple[int, Path]]:
    """Return the files `name.<number>` of a folder, by number; what else is there is not ours."""
    found = [
        (int(path.suffix[1:]), path)
        for path in folder.glob(f"{name}.*")
        if path.suffix[1:].isdecimal() and path.is_file()
    ]
    return sorted(found)


def make_folder(path: Path, *, parents: bool = True) -> None:
    """Make a private folder, if it is not there; `StoreFull` if there is no room for it."""
    try:
        path.mkdir(mode=0o700, parents=parents, exist_ok=True)
    except OSError as error:
        raise not_made(path, 4096, error) from None
