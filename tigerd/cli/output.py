"""The output of commands: JSON, columns, messages, and progress.

Answers go to stdout, words about them to stderr. On a terminal columns are drawn; elsewhere they
are lines with tabs between, without a heading and without anything cut. Text of records, which may
be anybody's, is escaped wherever it could act on a terminal or break a row.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from tiger.shown import shown
from tiger.system import os

MANY = 2000
"""Records from which on it takes long enough to show how far it is."""
BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Characters that would break a row, or control a terminal behind a pipe."""
CUT_MIN = 4
"""Letters that are left of a text that is cut."""
STEPS = 200
"""Of a progress bar; each costs some ten microseconds."""


def is_terminal() -> bool:
    """Tell whether somebody reads stdout on a terminal."""
    return sys.stdout.isatty()


def say(words: str) -> None:
    """Print one message on stderr, on one line."""
    click.echo(shown(f"tigerd: {' '.join(words.splitlines())}"), err=True)


def to_json(document: Any, indent: int | None = None) -> str:
    """Return JSON that stdout's encoding can take, with unprintable characters escaped.

    As JSON escapes it: a program that reads the document gets the same text, and a terminal finds
    nothing to act on.
    """
    is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    text = json.dumps(document, ensure_ascii=not is_unicode, indent=indent)
    return "\n".join(
        line if line.isprintable() else "".join(map(_escaped, line)) for line in text.split("\n")
    )


def _escaped(letter: str) -> str:
    return letter if letter.isprintable() else json.dumps(letter)[1:-1]


def write_json(document: Any, indent: int | None = None) -> None:
    """Print a document on stdout; without an indent, on one line."""
    click.echo(to_json(document, indent))


def write_columns(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under headings, so that they fit the terminal."""
    if not is_terminal():
        for row in rows:
            click.echo("\t".join(map(cell, row)))
        return
    if not rows:
        say("nothing to show")
        return
    from rich.console import Console  # noqa: PLC0415 - it takes longer to load than all the rest

    console = Console(highlight=False)
    console.print(draw(headings, rows, console.width))


def draw(headings: Sequence[str], rows: Sequence[Sequence[object]], width: int) -> Any:
    """Return the rows as a table of rich, numbers to the right; only text in the last one is cut.

    Where that does not fit, as a few lines a row.
    """
    from rich.cells import cell_len  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415 - a plain str would be read as markup

    style = "" if os.environ.get("NO_COLOR") else "bold"
    table = Table(box=None, pad_edge=False, header_style=style)
    last = len(headings) - 1
    needed = 2 * last
    for place, heading in enumerate(headings):
        is_number = bool(rows) and all(isinstance(row[place], (int, float)) for row in rows)
        longest = max(cell_len(text) for text in (heading, *(cell(row[place]) for row in rows)))
        needed += longest if is_number or place != last else min(longest, CUT_MIN)
        # Where a terminal is narrow, only a column that may wrap gives way; its texts do not wrap.
        table.add_column(heading, justify="right" if is_number else "left", no_wrap=place != last)
    if needed > width:
        return _draw_apart(headings, rows, style)
    for row in rows:
        table.add_row(*(Text(cell(value), no_wrap=True, overflow="ellipsis") for value in row))
    return table


def _draw_apart(headings: Sequence[str], rows: Sequence[Sequence[object]], style: str) -> Any:
    """Return the rows each as its first cell, and below that the others with their headings."""
    from rich.console import Group  # noqa: PLC0415
    from rich.padding import Padding  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    parts: list[Any] = []
    for first, *others in rows:
        named = zip(headings[1:], map(cell, others), strict=True)
        words = ", ".join(f"{heading} {text}" for heading, text in named if text)
        parts.append(Text(cell(first), style=style, overflow="fold"))
        parts.append(Padding(Text(words, overflow="fold"), (0, 0, 0, 2)))
    return Group(*parts)


def cell(value: object) -> str:
    """Return a value as text that stays in its row, and does nothing to a terminal."""
    text = "" if value is None else str(value)
    return shown(text) if is_terminal() or BREAKS.search(text) else text


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Give a function to call with the number of further records done; draws only on a terminal."""
    if not _is_worth_drawing(total):
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        step = total // STEPS
        waiting = 0

        def advance(count: int) -> None:
            nonlocal waiting
            waiting += count
            if waiting >= step:
                bar.advance(task, waiting)
                waiting = 0

        yield advance


@contextmanager
def spinner(what: str, total: int) -> Iterator[None]:
    """Show that something is running whose progress is not known."""
    if not _is_worth_drawing(total):
        yield
        return
    from rich.console import Console  # noqa: PLC0415

    with Console(stderr=True).status(what):
        yield


def _is_worth_drawing(total: int) -> bool:
    return total >= MANY and sys.stderr.isatty()


def describe_count(count: int, what: str) -> str:
    """Return a count and its word, as `1 record` and `2 records`."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
