"""Write the files that are made of others: the tables for type checkers, the page of all calls.

`tests/pages/test_generated.py` holds them to what they are made of.

Usage: .venv/bin/python scripts/pages.py
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import tiger
import tigerstripe
from tiger.aio import AsyncStore, AsyncTable
from tiger.batch import BatchTable
from tiger.format.resources import ALIASES, BY_NAME, RESOURCES
from tiger.snapshot import SnapshotTable

PROJECT = Path(__file__).resolve().parent.parent
DECLARED = PROJECT / "client" / "tiger" / "declared.pyi"
CALLS = PROJECT / "docs" / "api.md"
STRIPE_CALLS = PROJECT / "docs" / "stripe-api.md"

HEAD = '''\
"""Which tables a store has, and which finders a table has, for type checkers.

Made by scripts/pages.py of tiger.format.resources, which says it at run time; do not edit.
"""

from typing import Any

from tiger.aio.table import AsyncTable
from tiger.batch import BatchTable
from tiger.format.record import Record
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
    for start, base, _ in KINDS.values():
        for resource in RESOURCES:
            if resource.find_by:
                parts.append(f"class {start}{camel(resource.table)}({base}):\n")
                parts += [
                    f"    def find_by_{field}(self, {field}: Any, /) -> list[Record]: ...\n"
                    for field in resource.find_by
                ]
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


# --- The page of all calls ------------------------------------------------------------------------

INTRODUCTION = """\
# All calls

scripts/pages.py generates this page from the docstrings; do not edit it. [README](../README.md)
shows the most common calls, [testing.md](testing.md) the fixtures of the pytest plugin, and
[cli.md](cli.md) the command line.

