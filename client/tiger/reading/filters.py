"""The filters of a list: a range of `created`, and values that fields must have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from tiger.errors import InvalidCursor, InvalidRecord, InvalidRequest
from tiger.format import record

Order = tuple[float, int, float]
"""As `Version.order`; in a bound the last part is before or after all records of that `created`."""

BEFORE_ALL = -1
AFTER_ALL = math.inf

LIMIT_MAX = 100

INTEGERS = range(-(1 << 63), 1 << 64)


class Span(NamedTuple):
    """The orders between two bounds, which belong to neither."""

    floor: Order
    ceiling: Order

    def has(self, order: Order) -> bool:
        """Tell whether an order is between the bounds."""
        return self.floor < order < self.ceiling


class Filters(NamedTuple):
    """Value keys (`record.value_key`) by the names of fields, and where `created` has to be."""

    keys: Mapping[str, bytes]
    span: Span | None = None


NONE = Filters({})


class Match:
    """A check whether a record in msgpack has values; most that do not need no decoding."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """Take the values' keys (`record.value_key`) by the names of fields."""
        self._keys = keys
        self.texts: tuple[bytes, ...] = tuple(
            text for key in keys.values() if (text := record.text_of(key))
        )
        """Bytes that each record that matches contains."""

    def __call__(self, body: bytes) -> bool:
        """Tell whether the record of this msgpack matches."""
        has_texts = all(text in body for text in self.texts)
        return has_texts and record.matches(record.decode(body), self._keys)


def filters_of(wanted: Mapping[str, Any]) -> Filters:
    """Return the filters that arguments ask for; `InvalidRequest` says which there may be."""
    if not wanted:
        return NONE
    keys = {}
    span = None
    for name, value in wanted.items():
        if name == "created" and isinstance(value, Mapping):
            span = _span_of(value)
            continue
        keys[name] = _key_of(name, value)
        if value is not None and not isinstance(value, (str, int, float)):
            raise InvalidRequest(
                f"the filter {name}={value!r:.80} is not a text, number, boolean or None: use one "
                f"of these; created takes a range, as created={{'gte': 5}}, and find_by({name!r}, "
                f"value) compares lists and objects"
            )
    return Filters(keys, span)


def has_created(content: record.Record) -> bool:
    """Tell whether a record may be in a range: one without a number is listed as 0."""
    return type(content.get("created")) in (int, float)


def _key_of(name: str, value: Any) -> bytes:
    try:
        return record.value_key(value)
    except InvalidRecord as error:
        raise InvalidRecord(f"the filter {name}: {error}") from None


def _span_of(bounds: Mapping[Any, Any]) -> Span:
    """Return the orders of the records whose `created` is within these bounds."""
    floor: Order = (-math.inf, 0, BEFORE_ALL)
    ceiling: Order = (math.inf, 0, AFTER_ALL)
    for name, value in bounds.items():
        place = _place_of(name, value)
        if name == "gt":
            floor = max(floor, (*place, AFTER_ALL))
        elif name == "gte":
            floor = max(floor, (*place, BEFORE_ALL))
        elif name == "lt":
            ceiling = min(ceiling, (*place, BEFORE_ALL))
        elif name == "lte":
            ceiling = min(ceiling, (*place, AFTER_ALL))
        else:
            raise InvalidRequest(
                f"the range of created has {name!r:.80}: use gt, gte, lt and lte, as "
                f"created={{'gte': 5, 'lt': 9}}"
            )
    if not bounds:
        raise InvalidRequest("the range of created is empty: use gt, gte, lt or lte")
    return Span(floor, ceiling)


def _place_of(name: Any, value: Any) -> tuple[float, int]:
    is_usable = (type(value) is int and value in INTEGERS) or (
        type(value) is float and math.isfinite(value)
    )
    if not is_usable:
        raise InvalidRequest(
            f"created={{{name!r:.80}: {value!r:.80}}}: use a number like those in the records "
            f"(seconds, an integer of 64 bits or a finite float)"
        )
    return record.created_of({"created": value})


def checked_limit(limit: Any) -> int:
    """Return how many records a page has at most, or raise `InvalidRequest`."""
    if type(limit) is not int or limit < 1:
        raise InvalidRequest(f"limit {limit!r}: use a whole number from 1 to {LIMIT_MAX}")
    return min(limit, LIMIT_MAX)


def check_cursor(cursor: Any) -> None:
    """Raise `InvalidCursor` for a cursor that cannot be the id of a record."""
    if not isinstance(cursor, str) or not cursor:
        raise InvalidCursor(f"cursor {cursor!r:.80}: use the id of a record")
    try:
        cursor.encode()
    except UnicodeEncodeError:
        raise InvalidCursor(
            f"cursor {cursor!r:.80} has a lone surrogate: use the id of a record"
        ) from None
