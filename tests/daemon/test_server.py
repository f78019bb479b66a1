"""The daemon's own life: signals, and what it forgets."""

from __future__ import annotations

import signal
import time

import tiger
from tiger.session import WATCH_AGAIN_S
from tigerd.server import Server


def test_a_second_signal_ends_it_at_once_and_nothing_is_lost(serve, directory: str) -> None:
    daemon = serve(directory)
    with tiger.connect(directory) as store:
        store.coupons.insert({"id": "A"})
        daemon.process.send_signal(signal.SIGSTOP)
        # It finds both when it goes on, the lower number first.
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.send_signal(signal.SIGINT)
        daemon.process.send_signal(signal.SIGCONT)
        assert daemon.process.wait(timeout=20) == 128 + signal.SIGTERM
        store.coupons.insert({"id": "B"})  # by the next one
        assert [record["id"] for record in store.coupons] == ["B", "A"]


def test_who_does_not_ask_again_is_not_waited_for() -> None:
    server = Server.__new__(Server)
    now = time.monotonic()
    gone, there = (1, now - 3 * WATCH_AGAIN_S), (2, now)
    server._waiting = {(1, "a"): {b"gone": gone, b"there": there}, (None, "b"): {b"gone": gone}}
    server._forget_waiting()
    assert server._waiting == {(1, "a"): {b"there": there}}
