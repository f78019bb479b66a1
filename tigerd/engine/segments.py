"""Segments that the daemon writes to: the only stores into shared memory, and making its files.

The daemon stores with `store` (one aligned 64-bit store) and `write` (bytes that nothing refers to
yet). Loads, and the fence, are those of `tiger.format.memory`.
"""

from __future__ import annotations

import errno
import mmap
import resource
from array import array
from pathlib import Path

from tiger.errors import InstanceError
from tiger.format import layout
from tiger.format.memory import Segment
from tiger.shortage import making_error
from tiger.system import os

UNFINISHED = "new."
"""A segment's name begins with this until it is whole."""
ADDRESS_RESERVE = 64 << 20
"""Bytes of address space that a daemon keeps for itself where that is limited."""
ALLOCATION_STEP = 64 << 20  # bytes; one larger posix_fallocate can ask for more than there is
NO_FALLOCATE = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
"""Errors of posix_fallocate where neither the file system nor the C library can do it."""
ZEROS = bytes(1 << 16)


class WritableSegment(Segment):
    """A segment that the daemon writes to: every store into shared memory is one of its methods."""

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
            raise making_error(path, size, error) from None

    def write_again(self) -> None:
        """Write the mapped bytes to a file of the same name, and map that from now on.

        For a segment whose file was removed; `StoreFull` or `InstanceError` if that cannot be.
        """
        made = self.path.with_name(f"{UNFINISHED}{self.path.name}")
        allocate_file(made, len(self.map))
        try:
            with made.open("r+b", buffering=0) as file:
                file.write(self.map)
            made.rename(self.path)
        except OSError as error:
            raise making_error(self.path, len(self.map), error) from None
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
        raise making_error(path, size, error) from None
    try:
        _allocate(descriptor, size)
    except OSError as error:
        path.unlink()
        raise making_error(path, size, error) from None
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
    """Return the files `name.<number>` of a folder, by number; no other file is looked at."""
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
        raise making_error(path, 4096, error) from None