A record is a dict with strings as keys, a string `id`, and JSON values: None, booleans, integers of
64 bits, finite floats, strings, lists, dicts. Every write may also raise `Sealed`, `StoreFull`,
`DaemonUnavailable` or `OutcomeUnknown`. Every read and every write may raise `InstanceError`,
`Damaged`, and, after its store is closed or its snapshot or batch has ended, `InvalidRequest`.
[Errors](#errors) says when each error is raised, and which attributes it has.

A read takes no lock, does not block, and never asks the daemon. A write blocks until it is
answered, `timeout_s` seconds at most, and costs one round trip to the daemon unless it says
otherwise. Stores, tables, batches, snapshots, marks and changes say what threads and forked
children may do with them; pages, differences and records are plain data that belongs to the caller.
"""

SECTIONS: dict[str, tuple[Any, ...]] = {
    "Store": (tiger.Store, "store"),
    "Table": (tiger.Table, "table"),
    "Page": (tiger.Page, "page"),
    "Batch": (tiger.Batch, "batch"),
    "A table of a batch": (BatchTable, "batch.coupons"),
    "Snapshot": (tiger.Snapshot, "view"),
    "A table of a snapshot": (SnapshotTable, "view.coupons"),
    "Mark": (tiger.Mark, "mark"),
    "Differences": (tiger.Differences, "differences"),
    "Difference": (tiger.Difference, "difference"),
    "Commit": (tiger.Commit, "commit"),
    "Changes": (tiger.Changes, "changes"),
    "Change": (tiger.Change, "change"),
    "Store for asyncio": (AsyncStore, "store"),
    "Table for asyncio": (AsyncTable, "table"),
}
"""The classes of the page, and what an object of each is called there."""

STRIPE_INTRODUCTION = """\
# All calls of a Stripe account

scripts/pages.py generates this page from the docstrings; do not edit it.
[stripe-testing.md](stripe-testing.md) shows how tests use these calls, and [billing.md](billing.md)
shows those for subscriptions and invoices. [api.md](api.md) has the calls and errors of the store
under an account.
"""
STRIPE_SECTIONS: dict[str, tuple[Any, ...]] = {"Account": (tigerstripe.Account, "account")}

SAME = {AsyncStore: tiger.Store, AsyncTable: tiger.Table, SnapshotTable: tiger.Table}
"""Classes of which only what is not as in the other one is told."""

PROPERTIES = (property, cached_property)
SPECIAL = ("__getitem__", "__contains__", "__len__", "__iter__")
WRITTEN = {
    "__getitem__": "{0}[id]",
    "__contains__": "id in {0}",
    "__len__": "len({0})",
    "__iter__": "for item in {0}",
}


def calls() -> str:
    """Return the text of docs/api.md."""
    parts = [INTRODUCTION, "## Connecting\n", *told("tiger.connect", tiger.connect)]
    parts += told("tiger.aio.connect", tiger.aio.connect)
    for title, (kind, name) in SECTIONS.items():
        parts.append(f"## {title}\n\n{text_of(kind)}\n")
        for member, value in members(kind):
            parts += told(name, value, member)
        if kind is tiger.Table:
            parts.append(finders())
    parts.append("## Errors\n")
    for member in vars(tiger).values():
        if inspect.isclass(member) and issubclass(member, tiger.TigerError):
            bases = ", ".join(base.__name__ for base in member.__bases__ if base is not Exception)
            parts.append(f"### `{member.__name__}`{f' ({bases})' if bases else ''}\n")
            parts.append(f"{text_of(member)}\n")
    return "\n".join(parts)


def stripe_calls() -> str:
    """Return the text of docs/stripe-api.md."""
    parts = [STRIPE_INTRODUCTION, "## Connecting\n"]
    for name in ("connect", "install", "uninstall", "installed"):
        parts += told(f"tigerstripe.{name}", getattr(tigerstripe, name))
    for title, (kind, name) in STRIPE_SECTIONS.items():
        parts.append(f"## {title}\n\n{text_of(kind)}\n")
        for member, value in members(kind):
            parts += told(name, value, member)
    parts.append("## Errors\n")
    for kind in (tigerstripe.Refused, tigerstripe.Declined):
        bases = "" if kind is tigerstripe.Refused else " (Refused)"
        parts.append(f"### `{kind.__name__}`{bases}\n\n{text_of(kind)}\n")
    return "\n".join(parts)


def members(kind: type) -> Iterator[tuple[str, Any]]:
    """Yield what a class has for its users, in the order of the source, bases first."""
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("tiger"):
            found.update(vars(base))
    other = SAME.get(kind)
    for name, value in found.items():
        is_told = name in SPECIAL or not name.startswith("_")
        is_call = inspect.isroutine(value) or isinstance(value, (*PROPERTIES, staticmethod))
        if is_told and is_call and (other is None or getattr(other, name, None) is not value):
            yield name, value


def told(owner: str, value: Any, name: str | None = None) -> list[str]:
    """Return the heading of a call and what its docstring says."""
    if isinstance(value, PROPERTIES):
        return [f"### `{owner}.{name}`\n", f"{text_of(value)}\n"]
    call = inspect.unwrap(value)
    if name in WRITTEN:
        heading = WRITTEN[name].format(owner)
    else:
        heading = f"{owner}{f'.{name}' if name else ''}{signature_of(call)}"
    returned = str(inspect.signature(call).return_annotation)
    if inspect.iscoroutinefunction(call):
        heading = f"await {heading}"
    elif inspect.isasyncgenfunction(call) or returned.startswith("AbstractAsyncContext"):
        heading = f"async with {heading}"
    elif call is not value or returned.startswith("AbstractContext"):
        heading = f"with {heading}"
    return [f"### `{heading}`\n", f"{text_of(value) or text_of(call)}\n"]


def signature_of(call: Any) -> str:
    """Return the arguments without their types."""
    signature = inspect.signature(call)
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
        if parameter.name != "self"
    ]
    text = str(signature.replace(parameters=parameters, return_annotation=signature.empty))
    return re.sub(r"=<[^>]*>", "=...", text)


def text_of(value: Any) -> str:
    """Return a docstring as paragraphs of Markdown."""
    return inspect.cleandoc(value.__doc__ or "")


def finders() -> str:
    """Return the tables there are, and what finds their records."""
    rows = [
        f"| `{r.table}` | `{r.prefix}` | {', '.join(f'`find_by_{f}`' for f in r.find_by)} | "
        f"{f'`{r.active.field}` is {one_of(r.active.values)}' if r.active else ''} |"
        for r in RESOURCES
    ]
    aliases = ", ".join(f"`{alias}` is `{table}`" for alias, table in ALIASES.items())
    head = "| table | prefix | found by | `find_active`, where |\n|---|---|---|---|\n"
    return (
        "### The tables and their finders\n\n"
        "`find_by_<field>(value)` returns the records as `find_by` does. A table of your own has\n"
        "it for the fields in the `indexes` of its `define`. A table with a second name:\n"
        f"{aliases}.\n\n{head}" + "\n".join(rows) + "\n"
    )


def one_of(values: tuple[Any, ...]) -> str:
    """Return values as words."""
    return " or ".join(f"`{value}`" for value in values)


PAGES = {DECLARED: declared, CALLS: calls, STRIPE_CALLS: stripe_calls}
"""The files, and what makes the text of each."""


def main() -> None:
    """Write them all."""
    for path, make in PAGES.items():
        path.write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
