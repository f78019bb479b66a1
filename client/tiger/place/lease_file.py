"""The format of a file of leases, which lists the namespaces that one process holds.

    tigerd leases of 28:1234               the first slot: of which folder, by device and inode
    2f1d0c11 sandbox-1a2b3c4d5e6f7a8b      a namespace, after the CRC-32 of its name
                                           an empty line: a slot that is free
    9c5b7a55 fork-8a7b6c5d4e3f2a1b

A slot is `SLOT` bytes and begins with its line; the bytes after the line have no meaning. A line is
written in one piece. A line that was written only in part does not match its sum, so it names
nothing. In a copy of an instance's directory, nobody holds the files, and they name another folder:
the daemon removes them, and the namespaces that they list stay.
"""

from __future__ import annotations

import contextlib
import zlib

from tiger.system import os

SLOT = 272
"""Bytes; a name has 255 at most."""
LEASES_MAX = 1 << 16
"""The most namespaces that one process can hold at once."""
SIZE_MAX = SLOT * (LEASES_MAX + 1)
KIND = b"tigerd leases of "
"""The first bytes of a file of leases."""


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
    """Return the first line for files of an open folder."""
    status = os.fstat(folder)
    return b"%b%d:%d\n" % (KIND, status.st_dev, status.st_ino)


def content_of(header: bytes, namespace: str) -> bytes:
    """Return a whole file that names one namespace."""
    return header.ljust(SLOT, b"\0") + entry_of(namespace)


def namespaces_in(content: bytes, header: bytes) -> set[str]:
    """Return the namespaces that a file names; ValueError if it is not a file of leases."""
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
