"""Reads on a machine that keeps memory in order only where a fence says so, as ARM64 does.

A read of one record needs no fence of the reader's. Reads of many records need the fences of both
sides: with either left out, the same test finds wrong answers, which shows that it would.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.interleaving.reads import MANY_RECORDS, ONE_RECORD, Read, held
from tests.interleaving.test_interleaving import attached, loads_of, schedules
from tests.interleaving.writes import WRITES
from tests.support.daemon import new_directory
from tests.support.seeds import new_random
from tests.support.simulation import Recording, WeakMachine, record

READS = {**ONE_RECORD, **MANY_RECORDS}


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with new_directory() as path:
        yield path


@pytest.fixture
def random() -> Random:
    return new_random()


def recording_of(name: str, place: Path, *, pinned: bool) -> Recording:
    scenario, steps = WRITES[name]
    return record(place / f"{name}{pinned}", scenario.base, steps, pinned=pinned)


@pytest.fixture(scope="module", params=WRITES)
def recording(request: pytest.FixtureRequest, place: Path) -> Recording:
    return recording_of(request.param, place, pinned=False)


@pytest.fixture(scope="module", params=WRITES)
def pinned_recording(request: pytest.FixtureRequest, place: Path) -> Recording:
    return recording_of(request.param, place, pinned=True)


def wrong_answers(machine: WeakMachine, read: Read, random: Random) -> Iterator[str]:
    """Try reads of the latest commit, and yield what is said of those that were wrong."""
    models = machine.recording.models
    expected = {commit: read.expected(model) for commit, model in models.items()}
    for number, schedule in enumerate(schedules(random, loads_of(machine, read), machine)):
        machine.shuffle(random)
        with machine.begin() as reader:
            look = attached(reader, read, remembers=number % 2 == 0)
            machine.start(schedule)
            first = machine.commit
            result = read.call(look)
            possible = [expected[commit] for commit in range(first, machine.commit + 1)]
            if result not in possible:
                yield f"schedule {schedule}: {result}, not one of {possible}"


def wrong_snapshots(machine: WeakMachine, read: Read, random: Random) -> Iterator[str]:
    """Try reads of one held moment, and yield what is said of those that were wrong."""
    models = machine.recording.models
    expected = read.expected(models[min(models)])
    for schedule in schedules(random, loads_of(machine, read), machine):
        machine.shuffle(random)
        with machine.begin() as reader, machine.holding():
            look = held(reader)
            machine.start(schedule)
            result = read.call(look)
            if result != expected:
                yield f"schedule {schedule}: {result}, not {expected}"


@pytest.mark.parametrize("name", ONE_RECORD)
def test_one_record_is_read_right_without_fences_of_the_reader(
    recording: Recording, name: str, random: Random
) -> None:
    machine = WeakMachine(recording, reader_fences=False)
    assert not list(wrong_answers(machine, ONE_RECORD[name], random))


@pytest.mark.parametrize("name", READS)
def test_a_read_is_right_at_one_commit_during_it(
    recording: Recording, name: str, random: Random
) -> None:
    machine = WeakMachine(recording)
    assert not list(wrong_answers(machine, READS[name], random))


@pytest.mark.parametrize("name", READS)
def test_a_snapshot_is_right_at_its_commit(
    pinned_recording: Recording, name: str, random: Random
) -> None:
    machine = WeakMachine(pinned_recording)
    assert not list(wrong_snapshots(machine, READS[name], random))


@pytest.mark.parametrize("side", ["writer", "reader"])
def test_without_fences_wrong_answers_are_found(place: Path, side: str, random: Random) -> None:
    found = set()
    for name in WRITES:
        machine = WeakMachine(
            recording_of(name, place, pinned=False),
            writer_fences=side != "writer",
            reader_fences=side != "reader",
        )
        for read, call in MANY_RECORDS.items():
            found |= {(name, read) for _ in wrong_answers(machine, call, random)}
    print(f"wrong answers without the fences of the {side}: {sorted(found)}")
    assert found
