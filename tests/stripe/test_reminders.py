"""What is told of beforehand: a subscription's next invoice, and the due date of one."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe.billing import buyer

DAY_S = 24 * 3600
START = 1_900_000_000


@pytest.fixture
def told(account) -> Any:
    """Returns when events of a type were told, in days since the start."""
    account.freeze(START)
    return lambda name: [(one["created"] - START) / DAY_S for one in account.events(name)]


def subscribed(price: str, **more: Any) -> Any:
    return stripe.Subscription.create(customer=buyer().id, items=[{"price": price}], **more)


def test_by_itself_nothing_is_told(account, told, monthly) -> None:
    subscribed(monthly)
    account.advance(days=70)
    assert told("invoice.upcoming") == []


def test_the_next_invoice_is_told_of(account, told, monthly) -> None:
    account.set_reminders(upcoming=7)
    subscription = subscribed(monthly)
    seen = stripe.Invoice.create_preview(subscription=subscription.id)
    account.advance(days=70)
    first, second = told("invoice.upcoming")
    assert (first, second - first) == (24, 30)  # of periods of 31 and of 30 days
    event = account.events("invoice.upcoming")[0]["data"]["object"]
    assert "id" not in event
    assert (event["amount_due"], event["period_end"]) == (seen.amount_due, seen.period_end)
    assert len(stripe.Invoice.list().data) == 3


def test_not_of_what_ends_nor_of_a_short_period(account, told, monthly) -> None:
    account.set_reminders(upcoming=7)
    subscribed(monthly, cancel_at_period_end=True)
    daily = stripe.Price.create(
        currency="usd",
        unit_amount=100,
        product_data={"name": "Daily"},
        recurring={"interval": "day", "interval_count": 5},
    )
    subscribed(daily.id)
    account.advance(days=40)
    assert told("invoice.upcoming") == []


def test_a_trial_is_told_of_as_before(account, told, monthly) -> None:
    account.set_reminders(upcoming=3)
    subscribed(monthly, trial_period_days=10)
    account.advance(days=12)
    assert told("customer.subscription.trial_will_end") == told("invoice.upcoming") == [7]
    assert [one.amount_paid for one in stripe.Invoice.list()] == [1000, 0]


def test_a_due_date_is_told_of(account, told) -> None:
    account.set_reminders(due=2)
    customer = stripe.Customer.create(email="jane@example.com").id
    stripe.InvoiceItem.create(customer=customer, amount=900, currency="usd")
    sent = stripe.Invoice.create(
        customer=customer,
        collection_method="send_invoice",
        days_until_due=7,
        auto_advance=True,
        pending_invoice_items_behavior="include",
    )
    account.advance(days=10)
    assert told("invoice.will_be_due") == [5]
    assert told("invoice.overdue") == [7]
    assert stripe.Invoice.retrieve(sent.id).status == "open"
    account.set_reminders()
    assert account.advance(days=1)


@pytest.mark.parametrize("wrong", [{"upcoming": 0}, {"due": -1}, {"due": 1.5}, {"upcoming": True}])
def test_days_that_are_none_are_refused(account, wrong) -> None:
    with pytest.raises(ValueError, match="use 1 or more"):
        account.set_reminders(**wrong)
