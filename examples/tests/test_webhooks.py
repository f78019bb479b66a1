"""Webhooks go to the shop's workers: child processes, that share the test's account."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter

import pytest

import tiger.aio
from fakes.billing import sign
from shop.billing import BillingError
from shop.cart import Cart

ANN = "ann@example.com"


def test_a_worker_marks_an_order_paid(shop, billing, tiger_store, start_worker):
    """`wait_for` returns as soon as the worker has written; there is nothing to sleep for."""
    start_worker()
    session = shop.check_out("order_1", ANN, Cart(price_lamp=1))
    billing.pay(session["id"])
    order = tiger_store.orders.wait_for(status="paid", timeout_s=30)
    assert order["id"] == "order_1"


def test_a_worker_puts_back_what_was_not_paid(shop, billing, tiger_store, start_worker):
    start_worker()
    session = shop.check_out("order_1", ANN, Cart(price_lamp=2, price_vase=1))
    billing.expire(session["id"])
    tiger_store.stock.wait_for(lambda stock: stock["available"] == 5, id="price_lamp", timeout_s=30)
    assert tiger_store.stock.get("price_vase")["available"] == 1


def test_what_was_sent_while_no_worker_ran_comes_later(shop, billing, tiger_store, start_worker):
    for number in range(3):
        session = shop.check_out(f"order_{number}", ANN, Cart(price_lamp=1))
        billing.pay(session["id"])
    assert len(tiger_store.webhook_deliveries.find_by("status", "pending")) == 3
    start_worker()
    for number in range(3):
        tiger_store.orders.wait_for(id=f"order_{number}", status="paid", timeout_s=30)


def test_two_workers_share_the_deliveries(shop, billing, tiger_store, start_worker):
    """Each is made once: one worker takes it with `modify`, and the other one sees that."""
    for number in range(5):
        session = shop.check_out(f"order_{number}", ANN, Cart(price_lamp=1))
        billing.pay(session["id"])
    commits = tiger_store.watch(timeout_s=0)
    start_worker()
    start_worker()
    deliveries = tiger_store.webhook_deliveries
    deliveries.wait_for(lambda _: len(deliveries.find_by("status", "succeeded")) == 5, timeout_s=30)
    changes = itertools.chain(*(commit.changes for commit in commits))
    writes = Counter(change.id for change in changes if change.table == "webhook_deliveries")
    assert sorted(writes.values()) == [2] * 5  # taken, acknowledged


def test_a_webhook_that_cannot_be_dealt_with_is_given_up(shop, billing, tiger_store, start_worker):
    """And it does not hold up the next one."""
    lost = billing.open_session("cus_ann", {"price_lamp": 1}, reference="order_lost")
    billing.pay(lost["id"])
    session = shop.check_out("order_1", ANN, Cart(price_lamp=1))
    billing.pay(session["id"])
    start_worker()
    tiger_store.orders.wait_for(id="order_1", status="paid", timeout_s=30)
    failed = tiger_store.webhook_deliveries.wait_for(status="failed", timeout_s=30)
    assert failed["attempts"] == 3
    assert "no orders 'order_lost'" in failed["error"]


def test_a_forged_webhook_is_refused(shop, tiger_store):
    payload = json.dumps({"type": "checkout.session.completed", "data": {"object": {}}})
    with pytest.raises(BillingError, match="wrong signature"):
        shop.receive(payload, "0" * 64)
    tiger_store.assert_changes()


def test_a_webhook_of_no_interest_changes_nothing(shop, tiger_store):
    payload = json.dumps({"type": "coupon.created", "data": {"object": {}}})
    shop.receive(payload, sign(payload))
    tiger_store.assert_changes()


def test_an_endpoint_gets_what_it_asked_for(shop, billing, tiger_store):
    """Deliveries have a finder that takes a pattern, and gives the oldest first."""
    session = shop.check_out("order_1", ANN, Cart(price_lamp=1))
    billing.pay(session["id"])
    shop.join(ANN)
    types = [event["type"] for event in tiger_store.events]
    assert types == ["invoice.paid", "customer.subscription.created", "checkout.session.completed"]
    (delivery,) = tiger_store.webhook_deliveries.get_all()
    assert tiger_store.webhook_deliveries.get_by_type("checkout.*") == [delivery]


def test_a_disabled_endpoint_gets_nothing(shop, billing, tiger_store):
    tiger_store.webhooks.patch("we_shop", {"status": "disabled"})
    session = shop.check_out("order_1", ANN, Cart(price_lamp=1))
    billing.pay(session["id"])
    assert tiger_store.events.count() == 1
    assert tiger_store.webhook_deliveries.count() == 0


def test_a_page_can_wait_for_the_payment_in_asyncio(shop, billing, start_worker):
    """The asyncio store waits without holding up the loop, in which the customer pays."""

    async def wait_and_pay() -> list[object]:
        async with tiger.aio.connect() as store:
            return await asyncio.gather(
                store.orders.wait_for(id="order_1", status="paid", timeout_s=30),
                asyncio.to_thread(billing.pay, session["id"]),
            )

    session = shop.check_out("order_1", ANN, Cart(price_lamp=1))
    start_worker()
    order, payment = asyncio.run(wait_and_pay())
    assert (order["status"], payment["status"]) == ("paid", "succeeded")
