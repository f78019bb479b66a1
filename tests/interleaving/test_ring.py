"""A watcher's every load of the ring of changes, with the writer's stores between them."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.interleaving.ring import COMMITTED, faults, of_both_sizes, ring_of, ring_recording
from tests.support.simulation import Machine

pytest_plugins = "tests.support.recordings"


@of_both_sizes
@pytest.mark.parametrize("name", COMMITTED)
def test_a_watcher_is_told_each_change_once_and_in_order_or_how_many_it_missed(
    recordings_place: Path, name: str, size: int, random: Random
) -> None:
    with ring_of(size):
        machine = Machine(ring_recording(name, recordings_place))
        assert not list(faults(machine, random))
