"""Begins with a file."""

import pytest

import tiger


@pytest.fixture(scope="session")
def tiger_seed() -> object:
    return "seeds/shop.json"  # from the root of the run


def test_it(tiger_store: tiger.Store) -> None:
    assert [coupon["id"] for coupon in tiger_store.coupons.list()] == ["of-file"]
