"""Search: Stripe's query language, over the objects as they are now (Stripe lags by a minute).

query   clause (AND clause)*  or  clause (OR clause)*
clause  -?field:"text"  field~"part"  field>1  field:null  metadata["key"]:"text"
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tigerstripe.errors import Refused
from tigerstripe.objects.listing import at, limit_of
from tigerstripe.records import Record
from tigerstripe.work.unit import Work

if TYPE_CHECKING:
    from tigerstripe.objects.resource import Resource

Test = Callable[[Record], bool]

_CLAUSE = re.compile(
    r"""\s*(?P<not>-?)(?P<field>[a-z_][a-z0-9_.]*)(?:\[(?P<key>"[^"]*"|'[^']*')\])?
    \s*(?P<operator>:|~|<=|>=|<|>)\s*
    (?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s"']+)\s*""",
    re.VERBOSE,
).match
_JOIN = re.compile(r"(AND|OR)\s+", re.IGNORECASE).match

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


def found(resource: Resource, work: Work, params: Record) -> Record:
    """Return the page of the objects that the parameters' query finds, newest first."""
    test = parsed(params["query"], resource.searchable)
    limit = limit_of(params)
    try:
        start = int(params.get("page") or 0)
    except ValueError:
        raise Refused(f"Invalid page: {params['page']}", param="page") from None
    all_of_it = [record for record in work.scope.table(resource.table) if test(record)]
    data = all_of_it[start : start + limit]
    has_more = len(all_of_it) > start + limit
    return {
        "object": "search_result",
        "data": data,
        "has_more": has_more,
        "next_page": str(start + limit) if has_more else None,
    }


def parsed(query: str, fields: frozenset[str]) -> Test:
    """Return the test that a query is; raises `Refused` where it is none."""
    tests: list[Test] = []
    joins = set()
    at = 0
    while True:
        clause = _CLAUSE(query, at)
        if not clause:
            raise _bad(query, f"there is no clause at character {at}")
        tests.append(_test(query, clause, fields))
        at = clause.end()
        if at == len(query):
            break
        join = _JOIN(query, at)
        if not join:
            raise _bad(query, f"AND or OR was expected at character {at}")
        joins.add(join[1].upper())
        at = join.end()
    if len(joins) > 1:
        raise _bad(query, "AND and OR cannot be in one query")
    combine = any if "OR" in joins else all
    return lambda record: combine(test(record) for test in tests)


def _test(query: str, clause: re.Match[str], fields: frozenset[str]) -> Test:
    field, key, operator = clause["field"], clause["key"], clause["operator"]
    if (field == "metadata") != (key is not None) or not (key or field in fields):
        wanted = ", ".join(sorted(fields | {"metadata"}))
        raise _bad(query, f"field `{field}` cannot be searched; these can: {wanted}")
    steps = ["metadata", key[1:-1]] if key else field.split(".")
    value = clause["value"]
    if value == "null":
        return _signed(clause, lambda record: at(record, steps) is None)
    if value[0] in "\"'":
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    if operator in _COMPARE:
        try:
            bound = float(value)
        except ValueError:
            raise _bad(query, f"`{field}{operator}` wants a number") from None
        compare = _COMPARE[operator]
        return _signed(
            clause, lambda record: _is_number(there := at(record, steps)) and compare(there, bound)
        )
    wanted = value.casefold()
    if operator == "~":
        return _signed(clause, lambda record: wanted in _text(at(record, steps)))
    return _signed(clause, lambda record: _text(at(record, steps)) == wanted)


def _signed(clause: re.Match[str], test: Test) -> Test:
    return (lambda record: not test(record)) if clause["not"] else test


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value).casefold()


def _bad(query: str, reason: str) -> Refused:
    return Refused(
        f"We were unable to parse your search query `{query:.200}`: {reason}.", param="query"
    )
