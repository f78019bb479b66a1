"""Looking is given up where it is dear, and tried again rarely."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import Mock

import pytest

from tiger.wire import connection
from tiger.wire.connection import FIRST, LONG_TURN_S, MOST, Looking

CHEAP_S = LONG_TURN_S / 10


class Processor:
    """A clock that goes on while the processor is given away."""

    def __init__(self) -> None:
        self.now = self.takes_s = 0.0

    def give_away(self) -> None:
        self.now += self.takes_s


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Processor]:
    processor = Processor()
    monkeypatch.setattr(connection, "time", Mock(perf_counter=lambda: processor.now))
    monkeypatch.setattr(connection, "os", Mock(sched_yield=processor.give_away))
    return processor


def waits_until_it_looks(one: Looking) -> int:
    skipped = 0
    while not one.is_worth_it():
        skipped += 1
    return skipped


def look(one: Looking, processor: Processor, takes_s: float) -> bool:
    processor.takes_s = takes_s
    return one.until(lambda: False)


def test_it_ends_after_a_while(processor: Processor) -> None:
    assert not look(Looking(10 * CHEAP_S), processor, CHEAP_S)
    assert processor.now == pytest.approx(10 * CHEAP_S, rel=0.2)


def test_looking_that_stays_expensive_is_tried_half_as_often_each_time(
    processor: Processor,
) -> None:
    one = Looking(1.0)
    skipped = []
    for _ in range(12):
        skipped.append(waits_until_it_looks(one))
        look(one, processor, 2 * LONG_TURN_S)
    assert skipped[:4] == [0, FIRST, 2 * FIRST, 4 * FIRST]
    assert skipped[-2:] == [MOST, MOST]


def test_looking_that_was_cheap_for_long_is_tried_again_soon(processor: Processor) -> None:
    one = Looking(2 * CHEAP_S)
    for _ in range(3):
        waits_until_it_looks(one)
        look(one, processor, 2 * LONG_TURN_S)
    waits_until_it_looks(one)
    for _ in range(MOST):
        look(one, processor, CHEAP_S)
        assert waits_until_it_looks(one) == 0
    look(one, processor, 2 * LONG_TURN_S)
    assert waits_until_it_looks(one) == FIRST
