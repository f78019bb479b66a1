"""Eight processes read, list and find while three write; then the audit finds nothing.

The seed is printed; `TIGERD_TEST_SEED=<number>` runs the same choices again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

WORKER = Path(__file__).with_name("worker.py")
PROJECT = WORKER.parents[2]
READERS = 8
WRITERS = 3
TIME_S = 100


@pytest.fixture
def seed() -> int:
    """From the environment, or a new one; printed, so that a failure can be run again."""
    seed = int(os.environ.get("TIGERD_TEST_SEED") or int.from_bytes(os.urandom(4), "big"))
    print(f"TIGERD_TEST_SEED={seed}")
    return seed


@pytest.fixture
def start(directory: str, seed: int) -> Iterator[Any]:
    """`start(role, number)`: a process of `worker.py`, killed at the end."""
    with ExitStack() as stack:

        def start_worker(role: str, number: int) -> subprocess.Popen[str]:
            command = [sys.executable, str(WORKER), directory, "stress", role, str(number)]
            process = subprocess.Popen(
                [*command, str(seed)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": str(PROJECT)},
                encoding="utf-8",
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start_worker


def what_it_did(process: subprocess.Popen[str]) -> dict[str, int]:
    """Closes the process's stdin and gives what it tells at its end."""
    stdout, stderr = process.communicate(timeout=TIME_S)
    assert process.returncode == 0, stderr
    return json.loads(stdout.splitlines()[-1])


def test_readers_see_only_what_was_written_while_writers_write(
    store: Any, directory: str, start: Any, tigerd: Any
) -> None:
    readers = [start("reader", number) for number in range(READERS)]
    for reader in readers:
        assert reader.stdout.readline() == "ready\n", reader.stderr.read()
    writers = [start("writer", number) for number in range(WRITERS)]
    written = [what_it_did(writer) for writer in writers]
    read = [what_it_did(reader) for reader in readers]
    print(f"written: {written}", f"read: {read}", sep="\n")

    assert all(done["insert"] and done["write_pair"] and done["churn"] for done in written)
    assert all(done["get"] and done["page"] and done["find"] for done in read)
    namespaces = {name: count for name, count in store.namespaces().items() if count}
    assert set(namespaces) == {"stress"}
    stress = store.namespace("stress")
    assert namespaces["stress"] == len(stress.plans) + 2 * WRITERS
    assert [stress.coupons.get(f"pair{n}")["n"] for n in range(WRITERS)] == [
        done["write_pair"] for done in written
    ]
    audit = tigerd("check", directory=directory)
    assert audit.returncode == 0, audit.stdout + audit.stderr
