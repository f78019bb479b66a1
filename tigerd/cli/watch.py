"""`tigerd watch`: the changes of an instance, as they are committed."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tiger.format.resources import ALIASES
from tiger.place import instance
from tiger.reading.changes import KINDS, Change, Changes
from tiger.reading.moments import Latest
from tiger.reading.namespace import resources_of
from tiger.reading.reader import Reader
from tiger.shown import shown
from tiger.system import time
from tigerd.cli.options import complete_namespace, complete_table, on_instance, waiting
from tigerd.cli.output import describe_count, is_terminal, say, to_json
from tigerd.service.exits import TIMED_OUT


@click.command(epilog="Example: tigerd watch --table events --what created --count 1 --timeout 10")
@click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="TABLE",
    shell_complete=complete_table,
    help="Only changes of this table. May be repeated.",
)
@click.option(
    "--what",
    "kinds",
    multiple=True,
    type=click.Choice(list(KINDS.values())),
    help="Only changes of this kind. May be repeated.",
)
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_namespace,
    help="Only changes in this namespace. May be repeated. Default: all.",
)
@click.option("--count", type=click.IntRange(min=1), help="End after this many changes.")
@waiting("--timeout", None, "End after this time; with --count the exit code is then 5.")
@on_instance
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def watch(
    directory: Path,
    tables: tuple[str, ...],
    kinds: tuple[str, ...],
    namespaces: tuple[str, ...],
    count: int | None,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Print each change as it is committed.

    A line has commit, kind (created, updated, deleted, cleared, forked), table, namespace and id.
    Watching begins with the next commit, and continues when the daemon is restarted.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    instance.check_directory(directory)
    reader = Reader(directory)
    changes = Changes(reader)
    wanted = {ALIASES.get(name, name) for name in tables}
    for name in sorted(wanted - {resource.table for resource in resources_of(Latest(reader))}):
        say(f"there is no table {name!r} yet: `tigerd tables` lists the tables")
    if not instance.is_running(directory):
        say(f"no daemon runs at {directory}: changes are shown once one does")
    left = count
    missed = 0
    while left is None or left > 0:
        found = changes.wait(deadline)
        if changes.missed > missed:
            count_missed = describe_count(changes.missed - missed, "change")
            say(f"missed {count_missed}, which came too fast")
            missed = changes.missed
        if not found:
            if left is not None:
                say(f"{left} of {count} changes did not come within {timeout:g} s")
                raise click.exceptions.Exit(TIMED_OUT)
            return
        found = [
            change
            for change in found
            if (not wanted or change.table in wanted)
            and (not kinds or change.what in kinds)
            and (not namespaces or change.namespace in namespaces)
        ][:left]
        left = None if left is None else left - len(found)
        sys.stdout.writelines(_line(change, as_json=as_json) for change in found)
        sys.stdout.flush()


def _line(change: Change, *, as_json: bool) -> str:
    if as_json:
        return to_json(change._asdict()) + "\n"
    commit, what, table, *names = change
    cells = [str(commit), what, table, *(name or "-" for name in names)]
    if not is_terminal():
        return "\t".join(cells) + "\n"
    return shown("{:>9}  {:<7}  {:<20}  {:<16}  {}".format(*cells)) + "\n"
