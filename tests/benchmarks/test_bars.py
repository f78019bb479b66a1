"""Bars: the ratios of one run, and which of them --check guards."""

from __future__ import annotations

import pytest

from benchmarks.bars import Bar, judge, longest, p99_times, paces, scalings, size, times
from benchmarks.result import Row, Turn


def row(workload: str, peer: str, *rounds: list[Turn]) -> Row:
    return Row("read", workload, peer, clients=1, rounds=list(rounds))


def turn(median: float = 1, p99: float = 1, longest: float = 1, pace: float = 1) -> Turn:
    return Turn(median, p99, longest, pace)


def places(*rows: Row) -> dict[tuple[str, str], Row]:
    return {(each.workload, each.peer): each for each in rows}


def test_times_divides_turns_that_were_beside_each_other() -> None:
    mine = row("get", "tigerd", [turn(median=1), turn(median=100)], [turn(median=2)])
    its = row("get", "lmdb", [turn(median=4), turn(median=400)], [turn(median=8)])
    assert times(("get", "tigerd"), ("get", "lmdb"))(places(mine, its)) == 1 / 4


def test_times_leaves_out_turns_that_one_of_them_did_not_have() -> None:
    mine = row("get", "tigerd", [turn(median=1), turn(median=1)])
    its = row("get", "lmdb", [turn(median=2)])
    assert times(("get", "tigerd"), ("get", "lmdb"))(places(mine, its)) == 1 / 2


def test_p99_is_compared_with_the_median_of_the_other() -> None:
    rows = places(row("busy", "tigerd", [turn(p99=10)]), row("quiet", "tigerd", [turn(median=4)]))
    assert p99_times(("busy", "tigerd"), ("quiet", "tigerd"))(rows) == 10 / 4


def test_paces_compares_all_the_clients_together() -> None:
    rows = places(row("insert", "tigerd", [turn(pace=1)]), row("insert", "redis", [turn(pace=3)]))
    assert paces(("insert", "tigerd"), ("insert", "redis"))(rows) == 1 / 3


def test_scaling_is_above_one_when_the_peer_gains_more_from_a_second_process() -> None:
    rows = places(
        row("one", "tigerd", [turn(pace=4)]),
        row("two", "tigerd", [turn(pace=4)]),
        row("one", "floor", [turn(pace=6)]),
        row("two", "floor", [turn(pace=3)]),
    )
    assert scalings("one", "two", "tigerd", "floor")(rows) == 2


def test_the_longest_call_is_that_of_the_median_round() -> None:
    rows = places(row("grow", "tigerd", *([turn(longest=ns), turn()] for ns in (10, 20, 5000))))
    assert longest(("grow", "tigerd"), limit_ns=40)(rows) == 20 / 40


def test_size_is_divided_by_its_limit() -> None:
    rows = places(row("tables", "tigerd", [turn(median=3)]))
    assert size(("tables", "tigerd"), limit_bytes=4)(rows) == 3 / 4


@pytest.mark.parametrize(
    ("ratio", "is_kept", "is_met", "is_lost"),
    [
        (1.0, True, True, False),
        (1.19, True, False, False),  # a fifth is forgiven
        (1.21, True, False, True),
        (1.21, False, False, False),  # was never met
        (0.9, False, True, False),
    ],
)
def test_only_a_bar_that_was_kept_is_lost(
    ratio: float, is_kept: bool, is_met: bool, is_lost: bool
) -> None:
    (verdict,) = judge("read", [Bar("a bar", 1, lambda _: ratio, is_kept)], [])
    assert (verdict.is_met, verdict.is_lost) == (is_met, is_lost)


def test_a_kept_bar_that_could_not_be_measured_is_lost() -> None:
    bar = Bar("a bar", 1, times(("get", "tigerd"), ("get", "redis")))
    absent = row("get", "redis")
    absent.absent = "redis-server not on PATH"
    (verdict,) = judge("read", [bar], [row("get", "tigerd", [turn()]), absent])
    assert verdict.ratio is None
    assert verdict.is_lost
