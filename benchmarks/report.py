"""What a run prints and saves: the tables, the bars, the whole as one document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.bars import Verdict
from benchmarks.exponents import Growth
from benchmarks.questions import Question
from benchmarks.result import Row
from benchmarks.witness import total
from benchmarks.workload import Unit

SCALES: Mapping[Unit, Sequence[tuple[str, float]]] = {
    "ns": (("ns", 1), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)),
    "bytes": (("B", 1), ("KiB", 2**10), ("MiB", 2**20), ("GiB", 2**30)),
}
NAMES = ("workload", "peer")
FIGURES = ("calls", "mean", "median", "p90", "p99", "max", "spread", "batch", "calls/s")
TOLD = 10  # of the slowest, in a document
SMALL = 0.1  # a bar below it has a digit more
GROWTH_FIGURES = ("grows", "from", "to", "n to the power of")
SLOWEST_FIGURES = (
    "call",
    "longest",
    "ran",
    "had no core",
    "slept",
    "cause",
    "slowest hundredth",
    "its cause",
)
BAR_FIGURES = ("bar", "at most", "measured", "rounds", "")


def format_quantity(value: float, unit: Unit) -> str:
    """Write nanoseconds or bytes with three digits and the scale that suits them."""
    scales = SCALES[unit]
    name, size = next((scale for scale in scales if value < 999.5 * scale[1]), scales[-1])
    scaled = value / size
    digits = 0 if size == 1 or scaled >= 99.95 else 1 if scaled >= 9.995 else 2
    return f"{scaled:.{digits}f} {name}"


def print_machine(console: Console, machine: dict[str, str]) -> None:
    for name, value in machine.items():
        console.print(f"{name}: {value}", highlight=False, soft_wrap=True)


def print_rows(console: Console, question: Question, rows: Sequence[Row]) -> None:
    """Draw one question's table: a section a workload, a line a peer."""
    table = Table(title=f"{question.name}: {question.title}", title_justify="left")
    for heading in NAMES:
        table.add_column(heading)
    for heading in FIGURES:
        table.add_column(heading, justify="right", no_wrap=True)
    last = ""
    for row in rows:
        if last and row.workload != last:
            table.add_section()
        peer = escape(peer_and_trouble(row))
        table.add_row("" if row.workload == last else row.workload, peer, *cells(row))
        last = row.workload
    console.print(table)


def peer_and_trouble(row: Row) -> str:
    return f"{row.peer}: {row.trouble}" if row.trouble else row.peer


def cells(row: Row) -> list[str]:
    """Write a row's `FIGURES`; of a size there is no more than one."""
    if row.trouble:
        return []
    if row.unit == "bytes":
        return [f"{row.calls:,}", format_quantity(row.median, row.unit)]
    times = (row.mean, row.median, row.percentile(90), row.percentile(99), max(row.round_longest))
    spread, batch, rate = f"{row.spread:.0%}", str(row.batch), f"{row.rate:,.0f}"
    return [f"{row.calls:,}", *(format_quantity(t, row.unit) for t in times), spread, batch, rate]


def slowest_cells(row: Row) -> list[str]:
    """Write a row's `SLOWEST_FIGURES`: the longest call, and the slowest hundredth together."""
    longest = max(row.slowest)
    cause, share = longest.cause
    cause_of_all, share_of_all = total(row.slowest).cause
    times = (longest.took, longest.ran, longest.queued, longest.slept)
    return [
        row.workload,
        *(format_quantity(time, row.unit) for time in times),
        f"{cause} ({share:.0%})",
        format_quantity(row.slowest_median, row.unit),
        f"{cause_of_all} ({share_of_all:.0%})",
    ]


def print_slowest(console: Console, rows: Iterable[Row]) -> None:
    _print_table(console, "the slowest", SLOWEST_FIGURES, map(slowest_cells, rows))


def print_growths(console: Console, grown: Sequence[Growth]) -> None:
    _print_table(console, "growth", GROWTH_FIGURES, map(growth_cells, grown))


def _print_table(
    console: Console, title: str, headings: Sequence[str], lines: Iterable[Sequence[str]]
) -> None:
    """Draw a table; nothing if it has no lines."""
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading)
    for line in lines:
        table.add_row(*line)
    if table.rows:
        console.print(table)


def growth_cells(growth: Growth) -> list[str]:
    """Write a series' `GROWTH_FIGURES`: medians of the least and of the greatest n."""
    unit = next(iter(growth.series.workloads.values())).unit
    (least, first), *_, (most, last) = growth.medians.items()
    return [
        f"{growth.series.what}, by {growth.series.of}",
        f"{format_quantity(first, unit)} of {least:,}",
        f"{format_quantity(last, unit)} of {most:,}",
        f"{growth.exponent:.3f} ± {growth.error:.3f}",
    ]


def print_verdicts(console: Console, verdicts: Sequence[Verdict]) -> None:
    table = Table(title="bars", title_justify="left")
    for heading in ("question", *BAR_FIGURES):
        table.add_column(heading)
    for verdict in verdicts:
        *figures, outcome = bar_cells(verdict)
        colour = "green" if verdict.is_met else "red"
        table.add_row(verdict.question, *figures, f"[{colour}]{outcome}")
    if verdicts:
        console.print(table)


def bar_cells(verdict: Verdict) -> list[str]:
    """Write a bar's `BAR_FIGURES`; "rounds" goes from the least of their ratios to the greatest."""
    bar, measured = verdict.bar, verdict.measured
    digits = 2 if bar.at_most >= SMALL else 3
    at_most = f"{bar.at_most:.{digits}f}"
    if measured is None:
        return [bar.name, at_most, "not measured", "", ""]
    ends = min(measured.rounds), max(measured.rounds)
    rounds = "-".join(f"{end:.{digits}f}" for end in ends) if len(measured.rounds) > 1 else ""
    return [bar.name, at_most, f"{measured.ratio:.{digits}f}", rounds, outcome_of(verdict)]


def outcome_of(verdict: Verdict) -> str:
    if verdict.is_met:
        return "met"
    return "NOT met" if verdict.bar.is_kept else "NOT met (known)"


def to_json(
    machine: dict[str, str], quick: bool, rows: Iterable[Row], verdicts: Iterable[Verdict]
) -> dict[str, Any]:
    """Return the whole run as one document; times are nanoseconds for one call."""
    return {
        **machine,
        "quick": quick,
        "rows": [row_to_json(row) for row in rows],
        "bars": [
            {
                "question": verdict.question,
                "name": verdict.bar.name,
                "at_most": verdict.bar.at_most,
                "measured": verdict.ratio,
                "rounds": verdict.measured.rounds if verdict.measured else [],
                "met": verdict.is_met,
            }
            for verdict in verdicts
        ],
    }


def row_to_json(row: Row) -> dict[str, Any]:
    """Return a row without its samples, which are many."""
    names = ("question", "workload", "peer", "clients", "unit")
    document: dict[str, Any] = {name: getattr(row, name) for name in names}
    if row.trouble:
        return {**document, "trouble": row.trouble}
    return {
        **document,
        "calls": row.calls,
        "batch": row.batch,
        "mean": row.mean if row.unit == "ns" else None,
        "median": row.median,
        "p90": row.percentile(90),
        "p99": row.percentile(99),
        "max": max(row.round_longest),
        "spread": row.spread,
        "slowest": [parts._asdict() for parts in sorted(row.slowest, reverse=True)[:TOLD]],
        "calls_per_second": row.rate if row.unit == "ns" else None,
        "round_medians": row.round_medians,
    }
