"""How many files, and how much address space, a reader needs; and what it says where they end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tiger.format import speedups
from tiger.format.resources import RESOURCES

KEEPS_NONE = sys.version_info >= (3, 13) or speedups.are_used()
"""Whether a map keeps no descriptor: else two of each table's are."""

READ = """
import resource, sys, tiger
from tiger.format.resources import RESOURCES
with tiger.connect(sys.argv[1], namespace=sys.argv[2], autostart=False) as store:
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    try:
        for row in RESOURCES:
            assert store.table(row.table).get("A")["id"] == "A"
        print("read")
    except tiger.InstanceError as error:
        print(error)
"""

NO_ROOM = """
import resource, sys, tiger
from pathlib import Path
with tiger.connect(sys.argv[1], namespace=sys.argv[2], autostart=False) as store:
    store.coupons.get("A")
    status = Path("/proc/self/status").read_text()
    size = int(status.partition("VmSize:")[2].split()[0]) << 10
    resource.setrlimit(resource.RLIMIT_AS, (size + (1 << 20), size + (1 << 20)))
    try:
        store.events.get("A")
    except tiger.InstanceError as error:
        print(error)
    print(store.coupons.get("A"))
"""


def run(program: str, store: Any) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, str(store.directory), store.current_namespace],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_reader_of_all_tables_needs_few_descriptors(shared_store: Any) -> None:
    for row in RESOURCES:
        shared_store.table(row.table).insert({"id": "A"})
    told = run(READ, shared_store)
    if KEEPS_NONE:
        assert told == "read"
    else:
        assert "this process has as many files open as it may: raise `ulimit -n`" in told


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="its size is read in /proc")
def test_without_address_space_a_read_says_so(shared_store: Any) -> None:
    shared_store.coupons.insert({"id": "A"})
    shared_store.events.insert_many(
        {"id": f"e{number}", "text": "x" * 100_000} for number in range(100)
    )
    shared_store.events.insert({"id": "A"})
    told, read = run(NO_ROOM, shared_store).splitlines()
    assert "no address space left for it: raise `ulimit -v`" in told
    assert read == "{'id': 'A'}"


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
