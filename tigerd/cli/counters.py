"""The numbers of an instance, read from shared memory, whether a daemon runs or not."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tiger.format import layout
from tiger.format.resources import DEFINITIONS
from tiger.reading.lineage import Lineage
from tiger.reading.moments import Latest
from tiger.reading.namespace import resources_of
from tiger.reading.reader import Reader
from tiger.reading.table_reader import TableReader
from tiger.system import os, time


class TableCounters(NamedTuple):
    """One table's numbers, over all namespaces."""

    table: str
    namespaces: int
    records: int
    bytes: int
    needed: int


class Counters(NamedTuple):
    """An instance's numbers."""

    commit: int
    commands: int
    pid: int
    heartbeat_age_s: float
    max_record: int
    bytes: int
    tables: list[TableCounters]


class Space(NamedTuple):
    """The file system that an instance is on."""

    size: int
    free: int


def read_counters(reader: Reader) -> Counters:
    """Return the numbers as they are now; they change while they are read."""
    words = reader.words
    tables = []
    for resource in (*resources_of(Latest(reader)), DEFINITIONS):
        number = resource.number
        used = words[layout.entry_at(number, layout.TABLE_BYTES)]
        if used:
            needed = words[layout.entry_at(number, layout.TABLE_NEEDED)]
            spaces, records = _count(reader, reader.table(number, resource.table))
            tables.append(TableCounters(resource.table, spaces, records, used, needed))
    return Counters(
        commit=words[layout.COMMIT],
        commands=words[layout.COMMANDS],
        pid=words[layout.PID],
        heartbeat_age_s=max(0, time.monotonic_ns() - words[layout.HEARTBEAT]) / 1e9,
        max_record=words[layout.MAX_RECORD],
        bytes=layout.CONTROL_SIZE + sum(table.bytes for table in tables),
        tables=tables,
    )


def _count(reader: Reader, table: TableReader) -> tuple[int, int]:
    """Return the namespaces that hold records of a table, and their records."""

    def count(commit: int) -> tuple[int, int]:
        counts = [Lineage(table, space, commit).count() for space in table.namespaces(commit)]
        return sum(1 for records in counts if records), sum(counts)

    return Latest(reader).read(count)


def read_space(directory: Path) -> Space:
    """Return how large the file system of a directory is, and how much of it is free, in bytes."""
    status = os.statvfs(directory)
    return Space(status.f_frsize * status.f_blocks, status.f_frsize * status.f_bavail)
