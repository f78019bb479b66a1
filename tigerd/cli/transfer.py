"""load and dump: a namespace from and to one JSON document.

The document is `{"coupons": [...], "plans": [...]}`, the records of each table newest first, as
`list` has them. Loading inserts them from the last to the first, so that in an empty namespace
they stand in the same order again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

import click

from tiger import Snapshot, Store, connect
from tiger.errors import TigerError
from tiger.format import protocol, record
from tiger.shortage import describe_size
from tigerd.cli.options import Input, answering_json, in_namespace, on_instance
from tigerd.cli.outfile import replacing
from tigerd.cli.output import (
    describe_count,
    progress,
    say,
    spinner,
    to_json,
    write_json,
)
from tigerd.tools.documents import OVERHEAD, Records, check_tables, parse_tables, read_document

TIMEOUT_S = 30.0
RECORD_S = 1e-3
"""How long the daemon may take for a load, and for each record: ten times the usual time."""

PIECE_BYTES = 1 << 20
"""Records of one command, where they are too many for one together."""


@click.command(epilog="Example: tigerd load shop.json --namespace test-1")
@click.argument("file", type=Input())
@on_instance
@in_namespace
@answering_json
def load(directory: Path, namespace: str, file: BinaryIO, as_json: bool) -> None:
    """Write the records of a dump, all of them or none.

    FILE has the format of `tigerd dump`; - is stdin. Records that already exist are replaced and
    keep their place. More than 64 MiB of msgpack is checked as a whole and then written in pieces.
    """
    tables = parse_tables(read_document(file, file.name), file.name)
    total = sum(map(len, tables.values()))
    timeout_s = TIMEOUT_S + RECORD_S * total
    with connect(directory, namespace=namespace, timeout_s=timeout_s) as store:
        size = _check(store, tables, file.name)
        if size <= protocol.FRAME_MAX and total <= protocol.OPERATIONS_MAX:
            with spinner(f"writing {describe_count(total, 'record')} at once", total):
                _load_at_once(store, tables)
        else:
            say(
                f"{describe_count(total, 'record')} take {describe_size(size)}, more than one "
                f"request may have: they are written in pieces"
            )
            _load_in_pieces(store, tables, total)
    if as_json:
        write_json({table: len(records) for table, records in tables.items()})
    else:
        click.echo(f"loaded {describe_count(total, 'record')} into namespace {namespace!r}")


def _check(store: Store, tables: dict[str, Records], name: str) -> int:
    """Return the size of a command with all the records; raise for the first invalid one."""
    with progress("checking", sum(map(len, tables.values()))) as advance:
        return check_tables(store, tables, name, advance)


def _load_at_once(store: Store, tables: dict[str, Records]) -> None:
    with store.batch() as batch:
        for table, records in tables.items():
            batch.table(table).insert_many(reversed(records))


def _load_in_pieces(store: Store, tables: dict[str, Records], total: int) -> None:
    done = 0
    with progress("loading", total) as advance:
        for table, records in tables.items():
            for piece in _pieces(records):
                try:
                    store.table(table).insert_many(piece)
                except TigerError as error:
                    say(f"{done:,} of {total:,} records were written before this error:")
                    raise error from None
                done += len(piece)
                advance(len(piece))


def _pieces(records: Records) -> Iterator[Records]:
    """Yield the records from the last to the first, in lists of a bounded size."""
    piece: Records = []
    size = 0
    for item in reversed(records):
        piece.append(item)
        size += len(record.encode_body(item, "a record", protocol.FRAME_MAX)) + OVERHEAD
        if size >= PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


@click.command(epilog="Example: tigerd dump shop.json --namespace test-1")
@click.argument("file", default="-", type=click.Path(dir_okay=False, allow_dash=True))
@on_instance
@in_namespace
@click.option("--json", is_flag=True, expose_value=False, help="This command always prints JSON.")
def dump(directory: Path, namespace: str, file: str) -> None:
    """Write a namespace to a file or to stdout, as JSON.

    The dump shows one moment. If it fails, the file stays as it was.
    """
    with (
        connect(directory, namespace=namespace, autostart=False) as store,
        store.snapshot() as view,
        _open(file) as out,
    ):
        total = _dump(view, out)
    if file != "-":
        say(f"dumped {describe_count(total, 'record')} of namespace {namespace!r} to {file}")


def _dump(view: Snapshot, out: TextIO) -> int:
    """Write the records of all tables that have some, a line each; return how many."""
    counts = {name: view.table(name).count() for name in view.tables()}
    total = sum(counts.values())
    # A bar over what goes to a terminal, or through a pipe to one, would only be in its way.
    with progress("dumping", total if out is not sys.stdout else 0) as advance:
        out.write("{")
        for written, name in enumerate(name for name in counts if counts[name]):
            out.write(f'{"," if written else ""}\n"{name}": [')
            for place, item in enumerate(view.table(name)):
                out.write(",\n" if place else "\n")
                out.write(to_json(item))
                advance(1)
            out.write("\n]")
        out.write("\n}\n" if total else "}\n")
    return total


@contextmanager
def _open(file: str) -> Iterator[TextIO]:
    """Give a stream to write to; errors of a file name it."""
    if file == "-":
        yield sys.stdout
        return
    try:
        with replacing(file) as out:
            yield out
    except TigerError:  # some of these are OSErrors too
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, file) from None
