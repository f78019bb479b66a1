"""What the daemon has to know of a record: its key, and the lists that it stands in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tiger import record

ValueKey = tuple[int, bytes]
"""One indexed value of a record: the number of its list, the key of the value."""


class Facts(NamedTuple):
    """Of one record."""

    key: bytes
    """Its id."""
    created: tuple[float, int]
    """What `created` comes to in the order of lists."""
    values: list[ValueKey]
    """The values it is found by."""


def facts_of(body: bytes, fields: Sequence[str]) -> Facts:
    """Return what is to be known of a record in msgpack, whose indexed fields are these.

    Raises `InvalidRecord` unless it is one that every reader can decode.
    """
    content = record.decode_untrusted(body)
    key = record.encode_name(content.get("id"), "id")
    return Facts(key, record.created_of(content), values_of(content, fields))


def values_of(content: dict[str, Any], fields: Sequence[str]) -> list[ValueKey]:
    """Return the lists of values that a record belongs to."""
    return [
        (index, bytes((index,)) + record.value_key(content[field]))
        for index, field in enumerate(fields, 1)
        if field in content
    ]
