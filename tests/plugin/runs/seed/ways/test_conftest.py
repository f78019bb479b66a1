"""Begins with the seed for all."""

import tiger


def test_it(
    tiger_store: tiger.Store, tiger_store_module: tiger.Store, tiger_store_session: tiger.Store
) -> None:
    for store in (tiger_store, tiger_store_module, tiger_store_session):
        assert [coupon["id"] for coupon in store.coupons.list()] == ["of-conftest"]
