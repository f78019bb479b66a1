"""`tigerd top`: the counters of an instance, updated as they change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tiger.place import instance
from tiger.reading.reader import Reader
from tiger.shortage import describe_size
from tiger.shown import shown
from tiger.system import time
from tigerd.cli.counters import Counters, read_counters
from tigerd.cli.options import answering_json, on_instance, waiting
from tigerd.cli.output import draw, is_terminal, write_columns, write_json

HEADINGS = ("table", "namespaces", "records", "bytes", "needed", "needed %")
STALE_S = 2.0
"""A heartbeat older than this is reported; it is due five times a second."""


@click.command(epilog="Example: tigerd top --interval 0.5")
@click.option("--once", is_flag=True, help="Print the numbers once and end.")
@waiting("--interval", 1.0, "The time between updates.")
@on_instance
@answering_json
def top(directory: Path, once: bool, interval: float, as_json: bool) -> None:
    """Show commits per second, and the size of each table.

    Ctrl-C ends it. If stdout is not a terminal, it prints the numbers once.
    """
    if interval == 0:
        raise click.BadParameter("use more than 0 seconds", param_hint="--interval")
    instance.check_directory(directory)
    reader = Reader(directory)
    if as_json:
        write_json(_document(read_counters(reader)))
    elif once or not is_terminal():
        counters = read_counters(reader)
        click.echo(f"commit {counters.commit:,}, commands {counters.commands:,}", err=True)
        write_columns(HEADINGS, _rows(counters))
    else:
        _show(reader, max(0.1, interval))


def _document(counters: Counters) -> dict[str, Any]:
    tables = {table.table: table._asdict() for table in counters.tables}
    for table in tables.values():
        del table["table"]
    return {**counters._asdict(), "tables": tables}


def _rows(counters: Counters) -> list[tuple[object, ...]]:
    """Return a row for each table, the one with the most records first."""
    return [
        (*table, round(100 * table.needed / table.bytes))
        for table in sorted(counters.tables, key=lambda table: (-table.records, table.table))
    ]


def _show(reader: Reader, interval_s: float) -> None:
    """Draw until Ctrl-C."""
    from rich.console import Group  # noqa: PLC0415 - it takes longer to load than all the rest
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415 - a plain str would be read as markup

    before, looked_at = read_counters(reader), time.monotonic()
    with Live(screen=True, auto_refresh=False) as live:
        while True:
            now, at = read_counters(reader), time.monotonic()
            words = _words(reader, before, now, at - looked_at)
            table = draw(HEADINGS, _rows(now), live.console.width)
            live.update(Group(Text(words), "", table), refresh=True)
            before, looked_at = now, at
            time.sleep(interval_s)


def _words(reader: Reader, before: Counters, now: Counters, passed_s: float) -> str:
    """Return the line over the tables."""
    commits = (now.commit - before.commit) / passed_s
    commands = (now.commands - before.commands) / passed_s
    heartbeat = "running"
    if not instance.is_running(reader.directory):
        heartbeat = "not running"
    elif now.heartbeat_age_s > STALE_S:
        heartbeat = f"silent for {now.heartbeat_age_s:.0f} s"
    return (
        f"{shown(str(reader.directory))}  pid {now.pid} {heartbeat}  commit {now.commit:,}\n"
        f"{commits:,.0f} commits/s  {commands:,.0f} commands/s  {describe_size(now.bytes)}"
    )
