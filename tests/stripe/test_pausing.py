"""Subscriptions that are paused and resumed, and those that began before they were made."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe.subscribing import unpaid_change

DAY_S = 24 * 3600


@pytest.fixture(autouse=True)
def march(account) -> None:
    """Begin on the first of March 2030, a month of 31 days."""
    account.freeze(1_898_553_600)


@pytest.fixture
def customer(client, march) -> str:
    return stripe.Customer.create(
        payment_method="pm_card_visa", invoice_settings={"default_payment_method": "pm_card_visa"}
    ).id


@pytest.fixture
def monthly(client) -> str:
    return stripe.Price.create(
        product_data={"name": "Club"},
        unit_amount=3100,
        currency="usd",
        recurring={"interval": "month"},
    ).id


@pytest.fixture
def begun(customer, monthly):
    """A subscription that began with the month."""
    return stripe.Subscription.create(customer=customer, items=[{"price": monthly}])


def lines(invoice: Any) -> list[int]:
    return [line.amount for line in invoice.lines.data]


def test_nothing_is_billed_while_it_is_paused_and_a_new_period_begins_with_its_end(
    account, begun
) -> None:
    account.advance(days=10)
    paused = stripe.Subscription.pause(begun.id, type="subscription")
    assert paused.status == "paused"
    assert paused.status_details.paused.subscription.type == "pause_requested"
    account.advance(days=60)
    assert len(stripe.Invoice.list(subscription=begun.id).data) == 1
    resumed = stripe.Subscription.resume(begun.id, expand=["latest_invoice"])
    assert (resumed.status, "status_details" in resumed) == ("active", False)
    assert resumed.billing_cycle_anchor == account.now
    assert lines(resumed.latest_invoice) == [-2100, 3100]  # 21 of 31 days were not used
    told = [event["type"] for event in account.events("customer.subscription.*")]
    assert told[-1] == "customer.subscription.resumed"
    assert "customer.subscription.paused" in told


def test_in_its_old_period_only_the_rest_of_it_is_paid(account, begun) -> None:
    stripe.Subscription.pause(begun.id, bill_for={"unused_time_from": {"type": "none"}})
    account.advance(days=10)
    resumed = stripe.Subscription.resume(
        begun.id, billing_cycle_anchor={"type": "unchanged"}, proration_behavior="none"
    )
    assert resumed["items"].data[0].current_period_end == begun["items"].data[0].current_period_end
    assert len(stripe.Invoice.list(subscription=begun.id).data) == 1


@pytest.mark.parametrize("method", ["pm_card_visa", "pm_card_chargeCustomerFail"])
def test_it_goes_on_once_its_invoice_is_paid(account, begun, customer, method) -> None:
    account.advance(days=10)
    stripe.Subscription.pause(begun.id)
    attached = stripe.PaymentMethod.attach(method, customer=customer).id
    stripe.Subscription.modify(begun.id, default_payment_method=attached)
    resumed = stripe.Subscription.resume(begun.id, payment_behavior="resume_on_payment_success")
    if method == "pm_card_chargeCustomerFail":
        assert resumed.status == "paused"
        good = stripe.PaymentMethod.attach("pm_card_visa", customer=customer).id
        stripe.Invoice.pay(resumed.latest_invoice, payment_method=good)
    assert stripe.Subscription.retrieve(begun.id).status == "active"


def test_a_change_that_waits_for_its_payment_is_given_up_with_the_pause(
    account, begun, customer
) -> None:
    """Paid for after the resumption, it brought back the periods before that."""
    account.advance(days=10)
    waiting = unpaid_change(begun)
    paused = stripe.Subscription.pause(begun.id)
    assert (paused.status, paused.pending_update) == ("paused", None)
    assert stripe.Invoice.retrieve(waiting.latest_invoice.id).status == "void"


def test_only_an_active_flexible_subscription_without_a_schedule_can_be_paused(
    account, begun, customer, monthly
) -> None:
    classic = stripe.Subscription.create(
        customer=customer, items=[{"price": monthly}], billing_mode={"type": "classic"}
    )
    with pytest.raises(stripe.InvalidRequestError, match="has to be flexible"):
        stripe.Subscription.pause(classic.id)
    migrated = stripe.Subscription.migrate(classic.id, billing_mode={"type": "flexible"})
    assert migrated.billing_mode.type == "flexible"
    stripe.SubscriptionSchedule.create(from_subscription=classic.id)
    with pytest.raises(stripe.InvalidRequestError, match="Release the schedule"):
        stripe.Subscription.pause(classic.id)
    with pytest.raises(stripe.InvalidRequestError, match="only a paused one"):
        stripe.Subscription.resume(begun.id)
    stripe.Subscription.cancel(begun.id)
    with pytest.raises(stripe.InvalidRequestError, match="is canceled"):
        stripe.Subscription.pause(begun.id)


@pytest.mark.parametrize(
    ("mode", "amounts"), [("flexible", [3100, 3100, 3100]), ("classic", [9300])]
)
def test_earlier_periods_are_paid_one_by_one(
    account, begun, customer, monthly, mode, amounts
) -> None:
    start = account.now - 60 * DAY_S
    made = stripe.Subscription.create(
        customer=customer,
        items=[{"price": monthly}],
        backdate_start_date=start,
        billing_mode={"type": mode},
        expand=["latest_invoice"],
    )
    assert lines(made.latest_invoice) == amounts
    assert (made.start_date, made.billing_cycle_anchor) == (start, start)
    assert made.latest_invoice.lines.data[0].period.start == start


def test_a_start_in_the_future_is_refused(account, begun, customer, monthly) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="expected a time until now"):
        stripe.Subscription.create(
            customer=customer, items=[{"price": monthly}], backdate_start_date=account.now + DAY_S
        )


def test_a_discount_is_taken_away(account, begun, customer, monthly) -> None:
    coupon = stripe.Coupon.create(percent_off=10, duration="forever").id
    made = stripe.Subscription.create(
        customer=customer, items=[{"price": monthly}], discounts=[{"coupon": coupon}]
    )
    stripe.Subscription.delete_discount(made.id)
    assert stripe.Subscription.retrieve(made.id).discounts == []
    account.advance(days=32)
    totals = [one.total for one in stripe.Invoice.list(subscription=made.id).data]
    assert totals == [3100, 2790]
