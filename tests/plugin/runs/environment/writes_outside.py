"""Writes outside of every account."""

import tiger

store = tiger.connect()


def test_first() -> None:
    store.coupons.create({"id": "of-first"})


def test_red() -> None:
    assert store.coupons.count() == 5
