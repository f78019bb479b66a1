"""The ring of changes on a machine that keeps memory in order only where a fence says so."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.interleaving.ring import COMMITTED, faults, of_both_sizes, ring_of, ring_recording
from tests.support.simulation import WeakMachine

pytest_plugins = "tests.support.recordings"


@of_both_sizes
@pytest.mark.parametrize("name", COMMITTED)
def test_a_watcher_is_told_each_change_once_and_in_order_or_how_many_it_missed(
    recordings_place: Path, name: str, size: int, random: Random
) -> None:
    with ring_of(size):
        machine = WeakMachine(ring_recording(name, recordings_place))
        assert not list(faults(machine, random))


@pytest.mark.parametrize("side", ["writer", "reader"])
@of_both_sizes
def test_without_fences_faults_are_found(
    recordings_place: Path, size: int, side: str, random: Random
) -> None:
    with ring_of(size):
        for name in random.sample(COMMITTED, len(COMMITTED)):
            machine = WeakMachine(
                ring_recording(name, recordings_place),
                writer_fences=side != "writer",
                reader_fences=side != "reader",
            )
            if (fault := next(faults(machine, random), None)) is not None:
                print(f"without the fences of the {side}, {name}: {fault}")
                return
    pytest.fail(f"no fault without the fences of the {side}: the simulation is blind")
