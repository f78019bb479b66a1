"""Commands on single records, and clear."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import click

from tiger import Store, connect
from tiger.errors import InvalidRecord
from tiger.reading.moments import Latest
from tiger.reading.namespace import resources_of
from tiger.reading.reader import Reader
from tigerd.cli.options import (
    Input,
    answering_json,
    confirm,
    in_namespace,
    is_asking,
    on_instance,
    on_table,
)
from tigerd.cli.output import cell, describe_count, say, write_json
from tigerd.service.exits import NO
from tigerd.tools.documents import Records, max_record_of, parse_records, read_document, size_of


@click.command(epilog="Example: tigerd get coupons summer")
@on_table
@click.argument("id")
@on_instance
@in_namespace
@answering_json
def get(directory: Path, namespace: str, table: str, id: str, as_json: bool) -> None:
    """Print a record; exit code 1 if it does not exist."""
    with connect(directory, namespace=namespace, autostart=False) as store:
        record = store.table(table).get(id)
    write_json(record, indent=None if as_json else 2)


@click.command(epilog="""Example: echo '{"id": "summer"}' | tigerd put coupons""")
@on_table
@click.argument("file", type=Input(), default="-")
@on_instance
@in_namespace
@answering_json
def put(directory: Path, namespace: str, table: str, file: BinaryIO, as_json: bool) -> None:
    """Write records from a file or stdin, all at once.

    Prints the ids. The input is one JSON object, an array of objects, or one object after another
    (JSON lines). A record without an id gets one.
    """
    if file.isatty():
        say("type a record as JSON; Ctrl-D ends it")
    records = parse_records(read_document(file, file.name), file.name)
    with connect(directory, namespace=namespace) as store:
        _check(store, records, file.name)
        written = _put(store, table, records)
    if as_json:
        write_json(written[0] if len(written) == 1 else written)
    else:
        for record in written:
            click.echo(cell(record["id"]))


def _check(store: Store, records: Records, name: str) -> None:
    """Raise for the first invalid record, naming its position, since it may have no id."""
    max_record = max_record_of(store)
    for place, record in enumerate(records):
        try:
            size_of(record, max_record)
        except InvalidRecord as error:
            where = f"record {place}: " if len(records) > 1 else ""
            raise InvalidRecord(f"{name}: {where}{error}") from None


def _put(store: Store, table: str, records: Records) -> Records:
    with store.batch() as batch:
        target = batch.table(table)
        return [target.insert(record) for record in records]


@click.command(epilog="Example: tigerd rm coupons summer")
@on_table
@click.argument("id")
@on_instance
@in_namespace
@answering_json
def rm(directory: Path, namespace: str, table: str, id: str, as_json: bool) -> None:
    """Remove a record; exit code 1 if it did not exist."""
    with connect(directory, namespace=namespace) as store:
        is_removed = store.table(table).delete(id)
    if as_json:
        write_json({"removed": is_removed})
    if not is_removed:
        say(f"no {table} {id!r} in namespace {namespace!r}")
        raise click.exceptions.Exit(NO)


@click.command(epilog="Example: tigerd clear --namespace test-1")
@click.option("--all", "everything", is_flag=True, help="All namespaces instead of one.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@on_instance
@in_namespace
@answering_json
@click.pass_context
def clear(
    ctx: click.Context,
    directory: Path,
    namespace: str,
    everything: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove all records of a namespace, or of all namespaces.

    Prints how many there were. On a terminal it asks first; in a script it does not. Forks are
    cleared before the namespaces that they were forked from.
    """
    source = ctx.get_parameter_source("namespace")
    if everything and source is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("--namespace and --all exclude each other: give one")
    what = "all namespaces" if everything else f"namespace {namespace!r}"
    with connect(directory, namespace=namespace) as store:
        if is_asking() and not yes:
            confirm(f"Remove all records of {what} at {directory}?")
        counts = store.namespaces()
        count = sum(counts.values()) if everything else counts.get(namespace, 0)
        if everything:
            _clear_forks(directory, store)
        with store.batch() as batch:
            if everything:
                for name in store.tables():
                    batch.table(name).clear(everywhere=True)
            else:
                batch.clear_namespace()
    if as_json:
        write_json({"namespace": None if everything else namespace, "records": count})
    elif count:
        click.echo(f"cleared {what}: {describe_count(count, 'record')}")
    else:
        click.echo(
            f"nothing to clear: {what} had no records; `tigerd namespaces` lists those with records"
        )


def _clear_forks(directory: Path, store: Store) -> None:
    """Clear all forks, first those without forks of their own, since the others are sealed."""
    parents = _parents(directory)
    while ends := parents.keys() - set(parents.values()):
        with store.batch() as batch:
            for name in sorted(ends):
                batch.clear_namespace(name)
                del parents[name]


def _parents(directory: Path) -> dict[str, str]:
    """Return of each fork which namespace it was forked from."""
    reader = Reader(directory)
    latest = Latest(reader)
    try:
        tables = [
            reader.table(resource.number, resource.table) for resource in resources_of(latest)
        ]
        spaces = latest.read(lambda at: [space for t in tables for space in t.namespaces(at)])
    finally:
        reader.close()
    return {space.key.decode(): space.body.decode() for space in spaces if space.body}
