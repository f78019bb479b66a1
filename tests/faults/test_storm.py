"""Nothing acknowledged is lost, nothing is done twice, wherever the daemon is killed."""

from __future__ import annotations

from tests.faults.storm import storm
from tests.support.seeds import new_random


def test_killed_again_and_again_all_that_was_acknowledged_is_there_once() -> None:
    figures = storm(new_random().getrandbits(32), lambda done: done["kills"] < 6)
    print(dict(figures))
    assert figures["acknowledged"] > 20
    assert figures["reads"] > 100
