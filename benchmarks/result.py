"""What was measured: a row for each workload with each peer."""

from __future__ import annotations

import math
import statistics
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from benchmarks.witness import Parts
from benchmarks.workload import Unit


@dataclass(frozen=True)
class Turn:
    """What all the clients of a workload measured in one turn, in the row's unit."""

    samples: Sequence[float]  # ascending
    pace: float  # nanoseconds from one call to the next, whichever client makes it

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def longest(self) -> float:
        return self.samples[-1]


@dataclass
class Row:
    """The measurements of one workload with one peer: nanoseconds for one call, or bytes.

    Where calls were timed in batches, a sample is a batch's mean.
    """

    question: str
    workload: str
    peer: str
    clients: int
    unit: Unit = "ns"
    absent: str = ""  # why the peer cannot run here
    failure: str = ""  # what its worker said last
    rounds: list[list[Turn]] = field(default_factory=list)
    calls: int = 0
    elapsed_ns: float = 0
    batch: int = 1
    slowest: list[Parts] = field(default_factory=list)
    """One call in a hundred, if it was noted what calls waited for."""

    def add_turn(self, results: Sequence[dict[str, Any]]) -> None:
        """Take what the clients measured in one turn, which is nothing if nothing was left."""
        results = [result for result in results if result["calls"]]
        if not results:
            return
        samples = sorted(sample for result in results for sample in result["samples"])
        rate = sum(result["calls"] / result["elapsed_ns"] for result in results)
        self.rounds[-1].append(Turn(array("d", samples), 1 / rate))
        self.calls += sum(result["calls"] for result in results)
        self.elapsed_ns += sum(result["elapsed_ns"] for result in results)
        self.batch = max(result["batch"] for result in results)
        for result in results:
            self.slowest += [Parts(*parts) for parts in result.get("slowest", ())]

    @property
    def trouble(self) -> str:
        """Why there is nothing to report, or an empty string."""
        return self.absent or (f"failed: {self.failure}" if self.failure else "")

    @property
    def round_medians(self) -> list[float]:
        """The median of each round's turns."""
        return [statistics.median(turn.median for turn in turns) for turns in self.rounds]

    @property
    def round_p99s(self) -> list[float]:
        """The p99 of each round's samples, so that a stall counts in whichever turn it was."""
        return [percentile(pooled(turns), 99) for turns in self.rounds]

    @property
    def round_longest(self) -> list[float]:
        """The longest sample of each round."""
        return [max(turn.longest for turn in turns) for turns in self.rounds]

    @property
    def slowest_median(self) -> float:
        """The median of the slowest."""
        return statistics.median(parts.took for parts in self.slowest)

    @property
    def median(self) -> float:
        """The median of the rounds' medians."""
        return statistics.median(self.round_medians)

    @property
    def mean(self) -> float:
        """What a call took, of all the calls of all rounds."""
        return self.elapsed_ns / self.calls

    @property
    def spread(self) -> float:
        """How far apart the largest and the smallest round are, as a part of the median."""
        return (max(self.round_medians) - min(self.round_medians)) / self.median

    @property
    def rate(self) -> float:
        """Calls a second of all the clients together, in the median turn."""
        return 1e9 / statistics.median(turn.pace for turns in self.rounds for turn in turns)

    def percentile(self, percent: int) -> float:
        """Return what so many of a hundred samples do not exceed."""
        return percentile(pooled(chain.from_iterable(self.rounds)), percent)


def pooled(turns: Iterable[Turn]) -> list[float]:
    """Return the samples of several turns, ascending."""
    return sorted(chain.from_iterable(turn.samples for turn in turns))


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the least of the ordered samples that so many of a hundred do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def paired(rows: Sequence[Row], figure: Callable[..., float]) -> list[float]:
    """Apply `figure` to turns of the rows that were beside each other.

    Returns the median of each round: so a machine that was slow for a while was slow for all that
    are compared.
    """
    return [
        statistics.median(figure(*turns) for turns in zip(*rounds, strict=False))
        for rounds in zip(*(row.rounds for row in rows), strict=True)
    ]
