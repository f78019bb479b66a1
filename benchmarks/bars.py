"""The ratios that are promised, and what a run says about them.

A bar is a figure computed from one run's rows, and the most that it may be. Most are the time of
one workload divided by the time of another that took turns with it.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.result import Row, paired

Place = tuple[str, str]  # a workload and a peer
Rows = Mapping[Place, Row]
Figure = Callable[[Rows], float]

TOLERANCE = 1.2  # --check forgives a fifth: machines differ


@dataclass(frozen=True)
class Bar:
    """What is promised in words, and in figures: `measured` is to be at most `at_most`.

    `is_kept` says whether a full run met it; --check guards those that were.
    """

    name: str
    at_most: float
    measured: Figure
    is_kept: bool = True


@dataclass(frozen=True)
class Verdict:
    """A bar beside what was measured; `ratio` is None if something it needs was not."""

    question: str
    bar: Bar
    ratio: float | None

    @property
    def is_met(self) -> bool:
        return self.ratio is not None and self.ratio <= self.bar.at_most

    @property
    def is_lost(self) -> bool:
        """Whether a bar that was kept is missed by more than a fifth, or was not measured."""
        missed = self.ratio is None or self.ratio > self.bar.at_most * TOLERANCE
        return self.bar.is_kept and missed


def judge(question: str, bars: Sequence[Bar], rows: Sequence[Row]) -> list[Verdict]:
    """Compare one question's bars with what this run measured."""
    measured = {(row.workload, row.peer): row for row in rows if not row.trouble}
    verdicts = []
    for bar in bars:
        try:
            ratio = bar.measured(measured)
        except KeyError:
            ratio = None
        verdicts.append(Verdict(question, bar, ratio))
    return verdicts


def times(subject: Place, peer: Place) -> Figure:
    """Divide the subject's median by the peer's."""
    return lambda rows: paired(
        (rows[subject], rows[peer]), lambda mine, its: mine.median / its.median
    )


def p99_times(subject: Place, peer: Place) -> Figure:
    """Divide the subject's p99 by the peer's median."""
    return lambda rows: paired((rows[subject], rows[peer]), lambda mine, its: mine.p99 / its.median)


def paces(subject: Place, peer: Place) -> Figure:
    """Divide the time from one call to the next, of all the clients together."""
    return lambda rows: paired((rows[subject], rows[peer]), lambda mine, its: mine.pace / its.pace)


def scalings(one: str, two: str, subject: str, peer: str) -> Figure:
    """Divide what the peer gains from a second client by what the subject gains."""
    places = ((one, subject), (two, subject), (one, peer), (two, peer))
    return lambda rows: paired(
        [rows[place] for place in places],
        lambda mine, mine_of_two, its, its_of_two: (
            (its.pace / its_of_two.pace) / (mine.pace / mine_of_two.pace)
        ),
    )


def longest(subject: Place, limit_ns: float) -> Figure:
    """Divide the median round's longest call by a limit."""
    return lambda rows: (
        statistics.median(max(turn.longest for turn in turns) for turns in rows[subject].rounds)
        / limit_ns
    )


def size(subject: Place, limit_bytes: float) -> Figure:
    """Divide a size by a limit."""
    return lambda rows: rows[subject].median / limit_bytes
