"""How a figure grows with n: the power of n that it fits best, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.result import Row
from benchmarks.workload import Workload


@dataclass(frozen=True)
class Series:
    """Workloads that differ in n alone, by n."""

    what: str
    of: str
    workloads: Mapping[int, Workload]


class Growth(NamedTuple):
    """Medians by n, which are about n to the power of `exponent`."""

    series: Series
    medians: dict[int, float]
    exponent: float
    error: float
    """The standard error of the exponent."""


def growths(series: Sequence[Series], rows: Sequence[Row]) -> list[Growth]:
    """Fit what was measured of each series; one without three figures is left out."""
    medians = {row.workload: row.median for row in rows if not row.trouble}
    found = []
    for each in series:
        points = {n: medians[w.name] for n, w in each.workloads.items() if w.name in medians}
        if len(points) >= 3:
            found.append(Growth(each, points, *fit(points)))
    return found


def fit(points: Mapping[int, float]) -> tuple[float, float]:
    """Return the slope of the logarithms by least squares, and its standard error."""
    xs = [math.log(n) for n in points]
    ys = [math.log(max(value, 1)) for value in points.values()]
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - x_mean) ** 2 for x in xs)
    slope = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True)) / spread
    rest = sum((y - y_mean - slope * (x - x_mean)) ** 2 for x, y in zip(xs, ys, strict=True))
    return slope, math.sqrt(rest / (len(xs) - 2) / spread)
