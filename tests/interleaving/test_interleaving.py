"""A reader's every load, with the writer's stores before, between and after them.

What a read returns was so at one commit, no earlier than the read began and no later than it
ended; what a snapshot returns was so at its commit.
"""

from __future__ import annotations

from random import Random

import pytest

from tests.interleaving.reads import MANY_RECORDS, ONE_RECORD, held
from tests.interleaving.schedules import attached, loads_of, schedules
from tests.support.simulation import Machine, Recording

pytest_plugins = "tests.support.recordings"

READS = {**ONE_RECORD, **MANY_RECORDS}
SCHEDULES = 16
"""Of each pair of a read and of writes."""


@pytest.mark.parametrize("remembers", [True, False], ids=["read_before", "first_read"])
@pytest.mark.parametrize("name", READS)
def test_a_read_returns_what_was_so_at_one_commit_during_it(
    recording: Recording, name: str, remembers: bool, random: Random
) -> None:
    read = READS[name]
    machine = Machine(recording)
    expected = {commit: read.expected(model) for commit, model in recording.models.items()}
    for schedule in schedules(random, loads_of(machine, read), machine, SCHEDULES):
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
    for schedule in schedules(random, loads, machine, SCHEDULES):
        with machine.begin() as reader, machine.holding():
            look = held(reader)
            assert look.moment.commit == first
            machine.start(schedule)
            assert read.call(look) == expected, f"schedule {schedule}"
