"""Begins with what markers say."""

import pytest

import tiger

pytestmark = pytest.mark.tigerd(seed="shop.json")  # beside this file


def test_file(tiger_store: tiger.Store) -> None:
    assert [coupon["id"] for coupon in tiger_store.coupons.list()] == ["of-file"]


@pytest.mark.tigerd(seed={"coupons": [{"id": "of-marker"}]})
def test_dict(tiger_store: tiger.Store) -> None:
    assert [coupon["id"] for coupon in tiger_store.coupons.list()] == ["of-marker"]


@pytest.mark.tigerd(seed=None)
def test_none(tiger_store: tiger.Store) -> None:
    assert tiger_store.coupons.count() == 0
