"""The daemon's own life: signals."""

from __future__ import annotations

import signal

import tiger
from tests.faults.processes import is_stopped, wait_for


def test_a_second_signal_ends_it_at_once_and_nothing_is_lost(serve, directory: str) -> None:
    daemon = serve(directory)
    with tiger.connect(directory) as store:
        store.coupons.insert({"id": "A"})
        daemon.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: is_stopped(daemon.process.pid), "the stop")
        # It finds both when it goes on, the lower number first.
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.send_signal(signal.SIGINT)
        daemon.process.send_signal(signal.SIGCONT)
        assert daemon.process.wait(timeout=20) == 128 + signal.SIGTERM
        store.coupons.insert({"id": "B"})  # by the next one
        assert [record["id"] for record in store.coupons] == ["B", "A"]
