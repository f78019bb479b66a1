"""A history made once for the module, and forked for each test."""

from __future__ import annotations

import pytest
import stripe

from shop import worker


@pytest.fixture(scope="module")
def long_ago(tiger_stripe_module):
    """An account in which fifty customers were welcomed."""
    for number in range(50):
        stripe.Customer.create(email=f"{number}@example.com")
    worker.welcome()
    return tiger_stripe_module


@pytest.fixture
def today(long_ago):
    """This test's own fork of it."""
    with long_ago.fork() as account, account.installed():
        yield account


def test_nobody_is_welcomed_twice(today):
    assert worker.welcome() == 0


def test_a_new_customer_is(today):
    stripe.Customer.create(email="late@example.com")
    assert worker.welcome() == 1
    (told,) = today.events("customer.updated")[-1:]
    assert told["data"]["previous_attributes"] == {"metadata": {"is_welcomed": None}}


def test_a_history_cannot_change_while_tests_build_on_it(long_ago, today):
    with long_ago.installed(), pytest.raises(stripe.APIError, match="sealed"):
        stripe.Coupon.delete("summer")
    stripe.Coupon.delete("summer")
    assert "summer" in long_ago.store.coupons


def test_a_fork_can_be_forked(today):
    """Two continuations of the history, side by side."""
    now = today.freeze()
    with today.fork() as soon, today.fork() as late:
        assert soon.advance(days=1) == now + 86400
        assert late.advance(days=400) == now + 400 * 86400
