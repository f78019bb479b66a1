"""From the cart to the page on which the customer pays."""

from __future__ import annotations

import pytest

from shop.billing import BillingError
from shop.cart import Cart
from shop.warehouse import OutOfStock

ANN = "ann@example.com"


def test_a_checkout_changes_this_and_nothing_else(shop, tiger_store):
    """`assert_changes` counts what was created, updated and deleted in all tables."""
    session = shop.check_out("order_1", ANN, Cart(price_lamp=2, price_vase=1))
    assert session["amount_total"] == 2 * 4900 + 2500
    tiger_store.assert_changes(
        created={"orders": 1, "checkout_sessions": 1, "idempotency_keys": 1},
        updated={"stock": 2},
    )


def test_the_changes_tell_what_a_record_was_before(shop, tiger_store):
    shop.check_out("order_1", ANN, Cart(price_lamp=2))
    ((before, after),) = tiger_store.changes().updated["stock"]
    assert (before["available"], after["available"]) == (5, 3)


def test_a_first_time_customer_gets_an_account(shop, tiger_store):
    shop.check_out("order_1", "new@example.com", Cart(price_lamp=1))
    (customer,) = tiger_store.changes().created["customers"]
    assert customer["email"] == "new@example.com"


def test_a_known_customer_keeps_the_account(shop, tiger_store):
    session = shop.check_out("order_1", ANN, Cart(price_lamp=1))
    assert session["customer"] == "cus_ann"
    assert "customers" not in tiger_store.changes().created


def test_what_is_not_in_stock_changes_nothing(shop, tiger_store):
    """The lamps were set aside first: in a batch that was never sent, for the block raised."""
    with pytest.raises(OutOfStock, match="2 of price_chair are left, not 3"):
        shop.check_out("order_1", ANN, Cart(price_lamp=1, price_chair=3))
    tiger_store.assert_changes()


def test_what_the_shop_does_not_have_changes_nothing(shop, tiger_store):
    with pytest.raises(OutOfStock, match="there is no price_boat"):
        shop.check_out("order_1", ANN, Cart(price_boat=1))
    tiger_store.assert_changes()


def test_a_double_click_orders_once(shop, tiger_store):
    first = shop.check_out("order_1", ANN, Cart(price_lamp=2))
    again = shop.check_out("order_1", ANN, Cart(price_lamp=2))
    assert again == first
    assert tiger_store.stock.get("price_lamp")["available"] == 3


def test_an_idempotency_key_is_for_one_request(billing, tiger_store):
    billing.open_session("cus_ann", {"price_lamp": 1}, reference="order_1")
    mark = tiger_store.mark()
    with pytest.raises(BillingError, match="'order_1' was used for something else"):
        billing.open_session("cus_ann", {"price_lamp": 9}, reference="order_1")
    tiger_store.assert_changes(since=mark)


def test_a_coupon_makes_it_cheaper(shop):
    session = shop.check_out("order_1", ANN, Cart(price_lamp=1), coupon="summer")
    assert session["amount_total"] == 3920


@pytest.mark.parametrize(
    ("coupon", "why"), [("winter", "is not valid any more"), ("wnter", "no coupons 'wnter'")]
)
def test_a_refused_coupon_puts_the_goods_back(shop, tiger_store, coupon, why):
    with pytest.raises(BillingError, match=why):
        shop.check_out("order_1", ANN, Cart(price_lamp=1), coupon=coupon)
    assert tiger_store.stock.get("price_lamp")["available"] == 5
    assert tiger_store.orders.get("order_1")["status"] == "cancelled"
