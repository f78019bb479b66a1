"""Metered items whose price changes, or that go, in the middle of a period: Stripe's example."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe.billing import amounts, buyer
from tests.stripe.subscribing import T0, begin, invoices, recurring

MODES = pytest.mark.parametrize("mode", ["classic", "flexible"])


@pytest.fixture(autouse=True)
def still(account: Any) -> None:
    account.freeze(T0)


@pytest.fixture
def calls(account: Any) -> tuple[str, str]:
    """Two prices of a meter: 10 and 15 cents a call."""
    meter = stripe.billing.Meter.create(
        display_name="Calls", event_name="calls", default_aggregation={"formula": "sum"}
    )
    how = {"interval": "month", "usage_type": "metered", "meter": meter.id}
    return recurring("month", 10, recurring=how), recurring("month", 15, recurring=how)


def use(customer: str, value: int) -> None:
    payload = {"stripe_customer_id": customer, "value": str(value)}
    stripe.billing.MeterEvent.create(event_name="calls", payload=payload)


def change(subscription: Any, **item: Any) -> Any:
    (old,) = subscription["items"].data
    return stripe.Subscription.modify(subscription.id, items=[{"id": old.id, **item}])


def waiting() -> list[int]:
    return [one.amount for one in stripe.InvoiceItem.list(pending=True).data]


@pytest.mark.parametrize(("mode", "lines"), [("classic", [75]), ("flexible", [100, 75])])
def test_usage_is_billed_by_the_price_of_its_time_or_not_at_all(
    account, calls, mode, lines
) -> None:
    customer = buyer().id
    made = begin(calls[0], customer, billing_mode={"type": mode})
    account.advance(days=4)
    use(customer, 10)
    account.advance(days=10)
    change(made, price=calls[1])
    account.advance(days=5)
    use(customer, 5)
    account.advance(days=9)
    assert amounts(invoices(made)[-1]) == lines
    use(customer, 2)
    account.advance(days=31)
    assert amounts(invoices(made)[-1]) == [30]  # of the next period by one price


@pytest.mark.parametrize(("mode", "left"), [("classic", []), ("flexible", [100])])
@pytest.mark.parametrize("way", ["deleted", "price"])
def test_usage_of_a_removed_item_is_billed_in_flexible_mode(
    account, calls, monthly, mode, left, way
) -> None:
    customer = buyer().id
    made = begin("", customer, items=[{"price": calls[0]}], billing_mode={"type": mode})
    account.advance(days=4)
    use(customer, 10)
    account.advance(days=10)
    if way == "price":
        change(made, price=monthly)
        assert waiting() == [500, *left]
    else:
        stripe.SubscriptionItem.create(subscription=made.id, price=monthly)
        stripe.SubscriptionItem.delete(made["items"].data[0].id)
        assert waiting() == [*left, 500]
    account.advance(days=14)
    assert sorted(amounts(invoices(made)[-1])) == sorted([*left, 500, 1000])


@MODES
def test_without_prorations_nothing_of_it_is_billed(account, calls, monthly, mode) -> None:
    customer = buyer().id
    made = begin(calls[0], customer, billing_mode={"type": mode})
    use(customer, 10)
    account.advance(days=1)
    (old,) = made["items"].data
    items = [{"id": old.id, "price": monthly}]
    stripe.Subscription.modify(made.id, items=items, proration_behavior="none")
    assert waiting() == []


@MODES
def test_usage_before_an_item_was_added_is_not_billed_to_it(account, calls, monthly, mode) -> None:
    customer = buyer().id
    made = begin(monthly, customer, billing_mode={"type": mode})
    use(customer, 10)
    account.advance(days=14)
    stripe.SubscriptionItem.create(subscription=made.id, price=calls[0])
    account.advance(seconds=1)
    use(customer, 3)
    account.advance(days=14)
    assert sorted(amounts(invoices(made)[-1])) == [30, 1000]


@MODES
def test_an_item_that_becomes_metered_as_its_period_ends_has_no_usage_in_that_period(
    account, calls, monthly, mode
) -> None:
    """The period that came was billed twice: at its start, for no time at all, and at its end."""
    phases = [{"items": [{"price": price}], "iterations": 1} for price in (monthly, calls[0])]
    customer = buyer().id
    made = stripe.SubscriptionSchedule.create(
        customer=customer, start_date="now", phases=phases, billing_mode={"type": mode}
    )
    account.advance(days=28)
    use(customer, 10)
    account.advance(days=31)
    subscription = stripe.Subscription.retrieve(made.subscription)
    assert [amounts(one) for one in invoices(subscription)] == [[1000], [], [100]]
