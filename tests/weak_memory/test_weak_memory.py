"""Reads on a machine that keeps memory in order only where a fence says so, as ARM64 does.

With the fences of the writer or those of the reader left out, the same reads give wrong answers,
which shows that the simulation would find them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.interleaving.reads import MANY_RECORDS, ONE_RECORD, Read, held
from tests.interleaving.schedules import attached, loads_of, schedules
from tests.interleaving.writes import WRITES, recording_of
from tests.support.simulation import Recording, WeakMachine
from tiger.errors import InvalidRequest

pytest_plugins = "tests.support.recordings"

SCHEDULES = 7
"""Of each pair of a read and of writes, each with its own order of stores."""
TRIES = 300
"""Times that many schedules in which a wrong answer is to be found where there are some."""
READS = {**ONE_RECORD, **MANY_RECORDS}


def wrong_answers(machine: WeakMachine, read: Read, random: Random) -> Iterator[str]:
    """Try reads of the latest commit, and yield what is said of those that were wrong."""
    models = machine.recording.models
    expected = {commit: read.expected(model) for commit, model in models.items()}
    tries = schedules(random, loads_of(machine, read), machine, SCHEDULES)
    for number, schedule in enumerate(tries):
        machine.shuffle(random)
        with machine.begin() as reader:
            look = attached(reader, read, remembers=number % 2 == 0)
            machine.start(schedule)
            first = machine.commit
            try:
                result = read.call(look)
            except InvalidRequest as error:  # a pin that did not hold was found out
                result = error
            possible = [expected[commit] for commit in range(first, machine.commit + 1)]
            if result not in possible:
                yield f"schedule {schedule}: {result}, not one of {possible}"


def wrong_snapshots(machine: WeakMachine, read: Read, random: Random) -> Iterator[str]:
    """Try reads of one held moment, and yield what is said of those that were wrong."""
    models = machine.recording.models
    expected = read.expected(models[min(models)])
    for schedule in schedules(random, loads_of(machine, read), machine, SCHEDULES):
        machine.shuffle(random)
        with machine.begin() as reader, machine.holding():
            look = held(reader)
            machine.start(schedule)
            result = read.call(look)
            if result != expected:
                yield f"schedule {schedule}: {result}, not {expected}"


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
def test_without_fences_wrong_answers_are_found(
    recordings_place: Path, side: str, random: Random
) -> None:
    scenarios = {name: recording_of(name, recordings_place, pinned=False) for name in WRITES}
    for _ in range(TRIES):
        machine = WeakMachine(
            scenarios[random.choice(list(WRITES))],
            writer_fences=side != "writer",
            reader_fences=side != "reader",
        )
        read = random.choice(list(MANY_RECORDS))
        wrong = next(wrong_answers(machine, MANY_RECORDS[read], random), None)
        if wrong is not None:
            print(f"without the fences of the {side}, {read}: {wrong}")
            return
    pytest.fail(f"no wrong answer without the fences of the {side}: the simulation is blind")
