"""Write the files that are made of others: the tables for type checkers, the page of all calls.

`tests/daemon/test_pages.py` holds them to what they are made of.

Usage: .venv/bin/python scripts/pages.py
"""

from __future__ import annotations

from pathlib import Path

from tiger.resources import ALIASES, BY_NAME, RESOURCES

PROJECT = Path(__file__).resolve().parent.parent
DECLARED = PROJECT / "client" / "tiger" / "declared.pyi"

HEAD = '''\
"""Which tables a store has, and which finders a table has, for type checkers.

Made by scripts/pages.py of tiger.resources, which says it at run time; do not edit.
"""

from typing import Any

from tiger.aio.table import AsyncTable
from tiger.batch import BatchTable
from tiger.record import Record
from tiger.snapshot import SnapshotTable
from tiger.table import Table

'''

KINDS = {
    "StoreTables": ("", "Table", "The tables of a store."),
    "AsyncTables": ("Async", "AsyncTable", "The tables of a store for asyncio."),
    "SnapshotTables": ("Snapshot", "SnapshotTable", "The tables of a snapshot, which only reads."),
}
"""For each class: what begins its tables' names, what they all are, and a docstring."""


def camel(name: str) -> str:
    """Return a name of words with `_` between as the name of a class."""
    return "".join(word.capitalize() for word in name.split("_"))


def declared() -> str:
    """Return the text of `declared.pyi`."""
    parts = [HEAD]
    for field in sorted({field for resource in RESOURCES for field in resource.find_by}):
        parts.append(
            f"class By{camel(field)}:\n"
            f"    def find_by_{field}(self, {field}: Any, /) -> list[Record]: ...\n\n"
        )
    for start, base, _ in KINDS.values():
        for resource in RESOURCES:
            if resource.find_by:
                finders = ", ".join(f"By{camel(field)}" for field in resource.find_by)
                parts.append(f"class {start}{camel(resource.table)}({base}, {finders}): ...\n")
    parts.append("\n")
    for name, (start, base, words) in KINDS.items():
        parts.append(f'class {name}:\n    """{words}"""\n\n')
        for table in sorted(BY_NAME):
            kind = f"{start}{camel(ALIASES.get(table, table))}" if BY_NAME[table].find_by else base
            parts.append(f"    {table}: {kind}\n")
        parts.append("\n")
    parts.append('class BatchTables:\n    """The tables of a batch, which only writes."""\n\n')
    parts += [f"    {table}: BatchTable\n" for table in sorted(BY_NAME)]
    return "".join(parts)


PAGES = {DECLARED: declared}
"""The files, and what makes the text of each."""


def main() -> None:
    """Write them all."""
    for path, make in PAGES.items():
        path.write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
