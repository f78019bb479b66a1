"""The pages of docs/benchmarks/: one a question, with its figures, the machine and a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.util import find_spec

from benchmarks import PROJECT
from benchmarks.bars import Verdict
from benchmarks.exponents import growths
from benchmarks.questions import Question
from benchmarks.report import (
    BAR_FIGURES,
    FIGURES,
    GROWTH_FIGURES,
    NAMES,
    SLOWEST_FIGURES,
    bar_cells,
    cells,
    growth_cells,
    peer_and_trouble,
    slowest_cells,
)
from benchmarks.result import Row

DIRECTORY = PROJECT / "docs" / "benchmarks"


def write_page(
    question: Question,
    machine: dict[str, str],
    command: str,
    rows: Sequence[Row],
    verdicts: Sequence[Verdict],
) -> None:
    """Write docs/benchmarks/NAME.md, and NAME.svg if there is a picture and matplotlib."""
    lines = [
        f"# {question.title}",
        "",
        f"Written by `{command}`. [benchmarks/README.md](../../benchmarks/README.md) explains how "
        "the figures are measured, and which comparisons are unfair.",
        "",
        *(f"* {name}: {value}" for name, value in machine.items()),
        "",
    ]
    DIRECTORY.mkdir(exist_ok=True)
    if (question.pictured or question.series) and find_spec("matplotlib"):
        from benchmarks.picture import draw

        draw(question, rows, DIRECTORY / f"{question.name}.svg")
        lines += [f"![{question.title}]({question.name}.svg)", ""]
    if verdicts:
        lines += [*bars_table(verdicts), ""]
    if grown := growths(question.series, rows):
        lines += [*markdown_table(GROWTH_FIGURES, map(growth_cells, grown)), ""]
    if noted := [row for row in rows if row.slowest]:
        lines += [*markdown_table(SLOWEST_FIGURES, map(slowest_cells, noted)), ""]
    lines += rows_table(rows)
    (DIRECTORY / f"{question.name}.md").write_text("\n".join(lines) + "\n")


def bars_table(verdicts: Iterable[Verdict]) -> list[str]:
    return markdown_table(BAR_FIGURES, map(bar_cells, verdicts))


def rows_table(rows: Iterable[Row]) -> list[str]:
    return markdown_table(
        [*NAMES, *FIGURES], ([row.workload, peer_and_trouble(row), *cells(row)] for row in rows)
    )


def markdown_table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> list[str]:
    padded = ([*line, *[""] * (len(headings) - len(line))] for line in lines)
    return [f"| {' | '.join(cells)} |" for cells in (headings, ["---"] * len(headings), *padded)]
