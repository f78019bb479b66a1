"""Each test has an account of its own, and says what that begins with."""

from __future__ import annotations

import os

import pytest

import tiger
from shop.cart import Cart
from shop.warehouse import OutOfStock


def test_an_account_begins_with_the_seed(tiger_store):
    """`tiger_seed` in conftest.py; it was loaded once, and this account is a fork of it."""
    assert tiger_store.products.count() == 4
    assert [customer["id"] for customer in tiger_store.customers] == ["cus_ann", "cus_ben"]
    tiger_store.assert_changes()


@pytest.mark.parametrize("name", ["Anna", "Anne"])
def test_the_same_id_is_another_record_in_each_test(tiger_store, name):
    """These two may run at once, in two processes, and both write `cus_ann`."""
    before = tiger_store.customers.get("cus_ann")
    tiger_store.customers.patch("cus_ann", {"name": name})
    assert "name" not in before
    assert tiger_store.customers.get("cus_ann")["name"] == name


def test_a_test_may_delete_all_there_is(tiger_store):
    """What a fork inherited is hidden from it, and is still there for the others."""
    tiger_store.clear_namespace()
    assert tiger_store.customers.count() == 0
    assert tiger_store.products.find_active() == []


@pytest.mark.tigerd(seed="sold_out.json")
def test_a_test_may_begin_with_a_file_of_its_own(shop):
    """The path is seen from this file."""
    with pytest.raises(OutOfStock, match="0 of price_lamp are left"):
        shop.check_out("order_1", "ann@example.com", Cart(price_lamp=1))


@pytest.mark.tigerd(seed={"coupons": [{"id": "tiny", "percent_off": 1, "valid": True}]})
def test_a_test_may_begin_with_what_its_marker_says(tiger_store):
    assert [coupon["id"] for coupon in tiger_store.coupons.find_active()] == ["tiny"]
    assert tiger_store.products.count() == 0


@pytest.mark.tigerd(seed={})
def test_a_test_may_begin_with_nothing(tiger_store):
    assert {
        name: n for name in tiger_store.tables() if (n := tiger_store.table(name).count())
    } == {}


def test_any_connection_made_within_a_test_is_to_its_account(tiger_store):
    """The code under test needs no argument: the environment says where."""
    assert os.environ["TIGERD_NAMESPACE"] == tiger_store.current_namespace
    with tiger.connect() as store:
        store.customers.insert({"id": "cus_new"})
    assert "cus_new" in tiger_store.customers
