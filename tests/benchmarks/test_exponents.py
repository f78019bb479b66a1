"""How figures grow with n is told as they do, with what is unsure."""

from __future__ import annotations

import pytest

from benchmarks.bench_scale import RECORDS, SERIES
from benchmarks.exponents import fit, growths
from benchmarks.report import growth_cells
from benchmarks.result import Row, Turn


def row(name: str, figure: float) -> Row:
    return Row("scale", name, "tigerd", 1, rounds=[[Turn([figure], pace=figure)]])


@pytest.mark.parametrize("exponent", [0, 0.5, 1, 2])
def test_a_power_is_found_exactly(exponent: float) -> None:
    found, error = fit({n: 7 * n**exponent for n in RECORDS})
    assert found == pytest.approx(exponent)
    assert error == pytest.approx(0, abs=1e-6)


def test_what_is_no_power_has_an_error() -> None:
    """Of 1, 2, 1, 2 per tenfold: a slope of 0.3 / 5 per tenfold, as the books say."""
    found, error = fit({10: 10, 100: 20, 1000: 10, 10_000: 20})
    assert found == pytest.approx(0.0602, abs=1e-4)
    assert error == pytest.approx(0.0852, abs=1e-4)


def test_a_series_is_told_if_three_of_it_were_measured() -> None:
    series = next(each for each in SERIES if (each.what, each.of) == ("insert", "records"))
    names = [workload.name for workload in series.workloads.values()]
    rows = [row(name, 1000 * 10**n) for n, name in enumerate(names[:3])]
    (growth,) = growths(SERIES, rows)
    assert growth_cells(growth) == [
        "insert, by records",
        "1.00 \u00b5s of 1,000",
        "100 \u00b5s of 100,000",
        "1.000 \u00b1 0.000",
    ]
    assert not growths(SERIES, rows[:2])
