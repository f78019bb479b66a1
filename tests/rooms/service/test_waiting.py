"""Who waits for a change, and until when."""

from __future__ import annotations

from unittest.mock import patch

from tiger.system import time
from tiger.wire.session import WATCH_AGAIN_S
from tigerd.service.waiting import Waiting


def test_a_client_that_does_not_ask_again_is_not_waited_for() -> None:
    waiting = Waiting()
    now = time.monotonic()
    with patch.object(time, "monotonic", lambda: now - 3 * WATCH_AGAIN_S):
        waiting.add((1, "a"), b"gone", 1)
        waiting.add((None, "b"), b"gone", 1)
    waiting.add((1, "a"), b"there", 2)
    waiting.forget_quiet()
    assert waiting.watched.keys() == {(1, "a")}
    assert waiting.watched[1, "a"].keys() == {b"there"}


def test_a_change_is_told_once_to_those_who_wait_for_it() -> None:
    waiting = Waiting()
    waiting.add((1, "a"), b"first", 1)
    waiting.add((1, "a"), b"first", 2)  # asked again
    waiting.add((None, "a"), b"any", 3)
    waiting.add((1, "b"), b"other", 4)
    changed = {(1, "a"), (None, "a"), (2, "b")}
    assert sorted(waiting.take(changed)) == [(b"any", 3), (b"first", 2)]
    assert not list(waiting.take(changed))
    assert waiting.watched.keys() == {(1, "b")}
