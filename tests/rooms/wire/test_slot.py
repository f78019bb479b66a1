"""Sleeping on a slot until the daemon wakes the client."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import tiger
from tests.support.daemon import CLIENT, Daemon
from tiger.format import layout, memory, protocol
from tiger.reading.reader import Reader
from tiger.wire import connection
from tiger.wire.session import Slot

with_futex = pytest.mark.skipif(memory.sleep_on is None, reason="nothing to sleep on is compiled")

Asleep = tuple[Slot, Daemon]


@pytest.fixture
def asleep(directory: str) -> Iterator[Asleep]:
    """Give a slot whose client has sent its first request, and the daemon."""
    daemon = Daemon(Path(directory))
    daemon.control.store(layout.WAKES, 1)
    with closing(Reader(Path(directory))) as reader:
        yield Slot(reader.words, CLIENT, daemon.slot), daemon


@pytest.mark.timeout(60)
def test_a_client_that_does_not_look_is_woken(
    store: tiger.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store._attached.connection._looking, "is_worth_it", lambda: False)
    monkeypatch.setattr(connection, "SLEEP_S", math.inf)
    for number in range(200):
        store.coupons.create({"id": str(number)})
        with pytest.raises(tiger.AlreadyExists):
            store.coupons.create({"id": str(number)})
    assert store.coupons.count() == 200


@with_futex
@pytest.mark.timeout(60)
def test_a_signal_ends_the_sleep_and_its_handler_runs(asleep: Asleep) -> None:
    sleeping, daemon = asleep
    handled = signal.signal(
        signal.SIGALRM, lambda *_: daemon.writer.store_answer((daemon.slot, 1), protocol.DONE, 0, 0)
    )
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        assert sleeping.sleep(1, math.inf)
    finally:
        signal.signal(signal.SIGALRM, handled)


@with_futex
def test_nobody_sleeps_past_the_deadline(asleep: Asleep) -> None:
    sleeping, _ = asleep
    deadline = time.monotonic() + 0.01
    assert not sleeping.sleep(1, deadline)
    assert time.monotonic() >= deadline


def test_nobody_sleeps_on_a_slot_whose_daemon_does_not_wake(asleep: Asleep) -> None:
    sleeping, daemon = asleep
    daemon.control.store(layout.WAKES, 0)
    assert not sleeping.sleep(1, math.inf)
