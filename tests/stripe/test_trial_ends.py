"""A trial that a request ends, where nothing is there to pay with."""

from __future__ import annotations

import pytest
import stripe

from tests.stripe.billing import buyer


@pytest.mark.parametrize(
    ("behavior", "status", "event"),
    [
        ("pause", "paused", "customer.subscription.paused"),
        ("cancel", "canceled", "customer.subscription.deleted"),
    ],
)
def test_it_ends_as_it_says(account, monthly, behavior, status, event) -> None:
    account.freeze(1_800_000_000)
    subscription = stripe.Subscription.create(
        customer=buyer(None).id,
        items=[{"price": monthly}],
        trial_period_days=7,
        trial_settings={"end_behavior": {"missing_payment_method": behavior}},
    )
    now = stripe.Subscription.modify(subscription.id, trial_end="now")
    assert (now.status, now.trial_end) == (status, account.now)
    assert len(account.events(event)) == 1
    account.advance(days=10)
    assert stripe.Subscription.retrieve(subscription.id).status == status


def test_else_it_is_refused_with_nothing_done(account, monthly) -> None:
    subscription = stripe.Subscription.create(
        customer=buyer(None).id, items=[{"price": monthly}], trial_period_days=7
    )
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        stripe.Subscription.modify(subscription.id, trial_end="now")
    assert stripe.Subscription.retrieve(subscription.id).status == "trialing"


def test_the_end_of_a_short_trial_is_told_once_it_has_begun(account, monthly) -> None:
    account.freeze(1_800_000_000)
    stripe.Subscription.create(customer=buyer().id, items=[{"price": monthly}], trial_period_days=1)
    account.advance(hours=1)
    told = [(e["type"], e["created"]) for e in account.events("customer.subscription.*")]
    assert told == [
        ("customer.subscription.created", 1_800_000_000),
        ("customer.subscription.trial_will_end", 1_800_000_000),
    ]
