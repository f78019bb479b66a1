"""Readers that are stopped for a long time in the middle of a read, and readers that are killed."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import tiger
from tests.faults.storm import check
from tests.support.file_system import bytes_below
from tests.support.processes import Worker, instance_directory, kill, serving, wait_for, workers
from tigerd.service.server import PAUSE_MS

READER = Path(__file__).with_name("reader.py")
RECORDS = 120
ROUNDS = 60
USUAL = 1 << 20
"""Bytes: more than the records take, and much less than all their versions."""


@pytest.fixture
def place() -> Iterator[Path]:
    with instance_directory() as directory, serving(directory):
        yield directory


@pytest.fixture
def start() -> Iterator[Callable[..., Worker]]:
    with workers() as starting:
        yield starting


def write_round(store: tiger.Store, number: int) -> None:
    """Write all records anew under one commit, in another order of the list."""
    store.plans.insert_many(
        {
            "id": f"p{n}",
            "created": (n * 7 + number) % RECORDS,
            "round": number,
            "active": True,
            "text": "x" * 400,
        }
        for n in range(RECORDS)
    )


def is_one_round(listed: Any) -> bool:
    return len({name for name, _ in listed}) == len(listed) == RECORDS and (
        len({number for _, number in listed}) == 1
    )


@pytest.mark.parametrize("how", ["walk", "snapshot", "snapshot_walk"])
def test_a_reader_that_was_stopped_sees_one_moment(
    place: Path, start: Callable[..., Worker], how: str
) -> None:
    with tiger.connect(place) as store:
        write_round(store, 0)
        reader = start(READER, place, how, RECORDS // 2)
        assert reader.hear() == "ready"
        wait_for(lambda: reader.state == "T", "the stop")
        for number in range(1, ROUNDS):
            write_round(store, number)
        kill([reader.process.pid], signal.SIGCONT)
        saw = reader.hear()
        assert is_one_round(saw["listed"])
        if how != "walk":
            assert saw["listed"][0][1] == 0, "not of the snapshot's moment"
            assert (saw["count"], len(saw["found"])) == (RECORDS, RECORDS)
        reader.process.wait(30)
    check(place)


@pytest.mark.parametrize("end", ["killed", "released"])
def test_memory_of_a_snapshot_is_freed_once_it_has_ended(
    place: Path, start: Callable[..., Worker], end: str
) -> None:
    with tiger.connect(place) as store:
        for number in range(ROUNDS):
            write_round(store, number)
        wait_for(lambda: settled(store, place) < USUAL, "the usual size")
        reader = start(READER, place, "snapshot", 0)
        assert reader.hear() == "ready"
        wait_for(lambda: reader.state == "T", "the stop")
        for number in range(ROUNDS):
            write_round(store, number)
        held = bytes_below(place / "tables")
        assert held > 3 * USUAL, "the snapshot holds nothing"
        kill([reader.process.pid], signal.SIGKILL if end == "killed" else signal.SIGCONT)
        reader.process.wait(30)
        wait_for(lambda: settled(store, place) < USUAL, "the space")
        assert not list((place / "pins").iterdir())
    check(place)


def settled(store: tiger.Store, directory: Path) -> int:
    """Write a little, for the daemon looks at pins when it is asked something; return the size.

    Then leave it a pause, in which it cleans as much as in hundreds of writes.
    """
    store.coupons.insert({"id": "A"})
    time.sleep(3 * PAUSE_MS / 1000)
    return bytes_below(directory / "tables")
