"""Bars: the ratios of one run, and which of them --check guards."""

from __future__ import annotations

import pytest

from benchmarks.bars import (
    EXACT,
    Bar,
    Measured,
    beyond,
    judge,
    longest,
    median_of,
    p99_times,
    paces,
    scalings,
    size,
    times,
)
from benchmarks.report import bar_cells
from benchmarks.result import Row, Turn


def row(workload: str, peer: str, *rounds: list[Turn]) -> Row:
    return Row("read", workload, peer, clients=1, rounds=list(rounds))


def turn(*samples: float, pace: float = 1) -> Turn:
    return Turn(sorted(samples) or [1], pace)


def places(*rows: Row) -> dict[tuple[str, str], Row]:
    return {(each.workload, each.peer): each for each in rows}


def test_times_divides_turns_that_were_beside_each_other() -> None:
    mine = row("get", "tigerd", [turn(1), turn(100)], [turn(2)])
    its = row("get", "lmdb", [turn(4), turn(400)], [turn(8)])
    assert times(("get", "tigerd"), ("get", "lmdb"))(places(mine, its)) == (1 / 4, [1 / 4, 1 / 4])


def test_times_leaves_out_turns_that_one_of_them_did_not_have() -> None:
    mine = row("get", "tigerd", [turn(1), turn(1)])
    its = row("get", "lmdb", [turn(2)])
    assert times(("get", "tigerd"), ("get", "lmdb"))(places(mine, its)).ratio == 1 / 2


def test_what_one_takes_longer_is_divided_by_its_limit() -> None:
    mine = row("import", "tigerstripe", [turn(110), turn(220)])
    its = row("import", "floor, sdk", [turn(100), turn(200)])
    yard = row("retrieve", "floor, sdk", [turn(8), turn(8)])
    place = ("import", "tigerstripe"), ("import", "floor, sdk")
    yardstick = ("retrieve", "floor, sdk")
    assert beyond(*place, 10, yardstick, 8)(places(mine, its, yard)) == (1.5, [1.5])
    of_a_faster_machine = beyond(*place, 10, yardstick, 4)(places(mine, its, yard))
    assert of_a_faster_machine == (0.75, [0.75])


def test_p99_is_compared_with_the_median_of_the_other() -> None:
    rows = places(row("busy", "tigerd", [turn(10)]), row("quiet", "tigerd", [turn(4)]))
    assert p99_times(("busy", "tigerd"), ("quiet", "tigerd"))(rows).ratio == 10 / 4


def test_a_stall_in_few_turns_of_a_round_is_in_its_p99() -> None:
    stalled, usual = turn(*[1] * 80, *[50] * 20), turn(*[1] * 100)
    busy = row("busy", "tigerd", *[[stalled, *[usual] * 9]] * 3)
    quiet = row("quiet", "tigerd", *[[usual] * 10] * 3)
    figure = p99_times(("busy", "tigerd"), ("quiet", "tigerd"))
    assert figure(places(busy, quiet)) == (50, [50, 50, 50])


def test_paces_compares_all_the_clients_together() -> None:
    rows = places(row("insert", "tigerd", [turn(pace=1)]), row("insert", "redis", [turn(pace=3)]))
    assert paces(("insert", "tigerd"), ("insert", "redis"))(rows).ratio == 1 / 3


def test_scaling_is_above_one_when_the_peer_gains_more_from_a_second_process() -> None:
    rows = places(
        row("one", "tigerd", [turn(pace=4)]),
        row("two", "tigerd", [turn(pace=4)]),
        row("one", "floor", [turn(pace=6)]),
        row("two", "floor", [turn(pace=3)]),
    )
    assert scalings("one", "two", "tigerd", "floor")(rows).ratio == 2


def test_the_longest_call_is_that_of_all_the_rounds() -> None:
    rows = places(row("grow", "tigerd", *([turn(1, ns), turn()] for ns in (10, 20, 5000))))
    assert longest(("grow", "tigerd"), limit_ns=10)(rows) == (500, [1, 2, 500])


def test_size_is_divided_by_its_limit() -> None:
    rows = places(row("tables", "tigerd", [turn(3)]))
    assert size(("tables", "tigerd"), limit_bytes=4)(rows).ratio == 3 / 4


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
    (verdict,) = judge("read", [Bar("a bar", 1, lambda _: Measured(ratio, [ratio]), is_kept)], [])
    assert (verdict.is_met, verdict.is_lost) == (is_met, is_lost)


def test_nothing_of_a_size_is_forgiven() -> None:
    (verdict,) = judge(
        "memory", [Bar("a size", 1, lambda _: Measured(1.01, [1.01]), tolerance=EXACT)], []
    )
    assert verdict.is_lost


def test_a_kept_bar_that_could_not_be_measured_is_lost() -> None:
    bar = Bar("a bar", 1, times(("get", "tigerd"), ("get", "redis")))
    absent = row("get", "redis")
    absent.absent = "redis-server not on PATH"
    (verdict,) = judge("read", [bar], [row("get", "tigerd", [turn()]), absent])
    assert verdict.ratio is None
    assert verdict.is_lost


@pytest.mark.parametrize(
    ("ratios", "is_kept", "written"),
    [
        ([0.5], True, ["0.50", "", "met"]),
        ([0.5, 0.36, 0.61], True, ["0.50", "0.36-0.61", "met"]),
        ([2.0, 1.5], True, ["1.75", "1.50-2.00", "NOT met"]),
        ([2.0], False, ["2.00", "", "NOT met (known)"]),
    ],
)
def test_a_bar_is_written_with_the_least_and_the_greatest_round(
    ratios: list[float], is_kept: bool, written: list[str]
) -> None:
    bar = Bar("a bar", 1, lambda _: median_of(ratios), is_kept)
    (verdict,) = judge("read", [bar], [])
    assert bar_cells(verdict) == ["a bar", "1.00", *written]


def test_a_small_bar_has_a_digit_more() -> None:
    (verdict,) = judge("read", [Bar("a bar", 1 / 45, lambda _: median_of([0.02, 0.016]))], [])
    assert bar_cells(verdict) == ["a bar", "0.022", "0.018", "0.016-0.020", "met"]
