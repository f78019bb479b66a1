"""Savepoints: something is tried, and undone."""

from __future__ import annotations

import pytest

from shop.cart import Cart
from shop.warehouse import OutOfStock

ANN = "ann@example.com"


def test_the_best_coupon_is_found_by_trying_each(shop, tiger_store):
    """Four orders, and no trace of them. To undo costs what was changed, not what is there."""
    amounts = {}
    for coupon in [None, *(coupon["id"] for coupon in tiger_store.coupons.find_active())]:
        with tiger_store.savepoint():
            session = shop.check_out("order_1", ANN, Cart(price_lamp=1), coupon)
            amounts[coupon] = session["amount_total"]
    assert amounts == {None: 4900, "summer": 3920, "golden": 2450}
    tiger_store.assert_changes()


def test_a_savepoint_undoes_what_a_failing_block_did(shop, tiger_store):
    def order_two() -> None:
        with tiger_store.savepoint():
            shop.check_out("order_1", ANN, Cart(price_vase=1))
            shop.check_out("order_2", ANN, Cart(price_vase=1))

    with pytest.raises(OutOfStock):
        order_two()
    tiger_store.assert_changes()


def test_going_back_undoes_what_other_processes_did(shop, billing, tiger_store, start_worker):
    session = shop.check_out("order_1", ANN, Cart(price_lamp=1))
    start_worker()
    mark = tiger_store.mark()
    billing.pay(session["id"])
    tiger_store.orders.wait_for(status="paid", timeout_s=30)
    tiger_store.webhook_deliveries.wait_for(status="succeeded", timeout_s=30)
    tiger_store.rollback(mark)
    assert tiger_store.orders.get("order_1")["status"] == "placed"
    assert tiger_store.events.count() == 0


def test_the_customer_may_pay_again_after_going_back(shop, billing, tiger_store):
    session = shop.check_out("order_1", ANN, Cart(price_lamp=1), "golden")
    with tiger_store.savepoint():
        billing.pay(session["id"])
    billing.pay(session["id"])
    assert len(tiger_store.payment_intents) == 1
    assert tiger_store.coupons.get("golden")["times_redeemed"] == 1


def test_a_failed_expectation_says_what_happened_instead(shop, tiger_store):
    shop.check_out("order_1", ANN, Cart(price_vase=1))
    with pytest.raises(AssertionError) as failure:
        tiger_store.assert_changes(created={"orders": 1}, updated={"stock": 1})
    assert "created checkout_sessions: 1, not 0" in str(failure.value)
    assert "updated stock price_vase: available 1 → 0" in str(failure.value)
