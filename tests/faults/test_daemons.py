"""Several daemons for one instance, a clock that steps, and a file system that is full."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import tiger
from tests.faults.storm import check
from tests.support.file_system import small_file_system
from tests.support.processes import (
    PROJECT,
    daemons_of,
    instance_directory,
    kill,
    serving,
    stop,
    wait_for,
)
from tests.support.seeds import new_random

FULL = Path(__file__).with_name("full.py")
RACERS = 3


@pytest.fixture
def place() -> Iterator[Path]:
    with instance_directory() as directory:
        yield directory


def race(stack: ExitStack, directory: Path) -> list[subprocess.Popen[str]]:
    """Start some daemons at once."""
    command = [sys.executable, "-m", "tigerd", "serve", "--dir", str(directory)]
    racers = []
    for _ in range(RACERS):
        process = subprocess.Popen(
            command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
        )
        stack.callback(process.communicate)
        stack.callback(process.kill)
        racers.append(process)
    return racers


def test_of_daemons_that_race_for_an_instance_one_serves(place: Path) -> None:
    """Again and again, each time after the winner was killed while a client writes."""
    random = new_random()
    written = 0
    with ExitStack() as stack:
        racers = race(stack, place)
        store = stack.enter_context(tiger.connect(place, timeout_s=30))
        for _ in range(2):
            winner = store.ping()["pid"]
            losers = [racer for racer in racers if racer.pid != winner]
            for loser in losers if any(racer.pid == winner for racer in racers) else racers:
                said, log = loser.communicate(timeout=30)
                assert loser.returncode != 0
                assert said == "", "two daemons are READY"
                assert "a daemon runs at" in log
            for _ in range(random.randrange(1, 40)):
                store.plans.create({"id": f"p{written}"})
                written += 1
            racers = race(stack, place) if random.random() < 0.5 else []
            kill([winner])
            racers += race(stack, place)
            store.plans.create({"id": f"p{written}"})
            written += 1
            wait_for(lambda: len(daemons_of(place)) == 1, "the end of the losers")
        assert store.plans.count() == written
        assert store.ping()["commit"] == written
    check(place)


def test_a_stopped_daemon_is_not_replaced(place: Path) -> None:
    """It holds the instance, however long it is silent: a second one would write beside it."""
    with (
        serving(place) as daemon,
        tiger.connect(place, timeout_s=0.3) as store,
        ExitStack() as stack,
    ):
        store.plans.insert({"id": "A"})
        stop([daemon])
        for racer in race(stack, place):
            assert racer.wait(30) != 0
        with pytest.raises(tiger.OutcomeUnknown):
            store.plans.insert({"id": "B"})
        kill([daemon], signal.SIGCONT)
        assert store.ping()["pid"] == daemon
        assert wait_for(lambda: store.plans.get("B", None), "the late request") == {"id": "B"}
    check(place)


def test_a_wall_clock_that_steps_is_not_noticed(place: Path) -> None:
    with (
        serving(place, "--idle-exit", "600", module="tests.faults.altered clock") as daemon,
        tiger.connect(place, timeout_s=5) as store,
    ):
        for number in range(300):
            store.plans.create({"id": f"p{number}", "created": number})
            store.coupons.insert({"id": "A", "n": number})
        assert [record["id"] for record in store.plans.list(limit=3)] == ["p299", "p298", "p297"]
        assert store.plans.count() == 300
        answer = store.ping()
        assert answer["pid"] == daemon
        assert 0 <= answer["uptime_s"] < 60
        kill([daemon])
        store.plans.delete("p0")  # by the daemon after it, whose clock is another
        assert store.plans.count() == 299
    check(place)


@pytest.mark.parametrize("size", [300, 40_000], ids=["small_records", "large_records"])
def test_killed_while_memory_is_full_it_comes_back_and_room_can_be_made(
    place: Path, size: int
) -> None:
    seed = new_random().getrandbits(32)
    completed = subprocess.run(
        [*small_file_system(place, "3m"), sys.executable, str(FULL), place, str(size), str(seed)],
        cwd=PROJECT,
        env={"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        encoding="utf-8",
        timeout=90,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    answer = json.loads(completed.stdout)
    print(answer)
    assert answer["refused"] > 10
    assert answer["kills"] == 4
