"""From the cart to the page on which the customer pays."""

from __future__ import annotations

import pytest
import stripe

from shop import orders
from shop.cart import Cart
from shop.checkout import UnknownCode, check_out, customer_of

ANN = "ann@example.com"


def test_a_checkout_has_a_total(tiger_stripe):
    page = check_out("order_1", ANN, Cart(lamp=2, vase=1))
    assert (page.amount_total, page.currency, page.status) == (2 * 4900 + 2500, "eur", "open")
    assert page.customer == customer_of(ANN).id
    assert orders.available("lamp") == 3


def test_a_promotion_code_makes_it_cheaper(tiger_stripe):
    page = check_out("order_1", ANN, Cart(lamp=1), code="SUMMER")
    assert (page.amount_subtotal, page.amount_total) == (4900, 3920)
    assert page.total_details.amount_discount == 980


def test_what_is_not_in_stock_is_not_asked_of_stripe(tiger_stripe):
    """The log belongs to the account, so it has the requests of the seed too."""
    before = tiger_stripe.requests()
    with pytest.raises(orders.OutOfStock, match="not 3 of chair"):
        check_out("order_1", ANN, Cart(lamp=1, chair=3))
    assert orders.available("lamp") == 5
    assert tiger_stripe.requests() == before


def test_an_unknown_code_puts_the_goods_back(tiger_stripe):
    with pytest.raises(UnknownCode):
        check_out("order_1", ANN, Cart(lamp=1), code="SUMMRE")
    assert (orders.status("order_1"), orders.available("lamp")) == ("cancelled", 5)


def test_a_first_time_customer_is_made_once(tiger_stripe):
    """`changes` has the records that a test created, updated and deleted, in all tables."""
    new = customer_of("ben@example.com")
    assert customer_of("ben@example.com").id == new.id
    changes = tiger_stripe.store.changes()
    assert [customer["id"] for customer in changes.created["customers"]] == [new.id]
    assert [event["type"] for event in changes.created["events"]] == ["customer.created"]


def test_a_double_click_orders_once(tiger_stripe):
    """The second request has the idempotency key of the first, so it gets the same answer."""
    first = check_out("order_1", ANN, Cart(lamp=2))
    again = check_out("order_1", ANN, Cart(lamp=2))
    assert again.id == first.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert orders.available("lamp") == 3


def test_an_order_cannot_become_another_one(tiger_stripe):
    check_out("order_1", ANN, Cart(lamp=1))
    with pytest.raises(stripe.IdempotencyError):
        check_out("order_1", ANN, Cart(vase=1))
