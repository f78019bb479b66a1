"""Lists: newest first, with cursors, ranges of `created`, and filters; alike for all resources."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from tiger.errors import InvalidCursor
from tigerstripe import errors
from tigerstripe.records import Record
from tigerstripe.work.scope import AnyTable
from tigerstripe.work.unit import DELETED, Work

if TYPE_CHECKING:
    from tigerstripe.objects.resource import Resource

Filter = str | Callable[[Record, Any], bool]
"""The path of the field that is compared (`recurring.interval`), or a test of record and value."""

LIMIT = 10
LIMIT_MAX = 100
_NOT_FILTERS = frozenset(("limit", "starting_after", "ending_before", "expand", "include"))


BOUNDS: dict[str, Callable[[int, int], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
"""The comparison for each name in a range."""


def page(resource: Resource, work: Work, params: Record) -> Record:
    """Return the list that the parameters ask for; its `url` is put in when it is answered."""
    limit, after, before = limit_of(params), *_cursors(params)
    equal, tests = _wanted(resource, work, params)
    table = work.scope.table(resource.table)
    try:
        if before is not None:
            found = _newer(table, before, equal, tests, limit + 1)
            return listed(found[-limit:], len(found) > limit)
        if not tests:
            some = table.list(limit=limit, starting_after=after, **equal)
            return listed(some.data, some.has_more)
        found = _first(_older(table, after, equal, limit + 1), tests, limit + 1)
        return listed(found[:limit], len(found) > limit)
    except InvalidCursor:
        return _from_deleted(resource, work, params, equal, tests, limit)


def cut(records: list[Record], params: Record, name: str) -> Record:
    """Return a page of records that one object holds, in their order; `name` is in its errors."""
    limit, after, before = limit_of(params), *_cursors(params)
    ids = [record["id"] for record in records]
    for param in ("starting_after", "ending_before"):
        cursor = params.get(param)
        if cursor is not None and cursor not in ids:
            raise errors.no_such(name, cursor, param)
    if before is not None:
        rest = records[: ids.index(before)]
        return listed(rest[-limit:], len(rest) > limit)
    rest = records[ids.index(after) + 1 :] if after is not None else records
    return listed(rest[:limit], len(rest) > limit)


def limit_of(params: Record) -> int:
    """Return how many records a page may have: the requested number, from 1 to 100."""
    limit: int = params.get("limit", LIMIT)
    return min(max(limit, 1), LIMIT_MAX)


def _cursors(params: Record) -> tuple[str | None, str | None]:
    """Return `starting_after` and `ending_before`; raises `Refused` for both at once."""
    after, before = params.get("starting_after"), params.get("ending_before")
    if after is not None and before is not None:
        raise errors.only_one_of("starting_after", "ending_before")
    return after, before


def listed(data: list[Record], has_more: bool) -> Record:
    """Return a list object."""
    return {"object": "list", "data": data, "has_more": has_more}


def _wanted(
    resource: Resource, work: Work, params: Record
) -> tuple[Record, list[Callable[[Record], bool]]]:
    """Return the filters that the store applies, and the tests for the other ones."""
    equal: Record = {}
    tests: list[Callable[[Record], bool]] = []
    for name, value in params.items():
        if name in _NOT_FILTERS or value is None:
            continue
        rule = resource.filters.get(name, name)
        if name in resource.computed:
            tests.append(_now(resource, work, name, value))
        elif callable(rule):
            tests.append(_test(rule, value))
        elif rule == "created":  # a range too; the store finds it by its order
            equal[rule] = value
        elif isinstance(value, (dict, list)) or "." in rule:
            tests.append(_at_path(rule.split("."), value))
        else:
            equal[rule] = value
    if resource.on_clocks and not any(params.get(name) for name in resource.on_clocks):
        equal["test_clock"] = None
    tests += [_of_field(f, rule) for f, rule in resource.shown.items() if f not in params]
    return equal, tests


def _now(resource: Resource, work: Work, field: str, value: Any) -> Callable[[Record], bool]:
    return lambda record: bool(resource.view(work, record)[field] == value)


def _test(rule: Callable[[Record, Any], bool], value: Any) -> Callable[[Record], bool]:
    return lambda record: rule(record, value)


def _of_field(field: str, rule: Callable[[Any], bool]) -> Callable[[Record], bool]:
    return lambda record: rule(record.get(field))


def _has(field: str, value: Any) -> Callable[[Record], bool]:
    """Return the test that corresponds to a filter of the store: a value, or a range."""
    if isinstance(value, dict):
        return lambda record: all(BOUNDS[b](record[field], limit) for b, limit in value.items())
    return lambda record: record.get(field) == value


def _at_path(steps: list[str], value: Any) -> Callable[[Record], bool]:
    def test(record: Record) -> bool:
        return _agrees(at(record, steps), value)

    return test


def _agrees(there: Any, wanted: Any) -> bool:
    """Tell whether a value equals the wanted one; for a dict, in its wanted keys."""
    if isinstance(wanted, dict):
        return isinstance(there, dict) and all(_agrees(there.get(k), v) for k, v in wanted.items())
    return bool(there in wanted if isinstance(wanted, list) else there == wanted)


def at(record: Any, steps: list[str]) -> Any:
    """Return the value at a path in a record; None if the path ends before."""
    for step in steps:
        record = record.get(step) if isinstance(record, dict) else None
    return record


def _older(
    table: AnyTable, after: str | None, equal: Record, first: int = LIMIT_MAX
) -> Iterator[Record]:
    """Yield the records after a cursor, newest first; so many are read at first."""
    limit = min(first, LIMIT_MAX)
    while True:
        some = table.list(limit=limit, starting_after=after, **equal)
        yield from some.data
        if not some.has_more:
            return
        after, limit = some.data[-1]["id"], LIMIT_MAX


def _first(
    records: Iterator[Record], tests: list[Callable[[Record], bool]], most: int
) -> list[Record]:
    found: list[Record] = []
    for record in records:
        if all(test(record) for test in tests):
            found.append(record)
            if len(found) == most:
                break
    return found


def _newer(
    table: AnyTable,
    before: str,
    equal: Record,
    tests: list[Callable[[Record], bool]],
    most: int,
) -> list[Record]:
    """Return the records just before a cursor, newest first."""
    found: list[Record] = []
    while True:
        some = table.list(limit=LIMIT_MAX, ending_before=before, **equal)
        found = [r for r in some.data if all(test(r) for test in tests)] + found
        if not some.has_more or len(found) >= most:
            return found[-most:]
        before = some.data[0]["id"]


def _from_deleted(
    resource: Resource,
    work: Work,
    params: Record,
    equal: Record,
    tests: list[Callable[[Record], bool]],
    limit: int,
) -> Record:
    """Return the page at a cursor that was deleted: from the one that was next to it on."""
    name = "starting_after" if params.get("starting_after") is not None else "ending_before"
    cursor = params[name]
    left = work.get(DELETED, cursor)
    if left is None or left["object"] != resource.object:
        raise errors.no_such(resource.name, cursor, name)
    table = work.scope.table(resource.table)
    older = left["older"]
    while older is not None and older not in table:
        older = (work.get(DELETED, older) or {"older": None})["older"]
    if name == "starting_after":
        rest = iter([table.get(older), *_older(table, older, {})]) if older else iter(())
        checks = [*tests, *(_has(field, value) for field, value in equal.items())]
        found = _first(rest, checks, limit + 1)
        return listed(found[:limit], len(found) > limit)
    if older is None:
        found = _first(_older(table, None, equal), tests, table.count() + 1)[-limit - 1 :]
    else:
        found = _newer(table, older, equal, tests, limit + 1)
    return listed(found[-limit:], len(found) > limit)
