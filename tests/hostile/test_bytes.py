"""Whatever the bytes of an instance are: a record that was there, or an error, and soon."""

from __future__ import annotations

import pytest

from tests.hostile.trials import run_trials
from tests.support.seeds import new_random


@pytest.mark.parametrize("part", range(2))
def test_damaged_instances_give_a_record_or_an_error(part: int) -> None:
    seed = new_random().getrandbits(32) + part
    figures = run_trials(seed, lambda done: done["damaged"] < 8)
    print(dict(figures))
    assert figures["errors"] > 100
    assert figures["calls"] > figures["errors"] + 100


def test_a_list_that_runs_in_a_circle_ends() -> None:
    run_trials(new_random().getrandbits(32), lambda done: done["damaged"] < 8, first=-8)
