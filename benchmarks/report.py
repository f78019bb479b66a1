"""What a run prints and saves: the machine, the tables, the bars."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from msgpack import packb
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks import records
from benchmarks.harness import PROJECT, Bar, Question, Row

LIBRARIES = ("msgpack", "pyzmq", "lmdb", "redis", "hiredis", "diskcache")
TOLERANCE = 1.2  # a bar missed by no more than a fifth is forgiven: machines differ


def describe_machine() -> dict[str, str]:
    """Name what a measurement depends on, besides the code."""
    usable = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    sizes = {table: len(packb(records.make(table, 100)[-1])) for table in records.TABLES}
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "revision": git_revision(),
        "machine": f"{len(usable(0))} cores, {processor_name()}, {platform.platform()}",
        "libraries": ", ".join(f"{name} {library_version(name)}" for name in LIBRARIES),
        "records": ", ".join(f"{table} of {size} bytes" for table, size in sizes.items()),
    }


def git_revision() -> str:
    try:
        revision = run_text("git", "rev-parse", "--short", "HEAD")
        return revision + (" and changes" if run_text("git", "status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def processor_name() -> str:
    """Name the processor, or at least its family: each system tells it in its own way."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    try:
        return run_text("sysctl", "-n", "machdep.cpu.brand_string")
    except (OSError, subprocess.CalledProcessError):
        return platform.machine()


def run_text(*command: str) -> str:
    done = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def library_version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "absent"


def format_ns(ns: float) -> str:
    """Write a duration with three digits and the unit that suits it."""
    for unit, size in (("ns", 1), ("µs", 1e3), ("ms", 1e6)):
        if ns < 999.5 * size:
            digits = 0 if unit == "ns" or ns >= 99.95 * size else 1 if ns >= 9.995 * size else 2
            return f"{ns / size:.{digits}f} {unit}"
    return f"{ns / 1e9:.2f} s"


def print_machine(console: Console, machine: dict[str, str]) -> None:
    for name, value in machine.items():
        console.print(f"{name}: {value}", highlight=False, soft_wrap=True)


def print_rows(console: Console, question: Question, rows: Sequence[Row]) -> None:
    """Draw one question's table: a section a workload, a line a peer."""
    table = Table(title=f"{question.name}: {question.title}", title_justify="left")
    for heading in ("workload", "peer"):
        table.add_column(heading)
    for heading in ("calls", "median", "p90", "p99", "max", "spread", "batch", "calls/s"):
        table.add_column(heading, justify="right", no_wrap=True)
    last = ""
    for row in rows:
        if last and row.workload != last:
            table.add_section()
        trouble = f": {escape(row.trouble)}" if row.trouble else ""
        table.add_row("" if row.workload == last else row.workload, row.peer + trouble, *cells(row))
        last = row.workload
    console.print(table)


def cells(row: Row) -> list[str]:
    if row.trouble:
        return []
    times = (row.median, row.percentile(90), row.percentile(99), max(row.samples))
    spread, batch, rate = f"{row.spread:.0%}", str(row.batch), f"{row.rate:,.0f}"
    return [f"{row.calls:,}", *map(format_ns, times), spread, batch, rate]


@dataclass(frozen=True)
class Verdict:
    """A bar beside what was measured; `ratio` is None if either side was not."""

    bar: Bar
    ratio: float | None

    @property
    def is_met(self) -> bool:
        return self.ratio is not None and self.ratio <= self.bar.at_most

    @property
    def is_missed(self) -> bool:
        """Whether it is missed by more than a fifth; a bar that was not measured is missed too."""
        return self.ratio is None or self.ratio > self.bar.at_most * TOLERANCE


def judge(questions: Sequence[Question], rows: Sequence[Row]) -> list[Verdict]:
    """Compare every bar with what this run measured."""
    places = {(row.question, row.workload, row.peer): row for row in rows if not row.trouble}
    verdicts = []
    for question in questions:
        for bar in question.bars:
            subject = places.get((question.name, *bar.subject))
            peer = places.get((question.name, *bar.peer))
            verdicts.append(Verdict(bar, subject.ratio_to(peer) if subject and peer else None))
    return verdicts


def print_verdicts(console: Console, verdicts: Sequence[Verdict]) -> None:
    table = Table(title="bars: the subject's time in the peer's", title_justify="left")
    for heading in ("bar", "subject", "peer", "at most", "measured", ""):
        table.add_column(heading)
    for verdict in verdicts:
        bar, ratio = verdict.bar, verdict.ratio
        outcome = "[green]met" if verdict.is_met else "[red]NOT met"
        measured = ["not measured", ""] if ratio is None else [f"{ratio:.2f}", outcome]
        places = (", ".join(bar.subject), ", ".join(bar.peer))
        table.add_row(bar.name, *places, f"{bar.at_most:.2f}", *measured)
    if verdicts:
        console.print(table)


def to_json(
    machine: dict[str, str], quick: bool, rows: Sequence[Row], verdicts: Sequence[Verdict]
) -> dict[str, Any]:
    """Return the whole run as one document; times are nanoseconds for one call."""
    return {
        **machine,
        "quick": quick,
        "rows": [row_to_json(row) for row in rows],
        "bars": [
            {**asdict(verdict.bar), "measured": verdict.ratio, "met": verdict.is_met}
            for verdict in verdicts
        ],
    }


def row_to_json(row: Row) -> dict[str, Any]:
    """Return a row without its samples, which are many."""
    names = ("question", "workload", "peer", "clients")
    document: dict[str, Any] = {name: getattr(row, name) for name in names}
    if row.trouble:
        return {**document, "trouble": row.trouble}
    return {
        **document,
        "calls": row.calls,
        "batch": row.batch,
        "median_ns": row.median,
        "p90_ns": row.percentile(90),
        "p99_ns": row.percentile(99),
        "max_ns": max(row.samples),
        "spread": row.spread,
        "calls_per_second": row.rate,
        "round_medians_ns": row.round_medians,
    }
