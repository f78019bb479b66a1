"""Commands that list: tables, namespaces, ls, count."""

from __future__ import annotations

import json
import shlex
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from tiger import Page, connect
from tiger.errors import InvalidRecord, InvalidRequest
from tiger.format.record import value_key
from tiger.format.resources import RESOURCES, Resource
from tiger.place import instance
from tiger.reading.filters import filters_of
from tiger.reading.moments import Latest
from tiger.reading.namespace import resources_of
from tiger.reading.reader import Reader
from tigerd.cli.options import (
    answering_json,
    complete_table,
    in_namespace,
    on_instance,
    on_table,
)
from tigerd.cli.output import is_terminal, say, to_json, write_columns, write_json

LIST_OPTIONS = frozenset(("self", "limit", "starting_after", "ending_before"))
"""Parameters of `Table.list`, so fields with these names cannot be filters."""


@click.command(epilog="Example: tigerd tables --json")
@on_instance
@answering_json
def tables(directory: Path, as_json: bool) -> None:
    """List the tables, their id prefixes and finders."""
    found = [
        {"table": r.table, "prefix": r.prefix, "url": r.url, "find_by": list(r.find_by)}
        for r in _resources(directory)
    ]
    if as_json:
        write_json(found)
    else:
        write_columns(
            ("table", "prefix", "found by", "list"),
            [(t["table"], t["prefix"], ", ".join(t["find_by"] or ()), t["url"]) for t in found],
        )


def _resources(directory: Path) -> list[Resource]:
    """Return the built-in tables, and those that users defined where there is an instance."""
    if not instance.exists(directory):
        return list(RESOURCES)
    instance.check_directory(directory)
    if not (directory / "control").exists():
        return list(RESOURCES)
    reader = Reader(directory)
    return sorted(resources_of(Latest(reader)), key=lambda resource: resource.number)


@click.command(epilog="Example: tigerd namespaces")
@on_instance
@answering_json
def namespaces(directory: Path, as_json: bool) -> None:
    """List the namespaces that hold records, and how many."""
    with connect(directory, autostart=False) as store:
        counts = store.namespaces()
    if as_json:
        write_json(counts)
    else:
        write_columns(("namespace", "records"), list(counts.items()))


def _parse_where(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    """Return fields and values of FIELD=JSON; a value that is not JSON is a string."""
    filters = {}
    for text in values:
        field, equals, value = text.partition("=")
        if not equals or not field:
            raise click.BadParameter(f"{text!r}: use FIELD=VALUE, as in valid=true")
        if field in LIST_OPTIONS:
            raise click.BadParameter(f"{field!r} is taken by ls itself: choose another field")
        try:
            filters[field] = json.loads(value)
        except RecursionError:
            raise click.BadParameter(f"the value of {field!r} is nested too deep") from None
        except ValueError:
            filters[field] = value
        try:
            value_key(filters[field])
        except InvalidRecord as error:
            raise click.BadParameter(f"{field!r}: {error}") from None
    try:
        filters_of(filters)
    except InvalidRequest as error:
        raise click.BadParameter(str(error)) from None
    return filters


@click.command(epilog="Example: tigerd ls coupons --where valid=true --limit 3")
@on_table
@click.option(
    "--limit", type=click.IntRange(min=1), default=10, help="The number of records, at most 100."
)
@click.option("--all", "everything", is_flag=True, help="All pages, as of one moment.")
@click.option("--starting-after", metavar="ID", help="The records after this one.")
@click.option("--ending-before", metavar="ID", help="The records just before this one.")
@click.option(
    "--where",
    "filters",
    multiple=True,
    metavar="FIELD=JSON",
    callback=_parse_where,
    help="Only records whose field has this value; text needs no quotes. May be repeated.",
)
@on_instance
@in_namespace
@answering_json
def ls(
    directory: Path,
    namespace: str,
    table: str,
    limit: int,
    everything: bool,
    starting_after: str | None,
    ending_before: str | None,
    filters: dict[str, Any],
    as_json: bool,
) -> None:
    """List a page of records, newest first."""
    with connect(directory, namespace=namespace, autostart=False) as store:
        page = store.table(table).list(limit, starting_after, ending_before, **filters)
        if everything and page.has_more:
            page.data = list(page.auto_paging_iter())
            page.has_more = False
            if ending_before is not None:
                page.data.reverse()
    if as_json:
        write_json(page.to_dict())
        return
    write_columns(("id", "created", "record"), [_row(record) for record in page])
    if page.has_more:
        say(_how_to_go_on(page, is_backwards=ending_before is not None))


def _row(record: dict[str, Any]) -> tuple[object, object, str]:
    rest = {name: value for name, value in record.items() if name not in ("id", "created")}
    return record["id"], _describe_time(record.get("created")), to_json(rest)


def _describe_time(created: object) -> object:
    """Return seconds as a date for those who read it on a terminal."""
    if not is_terminal() or not isinstance(created, (int, float)):
        return created
    try:
        return datetime.fromtimestamp(created, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return created


def _how_to_go_on(page: Page, *, is_backwards: bool) -> str:
    option, place = ("ending-before", 0) if is_backwards else ("starting-after", -1)
    return f"there are more: --{option} {shlex.quote(page.data[place]['id'])}, or --all"


@click.command(epilog="Example: tigerd count coupons")
@click.argument("table", required=False, shell_complete=complete_table)
@on_instance
@in_namespace
@answering_json
def count(directory: Path, namespace: str, table: str | None, as_json: bool) -> None:
    """Count the records of one table, or of all tables."""
    with connect(directory, namespace=namespace, autostart=False) as store:
        if table is not None:
            counts = {table: store.table(table).count()}
        else:
            with store.snapshot() as view:
                counts = {name: view.table(name).count() for name in view.tables()}
    if as_json:
        write_json(counts)
    elif table is not None:
        click.echo(counts[table])
    else:
        write_columns(("table", "records"), [row for row in counts.items() if row[1]])
