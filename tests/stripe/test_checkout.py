"""Checkout sessions: made in three modes, changed, and over."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
import stripe

from tests.stripe.refusals import refused
from tests.stripe.shop import HERE, Session, paid
from tigerstripe.work import clock
from tigerstripe.work.scope import Scope

# --- The three modes ---


def test_a_payment(price) -> None:
    session = paid(price)
    assert session.id.startswith("cs_test_a1")
    assert len(session.id) == 66
    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert (session.amount_subtotal, session.amount_total, session.currency) == (3000, 3000, "usd")
    assert session.expires_at == session.created + 86400
    assert (session.payment_intent, session.customer_creation) == (None, "if_required")
    assert (session.payment_method_collection, session.discounts) == ("if_required", [])
    assert session.invoice_creation.enabled is False
    assert session.success_url.endswith("{CHECKOUT_SESSION_ID}")
    assert session.url.startswith(f"https://checkout.stripe.com/c/pay/{session.id}#")
    assert "line_items" not in session


def test_a_subscription(monthly) -> None:
    session = Session.create(
        mode="subscription", line_items=[{"price": monthly, "quantity": 1}], **HERE
    )
    assert (session.payment_method_collection, session.customer_creation) == ("always", "always")
    assert (session.amount_total, session.subscription, session.invoice_creation) == (
        1000,
        None,
        None,
    )


def test_a_trial_costs_nothing_yet(price, monthly) -> None:
    items = [{"price": monthly, "quantity": 1}, {"price": price, "quantity": 1}]
    session = Session.create(
        mode="subscription", line_items=items, subscription_data={"trial_period_days": 7}, **HERE
    )
    assert session.amount_total == 1500


def test_a_setup(account) -> None:
    session = Session.create(mode="setup", currency="usd", **HERE)
    assert session.id.startswith("cs_test_c1")
    assert (session.amount_total, session.total_details, session.discounts) == (None, None, None)
    assert session.payment_status == "no_payment_required"
    assert session.saved_payment_method_options is None
    assert Session.list_line_items(session.id).data == []
    assert refused(Session.create, mode="setup", **HERE).param == "currency"
    assert Session.create(mode="setup", payment_method_types=["card"], **HERE).currency is None


# --- Who buys ---


def test_what_is_known_of_the_buyer(price) -> None:
    assert paid(price).customer_details is None
    by_email = paid(price, customer_email="a@shop.test", customer_creation="always")
    assert by_email.customer_details.email == by_email.customer_email == "a@shop.test"
    assert by_email.customer_creation == "always"
    customer = stripe.Customer.create(email="b@shop.test", name="B")
    session = paid(price, customer=customer.id)
    assert (session.customer, session.customer_creation) == (customer.id, None)
    assert session.customer_details.email == "b@shop.test"
    assert session.customer_details.name is None
    assert paid(price, customer=stripe.Customer.create().id).customer_details is None
    found = Session.list(customer=customer.id)
    assert [s.id for s in found.data] == [session.id]
    assert [s.id for s in Session.list(customer_details={"email": "a@shop.test"}).data] == [
        by_email.id
    ]
    assert refused(Session.list, customer="cus_x").param == "customer"
    assert Session.list(payment_intent="pi_x").data == []


# --- Changes and the end ---


def test_an_update_changes_metadata_items_and_shipping(price) -> None:
    session = paid(price, metadata={"a": "1"}, expand=["line_items"])
    (item,) = session.line_items.data
    updated = Session.modify(
        session.id,
        metadata={"b": "2"},
        line_items=[{"id": item.id, "quantity": 5}, {"price": price, "quantity": 1}],
    )
    assert (updated.metadata.to_dict(), updated.amount_total) == ({"a": "1", "b": "2"}, 9000)
    shown = Session.list_line_items(session.id).data
    assert [(i.id == item.id, i.quantity) for i in shown] == [(True, 5), (False, 1)]
    error = refused(Session.modify, session.id, line_items=[{"id": "li_x", "quantity": 1}])
    assert error.param == "line_items[0][id]"


def test_an_update_is_held_to_the_mode(monthly) -> None:
    setup = Session.create(mode="setup", currency="usd", **HERE)
    items = [{"price": monthly, "quantity": 1}]
    assert "`setup` mode" in str(refused(Session.modify, setup.id, line_items=items))
    subscription = Session.create(mode="subscription", line_items=items, **HERE)
    error = refused(Session.modify, subscription.id, payment_intent_data={"description": "x"})
    assert error.param == "payment_intent_data"


def test_a_session_expires_when_it_is_told_to(account, price) -> None:
    session = paid(price, after_expiration={"recovery": {"enabled": True}})
    expired = Session.expire(session.id)
    assert (expired.status, expired.url, expired.payment_status) == ("expired", None, "unpaid")
    assert expired.after_expiration.recovery.url
    (event,) = account.events("checkout.*")
    assert event["type"] == "checkout.session.expired"
    assert event["data"]["object"]["id"] == session.id
    assert event["request"]["id"]
    error = refused(Session.expire, session.id)
    assert "This Checkout Session has a status of `expired`." in str(error)
    assert [s.id for s in Session.list(status="expired").data] == [session.id]
    assert Session.list(status="open").data == []
    assert Session.modify(session.id, metadata={"a": "1"}).metadata.a == "1"
    items = [{"price": price, "quantity": 1}]
    assert "can be updated" in str(refused(Session.modify, session.id, line_items=items))


def test_a_session_expires_when_the_test_says_so(account, price) -> None:
    session = paid(price)
    account.expire_checkout(session)
    assert Session.retrieve(session.id).status == "expired"
    (event,) = account.events("checkout.session.expired")
    assert event["request"]["id"] is None
    for which in (session.id, "cs_test_x"):
        with pytest.raises(ValueError, match="is not an open checkout session"):
            account.expire_checkout(which)


def test_a_time_is_seconds(account) -> None:
    for move in (account.freeze, account.advance):
        with pytest.raises(TypeError, match="expected seconds since 1970"):
            move(datetime(2026, 1, 1, tzinfo=timezone.utc))
    assert account.freeze(1_800_000_000.5) == account.advance(1_800_000_000) == 1_800_000_000


def test_an_update_after_the_time_does_not_take_the_event_away(account, price) -> None:
    account.freeze(1_800_000_000)
    session = paid(price)
    clock.move(Scope(account.store), session.expires_at)
    assert Session.modify(session.id, metadata={"a": "1"}).status == "expired"
    account.advance(seconds=1)
    (event,) = account.events("checkout.*")
    assert event["data"]["object"]["metadata"] == {"a": "1"}


def test_a_connected_account_s_sessions_expire_with_the_platform_s_clock(account) -> None:
    account.freeze()
    inside = {"stripe_account": stripe.Account.create(type="standard").id}
    made = stripe.Price.create(
        currency="usd", unit_amount=900, product_data={"name": "A"}, **inside
    )  # fmt: skip
    session = paid(made.id, **inside)
    assert Session.list_line_items(session.id, **inside).data[0].amount_total == 1800
    assert refused(Session.retrieve, session.id).http_status == 404
    account.advance(days=1)
    assert Session.retrieve(session.id, **inside).status == "expired"
    (event,) = stripe.Event.list(type="checkout.session.expired", **inside).data
    assert (event.account, event.data.object.id) == (inside["stripe_account"], session.id)


def test_a_discount_stays_though_its_coupon_is_deleted(account, price) -> None:
    coupon = stripe.Coupon.create(percent_off=50)
    session = paid(price, discounts=[{"coupon": coupon.id}], expand=["line_items"])
    stripe.Coupon.delete(coupon.id)
    items = [{"id": session.line_items.data[0].id, "quantity": 1}]
    assert Session.modify(session.id, line_items=items).amount_total == 750


def test_sessions_expire_with_time_in_their_order(account, price) -> None:
    account.freeze(1_800_000_000)
    late = paid(price).id
    soon = paid(price, expires_at=account.now + 3600).id
    account.advance(minutes=59)
    assert Session.retrieve(soon).status == "open"
    clock.move(Scope(account.store), 1_800_003_600)  # as real time would: nothing is told yet
    assert Session.retrieve(soon).status == "expired"
    assert [s.id for s in Session.list(status="open").data] == [late]
    assert "status of `expired`" in str(refused(Session.expire, soon))
    account.advance(days=2)
    told = [(e["data"]["object"]["id"], e["created"]) for e in account.events("checkout.*")]
    assert told == [(soon, 1_800_003_600), (late, 1_800_086_400)]
    assert account.events("checkout.*")[0]["request"] == {"id": None, "idempotency_key": None}
    assert {s.status for s in Session.list().data} == {"expired"}
    account.advance(days=2)
    assert len(account.events("checkout.*")) == 2
