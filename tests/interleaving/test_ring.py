"""A watcher's every load of the ring of changes, with the writer's stores between them."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.interleaving.ring import (
    LAPPED,
    fault_of,
    loads_of_a_look,
    ring_of,
    ring_recording,
)
from tests.interleaving.schedules import schedules
from tests.interleaving.writes import WRITES
from tests.support.simulation import Machine
from tiger import layout

pytest_plugins = "tests.support.recordings"

SCHEDULES = 40
"""Of the writes of each name."""


@pytest.mark.parametrize("size", [layout.RING_MAX, LAPPED], ids=["never_lapped", "lapped"])
@pytest.mark.parametrize("name", WRITES)
def test_a_watcher_is_told_each_change_once_and_in_order_or_how_many_it_missed(
    recordings_place: Path, name: str, size: int, random: Random
) -> None:
    with ring_of(size):
        machine = Machine(ring_recording(name, recordings_place))
        for schedule in schedules(random, loads_of_a_look(machine), machine, SCHEDULES):
            assert fault_of(machine, schedule) is None
