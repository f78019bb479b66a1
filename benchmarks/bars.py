"""The ratios that are promised, and what a run says about them.

A bar is a figure computed from one run's rows, and the most that it may be. Most are the time of
one workload divided by the time of another that took turns with it. A figure has a value in each
round, which tell how sure it is.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.result import Row, paired

Place = tuple[str, str]  # a workload and a peer
Rows = Mapping[Place, Row]

TOLERANCE, EXACT = 1.2, 1.0
"""What --check forgives: a fifth of a time, for machines differ; nothing of a size."""


class Measured(NamedTuple):
    """What a figure came to in the run, and in each of its rounds."""

    ratio: float
    rounds: list[float]


Figure = Callable[[Rows], Measured]


def median_of(rounds: list[float]) -> Measured:
    return Measured(statistics.median(rounds), rounds)


@dataclass(frozen=True)
class Bar:
    """What is promised in words, and in figures: `measured` is to be at most `at_most`.

    `is_kept` says whether a full run met it; --check guards those that were.
    """

    name: str
    at_most: float
    measured: Figure
    is_kept: bool = True
    tolerance: float = TOLERANCE


@dataclass(frozen=True)
class Verdict:
    """A bar beside what was measured, which is None if something it needs was not."""

    question: str
    bar: Bar
    measured: Measured | None

    @property
    def ratio(self) -> float | None:
        return self.measured and self.measured.ratio

    @property
    def is_met(self) -> bool:
        return self.ratio is not None and self.ratio <= self.bar.at_most

    @property
    def is_lost(self) -> bool:
        """Whether a bar that was kept is missed by more than is forgiven, or was not measured."""
        missed = self.ratio is None or self.ratio > self.bar.at_most * self.bar.tolerance
        return self.bar.is_kept and missed


def judge(question: str, bars: Sequence[Bar], rows: Sequence[Row]) -> list[Verdict]:
    """Compare one question's bars with what this run measured."""
    places = {(row.workload, row.peer): row for row in rows if not row.trouble}
    verdicts = []
    for bar in bars:
        try:
            measured = bar.measured(places)
        except KeyError:
            measured = None
        verdicts.append(Verdict(question, bar, measured))
    return verdicts


def times(subject: Place, peer: Place) -> Figure:
    """Divide the subject's median by the peer's."""
    return lambda rows: median_of(
        paired((rows[subject], rows[peer]), lambda mine, its: mine.median / its.median)
    )


def beyond(
    subject: Place, peer: Place, limit_ns: float, yardstick: Place, yardstick_ns: float
) -> Figure:
    """Divide what the subject takes longer than the peer by a limit.

    The limit is of a machine where the yardstick takes so long; here it is as many times as much
    as the yardstick takes here.
    """
    return lambda rows: median_of(
        paired(
            (rows[subject], rows[peer], rows[yardstick]),
            lambda mine, its, yard: (
                (mine.median - its.median) / limit_ns * (yardstick_ns / yard.median)
            ),
        )
    )


def within(subject: Place, limit_ns: float, yardstick: Place, yardstick_ns: float) -> Figure:
    """Divide the subject's median by a limit, which is of a machine as that of `beyond`."""
    return lambda rows: median_of(
        paired(
            (rows[subject], rows[yardstick]),
            lambda mine, yard: mine.median / limit_ns * (yardstick_ns / yard.median),
        )
    )


def p99_times(subject: Place, peer: Place) -> Figure:
    """Divide the p99 of a round of the subject's by the median of the peer's."""
    return lambda rows: median_of(
        [
            p99 / median
            for p99, median in zip(rows[subject].round_p99s, rows[peer].round_medians, strict=True)
        ]
    )


def p99s_times(subject: Place, peer: Place) -> Figure:
    """Divide the p99 of a round of the subject's by that of the peer's."""
    return lambda rows: median_of(
        [
            mine / its
            for mine, its in zip(rows[subject].round_p99s, rows[peer].round_p99s, strict=True)
        ]
    )


def paces(subject: Place, peer: Place) -> Figure:
    """Divide the time from one call to the next, of all the clients together."""
    return lambda rows: median_of(
        paired((rows[subject], rows[peer]), lambda mine, its: mine.pace / its.pace)
    )


def scalings(one: str, two: str, subject: str, peer: str) -> Figure:
    """Divide what the peer gains from a second client by what the subject gains."""
    places = ((one, subject), (two, subject), (one, peer), (two, peer))
    return lambda rows: median_of(
        paired(
            [rows[place] for place in places],
            lambda mine, mine_of_two, its, its_of_two: (
                (its.pace / its_of_two.pace) / (mine.pace / mine_of_two.pace)
            ),
        )
    )


def longest(subject: Place, limit_ns: float) -> Figure:
    """Divide the longest call of all the rounds by a limit."""

    def figure(rows: Rows) -> Measured:
        rounds = [ns / limit_ns for ns in rows[subject].round_longest]
        return Measured(max(rounds), rounds)

    return figure


def size(subject: Place, limit_bytes: float) -> Figure:
    """Divide a size by a limit."""
    return lambda rows: median_of([size / limit_bytes for size in rows[subject].round_medians])
