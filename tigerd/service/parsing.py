"""Parsing a client's frame into a request, or refusing it."""

from __future__ import annotations

from typing import Any, cast

from tiger.__about__ import __version__
from tiger.errors import LayoutMismatch
from tiger.format import protocol
from tiger.format.speedups import compiled
from tigerd.service.counting import check_count

Request = tuple[int, int, int, bool, list[Any]]
"""Client, slot, number, whether it wants a reply, operations."""

NUMBERS_END = 1 << 56
"""Clients, slots and requests have numbers below."""

_parse = compiled("tigerd.engine.compiled", "parse")


def parse(frame: bytes) -> Request:
    """Return the request in a frame, or raise `LayoutMismatch`, ValueError or a msgpack error."""
    known = _parse(frame, protocol.VERSION, NUMBERS_END)
    return cast(Request, known) if known is not None else _parse_any(frame)


def _parse_any(frame: bytes) -> Request:
    check_count(frame)
    message = protocol.unpack(frame)
    if message and message[0] != protocol.VERSION:
        raise LayoutMismatch(
            f"the daemon is version {__version__} and speaks protocol {protocol.VERSION}, the "
            f"client protocol {message[0]!r:.20}: restart it with `tigerd restart`"
        )
    if len(message) != 6:
        raise ValueError("not six fields")
    _, client, slot, number, wants_reply, operations = message
    if not (type(client) is type(slot) is type(number) is int) or not (
        0 < client < NUMBERS_END and -1 <= slot < NUMBERS_END and 0 <= number < NUMBERS_END
    ):
        raise ValueError("not a number of a client, a slot, a request")
    if type(wants_reply) is not bool or type(operations) is not list or not operations:
        raise ValueError("no operations")
    if type(operations[0]) is not list:
        raise ValueError("an operation is an array")
    return client, slot, number, wants_reply, operations
