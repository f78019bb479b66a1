"""Directories of tests: where they are, what they take, and how they can be small."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def new_directory() -> Iterator[Path]:
    """Give a directory for instances, in memory where that is possible."""
    parent = "/dev/shm" if Path("/dev/shm").is_dir() else None
    path = Path(tempfile.mkdtemp(prefix="tgr", dir=parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def bytes_below(folder: Path) -> int:
    """Return what the files below a folder take, from which a daemon may remove some meanwhile."""
    size = 0
    for path in folder.rglob("*.*"):
        with suppress(FileNotFoundError):
            size += path.stat().st_size
    return size


def small_file_system(place: Path | str, size: str) -> list[str]:
    """Return a command's beginning that gives it, and nobody else, a file system of that size."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        pytest.skip("a file system for one process alone needs Linux and unshare(1)")
    mount = f'mount -t tmpfs -o size={size},mode=0700 tiger {place} && exec "$0" "$@"'
    prefix = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount]
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this kernel or container allows no mounts in a namespace of one's own")
    return prefix
