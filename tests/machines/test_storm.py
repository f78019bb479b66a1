"""Three hosts in networks of their own, in a storm; and what `everywhere` promises, held to it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.linearizability.histories import History, NotLinearizable, check_history, hear
from tests.linearizability.worker import COUNTER
from tests.machines.machines import Machines, machines
from tests.machines.storm import storm
from tests.support.processes import Worker
from tests.support.seeds import new_random

CALLER = Path(__file__).with_name("caller.py")
STORM_S = 12.0


def test_a_storm_loses_and_doubles_nothing_and_leaves_equal_hosts() -> None:
    end = time.monotonic() + STORM_S
    figures = storm(new_random().getrandbits(32), lambda _: time.monotonic() < end)
    assert figures["machines_acknowledged"] > 0
    assert figures["machines_undone"] > 0


@pytest.fixture
def three() -> Iterator[Machines]:
    with machines("A", "B", "C") as made:
        yield made


@pytest.mark.parametrize("kills", [0, 3], ids=["quiet", "with kills"])
def test_histories_of_everywhere_are_linearizable(three: Machines, kills: int) -> None:
    check_history(record(three, "everywhere", kills))


def test_without_everywhere_they_are_not_and_the_checker_tells(three: Machines) -> None:
    """So that the test above can fail. It may take several histories."""

    def tell() -> None:
        for _ in range(40):
            check_history(record(three, "local", 0))

    with pytest.raises(NotLinearizable):
        tell()


def record(made: Machines, how: str, kills: int) -> History:
    """Let processes of all hosts call, and return what they noted."""
    seed = new_random().getrandbits(32)
    random = Random(seed)
    with made["A"].connect(everywhere=True) as store:
        store.clear_namespace()
        store.plans.insert({"id": COUNTER, "created": 0, "product": "p", "v": 0})
    hosts = [*made.hosts.values()] * 2
    callers = [
        Worker(CALLER, host.directory, number, seed, 120, how) for number, host in enumerate(hosts)
    ]
    try:
        for caller in callers:
            assert caller.hear() == "ready"
        for caller in callers:
            caller.say("go")
        for _ in range(kills):
            time.sleep(random.random() * 0.4)  # a random moment
            made[random.choice("ABC")].kill()
        return hear(callers)
    finally:
        for caller in callers:
            caller.end()
