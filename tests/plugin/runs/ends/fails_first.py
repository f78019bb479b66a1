"""The first of two tests fails."""

import tiger


def test_it(tiger_store: tiger.Store) -> None:
    tiger_store.coupons.create({"id": "A"})
    assert False


def test_after(tiger_store: tiger.Store) -> None:
    assert tiger_store.coupons.count() == 0
