"""Memberships over the years. The history is made once for the module, and forked for each test."""

from __future__ import annotations

import pytest

import tiger
from fakes import FakeBilling, fake
from fakes.billing import DECLINED_CARD
from shop.billing import BillingError
from shop.front import Shop

ANN = "ann@example.com"
MONTHS = 36


@pytest.fixture(scope="module")
def long_ago(tiger_store_module):
    """An account in which Ann has been a member for three years."""
    subscription = Shop(fake(tiger_store_module)).join(ANN)
    for _ in range(MONTHS - 1):
        FakeBilling(tiger_store_module).bill(subscription["id"])
    return tiger_store_module


@pytest.fixture
def tiger_store(long_ago):
    """This module's accounts are forks of that one; `shop` and `billing` use them too."""
    with long_ago.fork() as store:
        yield store


@pytest.fixture
def membership(tiger_store):
    """The id of Ann's subscription."""
    return tiger_store.subscriptions.find_by_customer("cus_ann")[0]["id"]


def test_three_years_cost_what_they_cost(shop):
    assert shop.spent(ANN) == MONTHS * 900


def test_another_month_is_another_invoice(shop, billing, membership, tiger_store):
    invoice = billing.bill(membership)
    assert invoice["id"] == "in_000037"
    assert shop.spent(ANN) == (MONTHS + 1) * 900
    assert len(tiger_store.changes().created["invoices"]) == 1


def test_no_test_sees_the_month_of_another(tiger_store):
    assert tiger_store.invoices.count() == MONTHS


def test_who_leaves_is_not_billed_any_more(billing, membership, tiger_store):
    billing.cancel(membership)
    assert tiger_store.subscriptions.find_active() == []
    with pytest.raises(BillingError, match="is canceled"):
        billing.bill(membership)


def test_a_card_that_fails_once_is_forgiven(billing, membership, tiger_store):
    tiger_store.customers.patch("cus_ann", {"card": DECLINED_CARD})
    assert billing.bill(membership)["amount_paid"] == 0
    assert tiger_store.subscriptions.get(membership)["status"] == "past_due"
    tiger_store.customers.patch("cus_ann", {"card": "4242424242424242"})
    billing.bill(membership)
    assert tiger_store.subscriptions.get(membership)["status"] == "active"


def test_a_card_that_fails_twice_ends_it(shop, billing, membership, tiger_store):
    tiger_store.customers.patch("cus_ann", {"card": DECLINED_CARD})
    for _ in range(2):
        billing.bill(membership)
        delivery = tiger_store.webhook_deliveries.find_by("status", "pending")[0]
        shop.receive(delivery["payload"], delivery["signature"])
        billing.acknowledge(delivery)
    assert tiger_store.subscriptions.get(membership)["status"] == "canceled"


def test_a_history_cannot_change_while_tests_build_on_it(long_ago, tiger_store):
    with pytest.raises(tiger.Sealed):
        long_ago.coupons.delete("summer")
    tiger_store.coupons.delete("summer")
    assert "summer" in long_ago.coupons


def test_a_fork_can_be_forked(tiger_store, membership):
    """Here: two ways to go on from one month, side by side."""
    FakeBilling(tiger_store).bill(membership)
    with tiger_store.fork() as stays, tiger_store.fork() as leaves:
        FakeBilling(stays).bill(membership)
        FakeBilling(leaves).cancel(membership)
        assert stays.invoices.count() == MONTHS + 2
        assert leaves.invoices.count() == MONTHS + 1
        assert stays.subscriptions.get(membership)["status"] == "active"
