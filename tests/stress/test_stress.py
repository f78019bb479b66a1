"""Eight processes read, list and find while three write; then the audit finds nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.processes import Worker, workers
from tests.support.seeds import new_random

WORKER = Path(__file__).with_name("worker.py")
READERS = 8
WRITERS = 3
TIME_S = 100


def test_readers_see_only_what_was_written_while_writers_write(
    store: Any, directory: str, tigerd: Any
) -> None:
    seed = new_random().getrandbits(32)
    with workers() as start:

        def started(role: str, count: int) -> list[Worker]:
            all_of = [start(WORKER, directory, "stress", role, n, seed) for n in range(count)]
            for worker in all_of:
                assert worker.hear() == "ready"
            return all_of

        readers, writers = started("reader", READERS), started("writer", WRITERS)
        written = [writer.hear(TIME_S) for writer in writers]
        for reader in readers:
            reader.say("end")
        read = [reader.hear() for reader in readers]
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
