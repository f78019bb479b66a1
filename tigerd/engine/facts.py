"""Facts about a record that the daemon needs: its key, and the lists that it is in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tiger.format import record
from tiger.format.speedups import compiled

ValueKey = tuple[int, bytes]
"""One indexed value of a record: the number of its list, the key of the value."""


Facts = tuple[bytes, tuple[float, int], list[ValueKey]]
"""Facts about one record: its key, the first part of its order, and its indexed values."""

_facts_of = compiled("tigerd.engine.compiled", "facts_of")


def facts_of(body: bytes, fields: tuple[str, ...]) -> Facts:
    """Return the facts of a record in msgpack, whose table has these indexed fields.

    Raises `InvalidRecord` unless every reader can decode it.
    """
    known: Facts | None = _facts_of(body, fields)
    if known is not None:
        return known
    content = record.decode_untrusted(body)
    key = record.encode_name(content.get("id"), "id")
    return key, record.created_of(content), values_of(content, fields)


def values_of(content: dict[str, Any], fields: Sequence[str]) -> list[ValueKey]:
    """Return the lists of values that a record belongs to."""
    return [
        (index, bytes((index,)) + record.value_key(content[field]))
        for index, field in enumerate(fields, 1)
        if field in content
    ]
