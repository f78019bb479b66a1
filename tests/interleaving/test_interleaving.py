"""A reader's every load, with the writer's stores before, between and after them.

What a read returns was so at one commit, no earlier than the read began and no later than it
ended; what a snapshot returns was so at its commit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from random import Random

import pytest

from tests.interleaving.reads import MANY_RECORDS, ONE_RECORD, Look, Read, held, latest
from tests.interleaving.writes import WRITES
from tests.support.daemon import new_directory
from tests.support.seeds import FULL, new_random, sample
from tests.support.simulation import Machine, Recording, Schedule, record
from tiger.reader import Reader

READS = {**ONE_RECORD, **MANY_RECORDS}
SCHEDULES = 120
"""Of each pair of a read and of writes."""
ALL = 20000
"""At full effort all schedules of one burst are tried if there are so many, else this many."""


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with new_directory() as path:
        yield path


@pytest.fixture
def random() -> Random:
    return new_random()


def recording_of(name: str, place: Path, *, pinned: bool) -> Recording:
    scenario, steps = WRITES[name]
    return record(place, scenario.base, steps, pinned=pinned)


@pytest.fixture(scope="module", params=WRITES)
def recording(request: pytest.FixtureRequest, place: Path) -> Recording:
    return recording_of(request.param, place, pinned=False)


@pytest.fixture(scope="module", params=WRITES)
def pinned_recording(request: pytest.FixtureRequest, place: Path) -> Recording:
    return recording_of(request.param, place, pinned=True)


def schedules(
    random: Random, loads: int, machine: Machine, count: int = SCHEDULES
) -> Iterator[Schedule]:
    """Yield ways to lay the writer's changes between so many loads.

    First whole requests between two loads, then any changes; in one burst, then in several.
    """
    commits = [0, *machine.commits(), len(machine.events)]
    yield from sample(random, list(bursts(commits, loads)), count // 3)
    changes = len(machine.events)
    if FULL and loads * changes * changes // 2 < ALL:
        yield from bursts(range(changes + 1), loads)
    for _ in range(ALL if FULL else count):
        left = random.randint(0, changes)
        schedule = {0: changes - left}
        for _ in range(random.choice((1, 1, 2, 4))):
            burst = random.randint(0, left)
            load = random.randint(1, loads + 2)
            schedule[load] = schedule.get(load, 0) + burst
            left -= burst
        yield schedule


def bursts(places: Sequence[int], loads: int) -> Iterator[Schedule]:
    """Yield the schedules with one burst during the read, from one of the places to another."""
    for load in range(1, loads + 1):
        for start, stop in combinations(places, 2):
            yield {0: start, load: stop - start}


def loads_of(machine: Machine, read: Read) -> int:
    with machine.begin() as reader:
        look = latest(reader)
        machine.start({})
        read.call(look)
        return machine.loads


def attached(reader: Reader, read: Read, *, remembers: bool) -> Look:
    """Return a reader that has read the same before, so often that it remembers, or never."""
    look = latest(reader)
    for _ in range(3 if remembers else 0):
        read.call(look)
    return look


@pytest.mark.parametrize("remembers", [True, False], ids=["read_before", "first_read"])
@pytest.mark.parametrize("name", READS)
def test_a_read_returns_what_was_so_at_one_commit_during_it(
    recording: Recording, name: str, remembers: bool, random: Random
) -> None:
    read = READS[name]
    machine = Machine(recording)
    expected = {commit: read.expected(model) for commit, model in recording.models.items()}
    for schedule in schedules(random, loads_of(machine, read), machine):
        with machine.begin() as reader:
            look = attached(reader, read, remembers=remembers)
            machine.start(schedule)
            first = machine.commit
            result = read.call(look)
            last = machine.commit
            possible = [expected[commit] for commit in range(first, last + 1)]
            assert result in possible, f"schedule {schedule}, commits {first} to {last}"


@pytest.mark.parametrize("name", READS)
def test_a_snapshot_returns_what_was_so_at_its_commit(
    pinned_recording: Recording, name: str, random: Random
) -> None:
    read = READS[name]
    machine = Machine(pinned_recording)
    expected = read.expected(pinned_recording.models[min(pinned_recording.models)])
    loads = loads_of(machine, read)
    with machine.begin() as reader:
        first = machine.commit
    for schedule in schedules(random, loads, machine):
        with machine.begin() as reader, machine.holding():
            look = held(reader)
            assert look.moment.commit == first
            machine.start(schedule)
            assert read.call(look) == expected, f"schedule {schedule}"
