"""What happens on the page on which the customer pays."""

from __future__ import annotations

import pytest

from fakes.billing import DECLINED_CARD
from shop.billing import BillingError
from shop.cart import Cart


@pytest.fixture
def session(shop):
    """The page of an order of one lamp."""
    return shop.check_out("order_1", "ann@example.com", Cart(price_lamp=1), coupon="golden")["id"]


def test_a_payment_is_one_commit(session, billing, tiger_store):
    """No process ever sees a session that is complete and has no payment, or no event."""
    commits = tiger_store.watch(timeout_s=5)
    billing.pay(session)
    assert {change.table for change in next(commits).changes} == {
        "checkout_sessions",
        "payment_intents",
        "coupons",
        "events",
        "webhook_deliveries",
    }


def test_a_declined_card_leaves_the_page_open(session, billing, tiger_store):
    mark = tiger_store.mark()
    payment = billing.pay(session, DECLINED_CARD)
    assert payment["status"] == "requires_payment_method"
    tiger_store.assert_changes(since=mark, created={"payment_intents": 1, "events": 1})
    assert tiger_store.events.list(limit=1).data[0]["type"] == "payment_intent.payment_failed"


def test_another_card_may_work(session, billing, tiger_store):
    billing.pay(session, DECLINED_CARD)
    billing.pay(session)
    assert len(tiger_store.payment_intents.find_by_status("succeeded")) == 1
    assert tiger_store.checkout_sessions.get(session)["status"] == "complete"


def test_nobody_pays_twice(session, billing, tiger_store):
    billing.pay(session)
    mark = tiger_store.mark()
    with pytest.raises(BillingError, match="is complete"):
        billing.pay(session)
    tiger_store.assert_changes(since=mark)


def test_a_page_that_was_left_cannot_be_paid_any_more(session, billing):
    billing.expire(session)
    with pytest.raises(BillingError, match="is expired"):
        billing.pay(session)


def test_a_coupon_ends_with_its_last_use(session, billing, tiger_store):
    assert tiger_store.coupons.get("golden")["valid"]
    billing.pay(session)
    assert not tiger_store.coupons.get("golden")["valid"]


def test_what_comes_back_is_refunded_once(session, shop, billing, tiger_store):
    billing.pay(session)
    assert shop.give_back("order_1")["amount"] == 2450
    mark = tiger_store.mark()
    shop.give_back("order_1")
    tiger_store.assert_changes(since=mark)
    assert tiger_store.stock.get("price_lamp")["available"] == 5


def test_what_was_not_paid_is_not_refunded(session, shop):
    with pytest.raises(BillingError, match="order_1 was not paid"):
        shop.give_back("order_1")
