"""How many values a frame has is counted before any is made."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiger.format import protocol
from tiger.format.speedups import are_used
from tigerd.service import counting, parsing

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats()
    | st.text()
    | st.binary()
    | st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=20)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def count(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(count(each) for pair in value.items() for each in pair)
    if isinstance(value, list):
        return 1 + sum(map(count, value))
    return 1


@given(VALUES)
def test_values_are_counted_as_they_are(value: Any) -> None:
    frame = msgpack.packb(value)
    number = count(value)
    for counts in (counting._count, counting.is_bounded):
        assert counts(frame, number)
        assert not counts(frame, number - 1)


@given(st.binary(max_size=100), st.integers(0, 100))
def test_of_whatever_comes_the_compiled_part_says_the_same(frame: bytes, most: int) -> None:
    assert counting.is_bounded(frame, most) == counting._count(frame, most)


@pytest.mark.parametrize(
    "frame",
    [
        b"\xdd\x00\xff\xff\xff" + b"\x90" * counting.VALUES_MAX,
        b"\x9f" + b"\xdd\x00\x0f\xff\xff" * (counting.UNCOUNTED // 5) + bytes(9),
        b"\xdf" + b"\xff" * 4 + bytes(counting.UNCOUNTED),
    ],
)
def test_a_frame_of_more_values_than_any_request_is_not_decoded(
    frame: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "unpack", lambda _: pytest.fail("decoded"))
    with pytest.raises(ValueError, match="values"):
        parsing.parse(frame)


def test_the_largest_request_that_a_client_may_send_is_taken() -> None:
    count = 50_000
    operations = [[protocol.PUT, 1, "global", b"\x80", 7]] * count
    frame = protocol.pack([protocol.VERSION, 1, 0, 1, False, operations])
    assert len(parsing.parse(frame)[4]) == count
    assert counting.is_bounded(frame, 7 * count)
    assert are_used() or counting._is_bounded(frame, 1) is None
