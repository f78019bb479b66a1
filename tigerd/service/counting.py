"""Counting the values in a frame of msgpack before it is decoded.

A value takes a byte in a frame and some 60 in memory: without a bound, the largest frame of nothing
but empty arrays would take gigabytes, and seconds in which nobody else is served.
"""

from __future__ import annotations

from tiger.format import protocol
from tiger.format.speedups import compiled

VALUES_MAX = 7 * protocol.OPERATIONS_MAX
"""Values in one request: of each operation itself, its name and its arguments, which are five."""

UNCOUNTED = 1 << 16
"""Frames up to this size are not counted, because they decode to some megabytes at most."""

_FIXED = {
    0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8,
    0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17,
}  # fmt: skip
"""By their first byte, the other bytes of numbers, and of extensions of a fixed size."""

_SIZED = {
    0xC4: (1, 0), 0xC5: (2, 0), 0xC6: (4, 0), 0xC7: (1, 1), 0xC8: (2, 1), 0xC9: (4, 1),
    0xD9: (1, 0), 0xDA: (2, 0), 0xDB: (4, 0),
}  # fmt: skip
"""For values that begin with their size: the bytes of the size, and the bytes beside it."""

_CONTAINERS = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}
"""Of containers: the bytes of the count, and how many values each of these has."""

_is_bounded = compiled("tigerd.engine.compiled", "is_bounded")


def check_count(frame: bytes) -> None:
    """Raise ValueError if a frame has more values than any request."""
    if len(frame) > UNCOUNTED and not is_bounded(frame, VALUES_MAX):
        raise ValueError(f"more than {VALUES_MAX} values")


def is_bounded(frame: bytes, most: int) -> bool:
    """Tell whether a frame has at most so many values, containers and all that is in them.

    For a frame that is cut off or not msgpack it also returns True: decoding it fails at the same
    place.
    """
    known = _is_bounded(frame, most)
    return _count(frame, most) if known is None else bool(known)


def _count(frame: bytes, most: int) -> bool:
    at, left, count, end = 0, 1, 0, len(frame)
    while left:
        if count + left > most:
            return False
        if at >= end:
            return True
        left -= 1
        count += 1
        code = frame[at]
        at += 1
        if code < 0x80 or code >= 0xE0:
            continue
        if code < 0x90:
            left += 2 * (code & 0x0F)
        elif code < 0xA0:
            left += code & 0x0F
        elif code < 0xC0:
            at += code & 0x1F
        elif code in _FIXED:
            at += _FIXED[code]
        elif code in _SIZED:
            width, beside = _SIZED[code]
            at += width + int.from_bytes(frame[at : at + width], "big") + beside
        elif code in _CONTAINERS:
            width, each = _CONTAINERS[code]
            if at + width > end:
                return True
            left += each * int.from_bytes(frame[at : at + width], "big")
            at += width
    return True
