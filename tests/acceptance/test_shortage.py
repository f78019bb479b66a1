"""Where something is short, the error says what, how much of it there is, and what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

import tiger
from tests.acceptance.programs import shortages
from tests.support.file_system import small_file_system
from tiger import shortage
from tiger.format import layout
from tigerd.engine import segments
from tigerd.service import serve


def test_a_file_system_without_inodes_is_not_said_to_be_full(directory: str, run_program) -> None:
    told = run_program(
        shortages.error_of_a_record_in_each_table,
        directory,
        prefix=small_file_system(directory, "64m,nr_inodes=40"),
    )
    assert "all 40 inodes of its file system are in use" in told
    assert "MiB" not in told


def test_a_small_file_system_is_told_in_its_own_unit(directory: str, run_program) -> None:
    told = run_program(
        shortages.error_of_a_record_in_each_table,
        directory,
        prefix=small_file_system(directory, "300k"),
    )
    assert "512.0 KiB were needed" in told
    assert "of 300.0 KiB are free there" in told


def test_a_limit_of_file_sizes_is_named(directory: str, run_program) -> None:
    told = run_program(shortages.error_of_a_record_in_each_table, directory, 65536)
    assert "files of 64.0 KiB at most: raise `ulimit -f`" in told


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
    assert "support sockets" in told
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
