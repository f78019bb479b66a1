"""All that a reader can see of a store, beside all that it should see, in one form."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.support.daemon import resource_of
from tests.support.model import Model, Place, Row
from tiger.format import record
from tiger.format.record import Record
from tiger.format.resources import DEFINITIONS, DEFINITIONS_NAMESPACE, RESOURCES
from tiger.reading.moments import Latest, Moment
from tiger.reading.namespace import NamespaceReads
from tiger.reading.reader import Reader
from tiger.reading.reads import TableReads

LIMIT = 3
LONG = 30
LIMIT_OF_LONG = 60
"""Of a page: small, so that cursors are used; of lists longer than `LONG` not quite as small."""

Seen = dict[Any, Any]


class Universe:
    """Which tables, namespaces, ids and values are looked at."""

    def __init__(self, models: Iterable[Model]) -> None:
        """Take what occurs in any of the states."""
        self.resources: dict[int, Any] = {}
        self.ids: dict[Place, set[str]] = {}
        self.values: dict[int, dict[tuple[str, bytes], Any]] = {}
        self._expected: dict[int, tuple[Model, Seen]] = {}
        for model in models:
            for place, rows in model.spaces.items():
                self._add(place, rows, model)

    def _add(self, place: Place, rows: dict[str, Row], model: Model) -> None:
        number = place[0]
        resource = self.resources.setdefault(number, resource_of(number, model))
        self.ids.setdefault(place, {"nobody"}).update(rows)
        values = self.values.setdefault(number, {})
        for row in rows.values():
            for field in resource.indexes:
                if field in row.content:
                    value = row.content[field]
                    values[(field, record.value_key(value))] = value

    # --- What is there ---

    def seen_by(self, tables: dict[Place, TableReads], store: NamespaceReads[Any]) -> Seen:
        """Return what can be read."""
        seen: Seen = {"namespaces": store.namespaces(), "tables": store.tables()[len(RESOURCES) :]}
        for place, table in tables.items():
            seen |= {(place, what): value for what, value in self._seen_in(place, table)}
        return seen

    def _seen_in(self, place: Place, table: TableReads) -> Iterable[tuple[Any, Any]]:
        for identity in sorted(self.ids[place]):
            content = table.get(identity, None)
            version = None if content is None else table.version(identity)
            yield ("get", identity), (content, version)
            assert (identity in table) == (content is not None)
            if content is not None:
                assert table.peek(identity) == content
        yield "count", table.count()
        yield "all", list(table)
        yield "pages", list(pages(table))
        for (field, key), value in self.values[place[0]].items():
            yield ("find_by", field, key), table.find_by(field, value)
            yield ("pages", field, key), list(pages(table, **{field: value}))

    # --- What should be there ---

    def expected(self, model: Model) -> Seen:
        """Return what should be read in that state."""
        known = self._expected.get(id(model))
        if known is None:
            if len(self._expected) > 50:
                self._expected.clear()
            known = self._expected[id(model)] = (model, self._expect(model))
        return known[1]

    def _expect(self, model: Model) -> Seen:
        counts: dict[str, int] = {}
        for (number, namespace), rows in model.spaces.items():
            if rows and number != DEFINITIONS.number:
                counts[namespace] = counts.get(namespace, 0) + len(rows)
        defined = model.spaces.get((DEFINITIONS.number, DEFINITIONS_NAMESPACE), {})
        seen: Seen = {"namespaces": dict(sorted(counts.items())), "tables": sorted(defined)}
        for place in self.ids:
            seen |= {(place, what): value for what, value in self._expected_in(place, model)}
        return seen

    def _expected_in(self, place: Place, model: Model) -> Iterable[tuple[Any, Any]]:
        rows = model.spaces.get(place, {})
        for identity in sorted(self.ids[place]):
            row = rows.get(identity)
            yield ("get", identity), (row.content, row.commit) if row else (None, None)
        ordered = [row.content for row in model.rows(*place)]
        yield "count", len(rows)
        yield "all", ordered
        yield "pages", paged(ordered, len(rows))
        for field, key in self.values[place[0]]:
            matching = [content for content in ordered if record.matches(content, {field: key})]
            yield ("find_by", field, key), matching
            yield ("pages", field, key), paged(matching, len(rows))


class Observer:
    """One process's reader: it remembers what it has read, and is asked again and again."""

    def __init__(self, directory: Path, universe: Universe) -> None:
        """Attach."""
        self.reader = Reader(directory)
        self.universe = universe
        self.tables: dict[Place, TableReads] = {
            place: TableReads(Latest(self.reader), universe.resources[place[0]], place[1])
            for place in universe.ids
        }

    def look(self) -> Seen:
        """Return all that can be read."""
        return self.universe.seen_by(self.tables, reads_of(Latest(self.reader)))

    def snapshot(self) -> Snapshot:
        """Hold this moment."""
        return Snapshot(self)


class Snapshot:
    """A moment that is held, and can be looked at again and again."""

    def __init__(self, observer: Observer) -> None:
        """Pin the latest commit."""
        self._universe = observer.universe
        self.moment = Latest(observer.reader).pin()

    def look(self) -> Seen:
        """Return all that can be read at that moment."""
        tables = {
            place: TableReads(self.moment, self._universe.resources[place[0]], place[1])
            for place in self._universe.ids
        }
        store = reads_of(self.moment)
        return self._universe.seen_by(tables, store)

    def release(self) -> None:
        """Let go."""
        self.moment.release()


# --- Pages ---


def reads_of(moment: Moment) -> NamespaceReads[TableReads]:
    """Return the reads of the namespace "global"."""
    return NamespaceReads(moment, "global", lambda resource: TableReads(moment, resource, "global"))


def pages(table: TableReads, **filters: Any) -> Iterable[tuple[list[str], bool]]:
    """Yield the pages of a list, to its end and back to its beginning."""
    limit = LIMIT if table.count() <= LONG else LIMIT_OF_LONG
    page = table.list(limit=limit, **filters)
    yield _names(page)
    while page.has_more:
        page = table.list(limit=limit, starting_after=page.data[-1]["id"], **filters)
        yield _names(page)
    while page.data:
        page = table.list(limit=limit, ending_before=page.data[0]["id"], **filters)
        yield _names(page)


def paged(records: list[Record], count: int) -> list[tuple[list[str], bool]]:
    """Return what `pages` should yield for a list of these, in a namespace of so many."""
    limit = LIMIT if count <= LONG else LIMIT_OF_LONG
    names = [content["id"] for content in records]
    starts = range(0, len(names), limit) or range(1)
    found = [(names[at : at + limit], at + limit < len(names)) for at in starts]
    at = starts[-1]
    while names:
        found.append((names[max(0, at - limit) : at], at > limit))
        if not at:
            break
        at = max(0, at - limit)
    return found


def _names(page: Any) -> tuple[list[str], bool]:
    return [content["id"] for content in page.data], page.has_more


def difference(seen: Seen, expected: Seen) -> str:
    """Say where two looks differ, in a few lines."""
    wrong = [key for key in expected if seen.get(key) != expected[key]]
    return "\n".join(f"{key}: {seen.get(key)!r}, not {expected[key]!r}" for key in wrong[:6])
