"""Tests with names that are odd, or long."""

import pytest

import tiger

LONG = pytest.param("", id="x" * 5000)


@pytest.mark.parametrize("it", ["", "a/b\\c", "ä\n\x00", "..", LONG, "💥 '\"", "[]"])
def test_it(tiger_store: tiger.Store, it: str) -> None:
    tiger_store.coupons.create({"id": "A"})
    assert len(tiger_store.current_namespace) < 120
