"""Damaged instances, read by a process that may end of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.faults.processes import workers
from tests.support.daemon import new_directory

PROBER = Path(__file__).with_name("prober.py")


def run_trials(seed: int, goes_on: Callable[[Counter[str]], bool], first: int = 0) -> Counter[str]:
    """Damage and read instances as long as it is asked to go on; return what happened."""
    figures: Counter[str] = Counter()
    with new_directory() as place, workers() as start:
        prober = start(PROBER, place, seed)
        assert prober.hear() == "ready"
        while goes_on(figures):
            number = first + figures["damaged"]
            prober.say(str(number))
            done = prober.hear(120)
            assert not done["fault"], f"seed {seed}, trial {number}, {done['how']}: {done['fault']}"
            figures["damaged"] += 1
            figures["bytes"] += done["bytes"]
            figures["calls"] += done["calls"]
            figures["errors"] += done["errors"]
    return figures
