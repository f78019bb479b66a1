"""What commands print: JSON, columns, words, and how far a long one is.

Answers go to stdout, words about them to stderr. On a terminal columns are drawn; elsewhere they
are lines with tabs between, without a heading and without anything cut.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from tiger.system import os

MANY = 2000
"""Records from which on it takes long enough to show how far it is."""
STEPS = 200
"""Of a progress bar; each costs some ten microseconds."""


def is_terminal() -> bool:
    """Tell whether somebody reads stdout on a terminal."""
    return sys.stdout.isatty()


def say(words: str) -> None:
    """Print one line about what is going on, on stderr."""
    click.echo(f"tigerd: {' '.join(words.splitlines())}", err=True)


def to_json(document: Any, indent: int | None = None) -> str:
    """Return JSON that stdout's encoding can take."""
    is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    return json.dumps(document, ensure_ascii=not is_unicode, indent=indent)


def write_json(document: Any, indent: int | None = None) -> None:
    """Print a document on stdout; without an indent, on one line."""
    click.echo(to_json(document, indent))


def write_columns(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under headings; the last column is cut where a terminal ends."""
    if not is_terminal():
        for row in rows:
            click.echo("\t".join(map(_cell, row)))
        return
    if not rows:
        say("nothing to show")
        return
    from rich.console import Console  # noqa: PLC0415 - it takes longer to load than all the rest

    Console(highlight=False).print(draw(headings, rows))


def draw(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> Any:
    """Return the rows as a table of rich, numbers to the right."""
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415 - a plain str would be read as markup

    style = "" if os.environ.get("NO_COLOR") else "bold"
    table = Table(box=None, pad_edge=False, header_style=style)
    last = len(headings) - 1
    for place, heading in enumerate(headings):
        is_number = bool(rows) and all(isinstance(row[place], (int, float)) for row in rows)
        # Where a terminal is narrow, only a column that may wrap gives way; its texts do not wrap.
        table.add_column(heading, justify="right" if is_number else "left", no_wrap=place != last)
    for row in rows:
        table.add_row(*(Text(_cell(value), no_wrap=True, overflow="ellipsis") for value in row))
    return table


def _cell(value: object) -> str:
    return "" if value is None else str(value)


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Give a function to call with how many records more are done; draws if that helps anybody."""
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
    """Show that something goes on of which nobody knows how far it is."""
    if not _is_worth_drawing(total):
        yield
        return
    from rich.console import Console  # noqa: PLC0415

    with Console(stderr=True).status(what):
        yield


def _is_worth_drawing(total: int) -> bool:
    return total >= MANY and sys.stderr.isatty()


def describe_size(size: int) -> str:
    """Return bytes as people read them."""
    if size < 1 << 10:
        return f"{size} B"
    for power, unit in ((10, "KiB"), (20, "MiB"), (30, "GiB")):
        if size < 1 << power + 10 or unit == "GiB":
            return f"{size / (1 << power):.1f} {unit}"
    raise AssertionError


def describe_count(count: int, what: str) -> str:
    """Return a count and its word, as `1 record` and `2 records`."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
