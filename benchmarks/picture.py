"""A question's picture: how many times tigerd's time each peer takes, or how figures grow."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.exponents import Growth, growths
from benchmarks.questions import Question
from benchmarks.report import format_quantity
from benchmarks.result import Row, paired

SUBJECT = "tigerd"
INK = "#6e7781"  # legible on white and on black
COLOUR, OTHERS = "#e8590c", "#74a9cf"  # of tigerd's bars, and of its peers'
WIDTH, BAR_HEIGHT, HEADING_HEIGHT, LINES_HEIGHT = 8.0, 0.26, 0.5, 2.6  # inches
ROOM = 1.3  # times the longest bar: the scale leaves it for what is written behind a bar

rcParams["svg.fonttype"] = "none"  # text stays text
rcParams["svg.hashsalt"] = "benchmarks"  # the same names in every run
rcParams["font.family"] = "sans-serif"


def draw(question: Question, rows: Sequence[Row], path: Path) -> None:
    """Write a panel for each pictured workload, or a line for each series, that was measured."""
    figure = bars_of(question, rows) or lines_of(growths(question.series, rows))
    if figure is not None:
        figure.savefig(path, transparent=True, metadata={"Date": None, "Title": question.title})


def bars_of(question: Question, rows: Sequence[Row]) -> Figure | None:
    """Draw a panel, with a scale of its own, for each pictured workload."""
    measured = [row for row in rows if not row.trouble]
    panels = [[row for row in measured if row.workload == name] for name in question.pictured]
    panels = [panel for panel in panels if any(row.peer == SUBJECT for row in panel)]
    if not panels:
        return None
    heights = [len(panel) * BAR_HEIGHT + HEADING_HEIGHT for panel in panels]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    grid = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)
    for axes, panel in zip(grid[:, 0], panels, strict=True):
        draw_panel(axes, panel)
    return figure


def lines_of(grown: Sequence[Growth]) -> Figure | None:
    """Draw a panel for each kind of n: every figure in what it is for the least n."""
    kinds = dict.fromkeys(growth.series.of for growth in grown)
    if not kinds:
        return None
    figure = Figure(figsize=(WIDTH, LINES_HEIGHT * len(kinds)), layout="constrained")
    grid = figure.subplots(len(kinds), 1, squeeze=False, sharey=True)
    for axes, kind in zip(grid[:, 0], kinds, strict=True):
        for growth in grown:
            if growth.series.of == kind:
                ns, (first, *_) = list(growth.medians), growth.medians.values()
                ratios = [median / first for median in growth.medians.values()]
                axes.plot(ns, ratios, marker="o", markersize=3, label=growth.series.what)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_title(
            f"{kind}: times the figure of the fewest", color=INK, fontsize=10, loc="left"
        )
        axes.tick_params(which="both", colors=INK, labelsize=9)
        axes.spines[:].set_color(INK)
        axes.legend(
            loc="center left", bbox_to_anchor=(1, 0.5), labelcolor=INK, fontsize=9, frameon=False
        )
    return figure


def draw_panel(axes: Axes, panel: Sequence[Row]) -> None:
    places = range(len(panel))
    ratios = ratios_of(panel)
    colours = [COLOUR if row.peer == SUBJECT else OTHERS for row in panel]
    bars = axes.barh(places, ratios, color=colours, height=0.75)
    labels = [
        f" {ratio:.{digits_of(ratio)}f}  ({format_quantity(row.median, row.unit)})"
        for row, ratio in zip(panel, ratios, strict=True)
    ]
    axes.bar_label(bars, labels, color=INK, fontsize=9)
    heading = f"{panel[0].workload}: times tigerd's time (median)"
    axes.set_title(heading, color=INK, fontsize=10, loc="left")
    axes.set_yticks(places, [row.peer for row in panel], color=INK, fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, max(ratios) * ROOM)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def ratios_of(panel: Sequence[Row]) -> list[float]:
    """Return each row's time in tigerd's, turn by turn beside it."""
    subject = next(row for row in panel if row.peer == SUBJECT)
    return [
        statistics.median(paired((row, subject), lambda its, mine: its.median / mine.median))
        for row in panel
    ]


def digits_of(ratio: float) -> int:
    return 0 if ratio >= 9.95 else 1 if ratio >= 0.95 else 2
