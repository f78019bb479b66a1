"""Nothing acknowledged is lost, nothing is done twice, wherever the daemon is killed."""

from __future__ import annotations

import time

from tests.faults.storm import storm
from tests.support.seeds import new_random

TIME_S = 7


def test_killed_again_and_again_all_that_was_acknowledged_is_there_once() -> None:
    deadline = time.monotonic() + TIME_S
    figures = storm(new_random().getrandbits(32), lambda _: time.monotonic() < deadline)
    print(dict(figures))
    assert figures["kills"] >= 3
    assert figures["acknowledged"] > 100
    assert figures["reads"] > 100
