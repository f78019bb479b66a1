"""Where something is short, the error says what, how much of it there is, and what to do."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tiger
from tests.support.file_system import small_file_system
from tiger import shortage
from tiger.format import layout
from tigerd.engine import segments
from tigerd.service import serve

FILL = """
import os, sys, tiger
pid = 0
try:
    with tiger.connect(sys.argv[1]) as store:
        pid = store.ping()["pid"]
        for resource in tiger.format.resources.RESOURCES:
            store.table(resource.table).insert({"id": "A"})
except tiger.StoreFull as error:
    print(error)
finally:
    if pid:
        os.kill(pid, 15)
"""


def what_is_told(directory: str, options: str) -> str:
    prefix = small_file_system(directory, options)
    done = subprocess.run(
        [*prefix, sys.executable, "-c", FILL, directory], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_file_system_without_inodes_is_not_said_to_be_full(directory: str) -> None:
    told = what_is_told(directory, "64m,nr_inodes=40")
    assert "all 40 inodes of its file system are in use" in told
    assert "MiB" not in told


def test_a_small_file_system_is_told_in_its_own_unit(directory: str) -> None:
    told = what_is_told(directory, "300k")
    assert "512.0 KiB were needed" in told
    assert "of 300.0 KiB are free there" in told


def test_a_limit_of_file_sizes_is_named(directory: str) -> None:
    limited = f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n{FILL}"
    done = subprocess.run(
        [sys.executable, "-c", limited, directory], capture_output=True, text=True, check=True
    )
    assert "files of 64.0 KiB at most: raise `ulimit -f`" in done.stdout


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.EDQUOT, tiger.StoreFull, "disk quota of user"),
        (errno.ENOMEM, tiger.StoreFull, "ulimit -v"),
        (errno.ENOSPC, tiger.StoreFull, "memory limit of the container"),  # there is enough
        (errno.EMFILE, tiger.InstanceError, "ulimit -n"),
        (errno.ENFILE, tiger.InstanceError, "all programs together"),
        (errno.ENOLCK, tiger.InstanceError, "no file locks"),
        (errno.EACCES, tiger.InstanceError, "choose another directory"),
    ],
)
def test_each_shortage_has_its_remedy(
    tmp_path: Path, number: int, kind: type[tiger.TigerError], words: str
) -> None:
    """Simulated: by what the system would say."""
    error = shortage.making_error(
        tmp_path / "none" / "x", 5000, OSError(number, os.strerror(number))
    )
    assert type(error) is kind
    assert words in str(error)


def test_a_file_system_without_sockets_is_named() -> None:
    """Simulated: none is at hand that has no sockets."""
    path = Path("/somewhere/socket")
    told = str(serve._bind_error(path, errno.EPERM, os.strerror(errno.EPERM)))
    assert "has sockets" in told
    assert "TIGERD_DIR" in told
    assert "remove it" in str(serve._bind_error(path, errno.EADDRINUSE, "in use"))


def test_without_fallocate_zeros_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With musl some file systems have none; and a write may take less than was asked for."""

    def unsupported(*_: int) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    def a_part(descriptor: int, data: bytes, at: int) -> int:
        return os.pwrite(descriptor, data[:5000], at)

    monkeypatch.setattr(segments.os, "posix_fallocate", unsupported)
    monkeypatch.setattr(segments.os, "pwrite", a_part)
    path = tmp_path / "file"
    segments.allocate_file(path, layout.CHUNK_MIN)
    assert path.read_bytes() == bytes(layout.CHUNK_MIN)
    assert path.stat().st_blocks * 512 >= layout.CHUNK_MIN


def test_other_errors_of_fallocate_are_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(segments.os, "posix_fallocate", full)
    with pytest.raises(tiger.StoreFull):
        segments.allocate_file(tmp_path / "file", layout.CHUNK_MIN)
    assert os.listdir(tmp_path) == []
