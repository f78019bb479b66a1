"""How many files, and how much address space, a reader needs; and what it says where they end."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.rooms.reading.programs import descriptors as programs
from tiger.format import speedups
from tiger.format.resources import RESOURCES

KEEPS_NONE = sys.version_info >= (3, 13) or speedups.are_used()
"""Whether a map keeps no descriptor: else two of each table's are."""


def test_a_reader_of_all_tables_needs_few_descriptors(shared_store: Any, in_other_process) -> None:
    for row in RESOURCES:
        shared_store.table(row.table).insert({"id": "A"})
    told = in_other_process(
        shared_store.directory,
        programs.reads_all_tables_with_few_descriptors,
        namespace=shared_store.current_namespace,
        autostart=False,
    )
    if KEEPS_NONE:
        assert told == "read"
    else:
        assert "this process has reached its limit of open files: raise `ulimit -n`" in told


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="its size is read in /proc")
def test_without_address_space_a_read_says_so(shared_store: Any, in_other_process) -> None:
    shared_store.coupons.insert({"id": "A"})
    shared_store.events.insert_many(
        {"id": f"e{number}", "text": "x" * 100_000} for number in range(100)
    )
    shared_store.events.insert({"id": "A"})
    told, read = in_other_process(
        shared_store.directory,
        programs.reads_without_address_space,
        namespace=shared_store.current_namespace,
        autostart=False,
    )
    assert "no address space left for it: raise `ulimit -v`" in told
    assert read == {"id": "A"}


def test_a_map_that_cannot_be_made_leaves_nothing_open(tmp_path: Path) -> None:
    compiled = pytest.importorskip("tiger.format.compiled")
    import mmap

    path = tmp_path / "file"
    path.write_bytes(b"x" * 8192)
    with (
        mmap.mmap(-1, 8192, access=mmap.ACCESS_READ) as mapped,
        pytest.raises(OSError, match="Bad file descriptor"),
    ):
        compiled.put_in_place(mapped, -1)
    descriptor = os.open(path, os.O_RDONLY)
    with mmap.mmap(-1, 8192, access=mmap.ACCESS_READ) as mapped:
        compiled.put_in_place(mapped, descriptor)
        os.close(descriptor)
        with path.open("r+b") as file:
            file.write(b"z")
        assert mapped[:2] == b"zx"
        with pytest.raises(TypeError):
            mapped[0] = 0
