"""Several processes want the same thing at the same moment."""

from __future__ import annotations

import itertools

import customers
from shop.cart import Cart


def test_the_last_one_is_sold_once(tiger_store, crowd):
    outcomes = crowd.run(customers.buy, tiger_store, "price_vase")
    assert sorted(outcomes) == ["bought", "sold out", "sold out"]
    assert tiger_store.stock.get("price_vase")["available"] == 0
    assert tiger_store.orders.count() == 1


def test_who_does_not_get_all_takes_nothing(tiger_store, crowd):
    """There are lamps for all, but one vase."""
    crowd.run(customers.buy, tiger_store, "price_lamp", "price_vase")
    assert tiger_store.stock.get("price_lamp")["available"] == 4


def test_a_page_that_is_open_three_times_is_paid_once(shop, tiger_store, crowd):
    session = shop.check_out("order_1", customers.EMAIL, Cart(price_lamp=1))["id"]
    outcomes = crowd.run(customers.pay, tiger_store, session)
    assert sorted(outcomes) == [f"session {session} is complete"] * 2 + ["succeeded"]
    assert tiger_store.payment_intents.count() == 1


def test_a_coupon_for_one_is_redeemed_once(tiger_store, crowd):
    """All three pages show the discount; two of the customers pay too late."""
    outcomes = crowd.run(customers.pay_with_coupon, tiger_store, "golden")
    refusal = "coupon golden is not valid any more"
    assert sorted(outcomes) == [refusal, refusal, "succeeded"]
    assert tiger_store.coupons.get("golden")["times_redeemed"] == 1


def test_a_new_customer_is_made_once(tiger_store, crowd):
    """Who lost the race reads what the winner wrote under the same idempotency key."""
    assert len(set(crowd.run(customers.register, tiger_store, "new@example.com"))) == 1
    tiger_store.assert_changes(created={"customers": 1, "idempotency_keys": 1})


def test_invoice_numbers_have_no_gaps(shop, tiger_store, crowd):
    subscription = shop.join(customers.EMAIL)["id"]
    made = itertools.chain(*crowd.run(customers.bill, tiger_store, subscription, 10))
    assert sorted(made) == [f"in_{number:06}" for number in range(2, 32)]


def test_a_membership_ends_with_one_event(shop, tiger_store, crowd):
    subscription = shop.join(customers.EMAIL)["id"]
    outcomes = crowd.run(customers.leave, tiger_store, subscription)
    assert sorted(outcomes) == ["had left", "had left", "left"]
    assert len(tiger_store.events.find_by_type("customer.subscription.deleted")) == 1
