"""The reads that are interleaved with writes, each beside what it should give in a state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.model import Model
from tests.support.observe import reads_of
from tests.support.scenarios import CUSTOMERS, INVOICES
from tiger.errors import InvalidCursor
from tiger.format import record
from tiger.format.resources import RESOURCES
from tiger.reading.moments import Latest, Moment
from tiger.reading.reader import Reader
from tiger.reading.reads import TableReads

Make = Callable[[int, str], TableReads]


@dataclass
class Look:
    """One reader: the tables it reads, and at what moment."""

    moment: Moment
    table: Make


def latest(reader: Reader) -> Look:
    """Return a look at the latest commit, which remembers what it read."""
    tables: dict[tuple[int, str], TableReads] = {}
    moment = Latest(reader)

    def table(number: int, namespace: str) -> TableReads:
        found = tables.get((number, namespace))
        if found is None:
            found = TableReads(moment, RESOURCES[number - 1], namespace)
            tables[(number, namespace)] = found
        return found

    return Look(moment, table)


def held(reader: Reader) -> Look:
    """Return a look at a moment that is held."""
    moment = Latest(reader).pin()
    return Look(
        moment,
        lambda number, namespace: TableReads(moment, RESOURCES[number - 1], namespace),
    )


@dataclass(frozen=True)
class Read:
    """A read of one record or of many."""

    call: Callable[[Look], Any]
    expected: Callable[[Model], Any]


def get(number: int, namespace: str, identity: str) -> Read:
    """One record, by `get`."""
    return Read(
        lambda look: look.table(number, namespace).get(identity, None),
        lambda model: _content(model, number, namespace, identity),
    )


def peek(number: int, namespace: str, identity: str) -> Read:
    """One record, by `peek`."""

    def call(look: Look) -> Any:
        try:
            return look.table(number, namespace).peek(identity)
        except KeyError:
            return None

    return Read(call, lambda model: _content(model, number, namespace, identity))


def version(number: int, namespace: str, identity: str) -> Read:
    """The commit that wrote a record."""

    def call(look: Look) -> Any:
        try:
            return look.table(number, namespace).version(identity)
        except KeyError:
            return None

    def expected(model: Model) -> Any:
        row = model.spaces.get((number, namespace), {}).get(identity)
        return row.commit if row else None

    return Read(call, expected)


def count(number: int, namespace: str) -> Read:
    """How many records there are."""
    return Read(
        lambda look: look.table(number, namespace).count(),
        lambda model: len(model.rows(number, namespace)),
    )


def listed(number: int, namespace: str, **options: Any) -> Read:
    """A page: from the beginning, after a record, before one, filtered."""
    cursors = ("limit", "starting_after", "ending_before")
    filters = {
        name: record.value_key(value) for name, value in options.items() if name not in cursors
    }

    def call(look: Look) -> Any:
        try:
            return look.table(number, namespace).list(**options).data
        except InvalidCursor:
            return "no cursor"

    def expected(model: Model) -> Any:
        found = [row.content for row in model.rows(number, namespace)]
        limit = options.get("limit", 10)
        cursor = options.get("starting_after", options.get("ending_before"))
        before, later = [], found
        if cursor is not None:
            names = [content["id"] for content in found]
            if cursor not in names:
                return "no cursor"
            before, later = found[: names.index(cursor)], found[names.index(cursor) + 1 :]
        if "ending_before" in options:
            return [item for item in before if record.matches(item, filters)][-limit:]
        return [item for item in later if record.matches(item, filters)][:limit]

    return Read(call, expected)


def find_by(number: int, namespace: str, field: str, value: Any) -> Read:
    """The records with a value."""
    key = record.value_key(value)
    return Read(
        lambda look: look.table(number, namespace).find_by(field, value),
        lambda model: [
            row.content
            for row in model.rows(number, namespace)
            if record.matches(row.content, {field: key})
        ],
    )


def namespaces() -> Read:
    """The namespaces that hold records, and how many."""

    def expected(model: Model) -> Any:
        counts: dict[str, int] = {}
        for (_, namespace), rows in model.spaces.items():
            if rows:
                counts[namespace] = counts.get(namespace, 0) + len(rows)
        return counts

    return Read(lambda look: reads_of(look.moment).namespaces(), expected)


def _content(model: Model, number: int, namespace: str, identity: str) -> Any:
    row = model.spaces.get((number, namespace), {}).get(identity)
    return row.content if row else None


ONE_RECORD = {
    "get": get(INVOICES, "a", "i3"),
    "get_another": get(INVOICES, "a", "i1"),
    "get_a_customer": get(CUSTOMERS, "a", "k7"),
    "get_a_wide_customer": get(CUSTOMERS, "a", "w6"),
    "peek": peek(INVOICES, "a", "i3"),
    "version": version(INVOICES, "a", "i3"),
}
MANY_RECORDS = {
    "count": count(INVOICES, "a"),
    "count_customers": count(CUSTOMERS, "a"),
    "list": listed(INVOICES, "a", limit=100),
    "list_after": listed(INVOICES, "a", limit=3, starting_after="i4"),
    "list_before": listed(INVOICES, "a", limit=3, ending_before="i1"),
    "list_filtered": listed(INVOICES, "a", limit=2, customer="c0"),
    "list_filtered_before": listed(INVOICES, "a", ending_before="i0", customer="c0"),
    "list_customers": listed(CUSTOMERS, "a", limit=100, ending_before="w1"),
    "find_by": find_by(INVOICES, "a", "customer", "c0"),
    "find_by_another": find_by(INVOICES, "a", "customer", "c1"),
    "find_customers": find_by(CUSTOMERS, "a", "email", "e1"),
    "namespaces": namespaces(),
}
