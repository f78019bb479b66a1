"""Payments that fail: when they are tried again, and what becomes of the subscription."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe.billing import buyer, events_of
from tests.stripe.subscribing import T0, again, begin, card, invoices, recurring, told

DAY_S = 24 * 3600
RENEWAL = T0 + 28 * DAY_S
FIRST_TRY = RENEWAL + 3600


@pytest.fixture(autouse=True)
def still(account: Any) -> None:
    account.freeze(T0)


@pytest.fixture
def failing(account: Any, monthly: str) -> Any:
    """A subscription whose card is good at first, and declined at its renewal."""
    customer = buyer().id
    made = begin(monthly, customer)
    card(customer, "pm_card_chargeCustomerFail")
    account.advance(FIRST_TRY)
    return again(made)


def tries(account: Any) -> list[int]:
    """Return when payments of invoices failed."""
    return [event["created"] for event in account.events("invoice.payment_failed")]


def test_a_renewal_that_fails_is_tried_again_by_the_table_and_then_it_ends(
    account, failing
) -> None:
    invoice = failing.latest_invoice
    assert (failing.status, invoice.status, invoice.attempt_count) == ("past_due", "open", 1)
    assert invoice.next_payment_attempt == FIRST_TRY + 3 * DAY_S
    account.advance(days=20)
    assert tries(account) == [FIRST_TRY + days * DAY_S for days in (0, 3, 8, 15)]
    over = again(failing)
    assert (over.status, over.ended_at) == ("canceled", FIRST_TRY + 15 * DAY_S)
    assert over.cancellation_details.reason == "payment_failed"
    last = over.latest_invoice
    assert (last.status, last.attempt_count, last.auto_advance) == ("open", 4, False)
    assert last.next_payment_attempt is None
    account.advance(days=60)
    assert len(invoices(failing)) == 2


@pytest.mark.parametrize("then", ["unpaid", "past_due", "canceled"])
def test_the_table_is_the_accounts(account, monthly, then) -> None:
    account.set_dunning(retry_days=[1, 2], then=then)
    account.set_dunning(retry_days=[2], then=then)  # the last one holds
    customer = buyer().id
    made = begin(monthly, customer)
    card(customer, "pm_card_chargeCustomerFail")
    account.advance(FIRST_TRY + 10 * DAY_S)
    assert tries(account) == [FIRST_TRY, FIRST_TRY + 2 * DAY_S]
    assert again(made).status == then


def test_without_a_second_try_it_ends_with_the_first(account, monthly) -> None:
    account.set_dunning(retry_days=[], then="canceled")
    customer = buyer().id
    made = begin(monthly, customer)
    card(customer, "pm_card_chargeCustomerFail")
    account.advance(FIRST_TRY)
    assert again(made).status == "canceled"


@pytest.mark.parametrize(
    "wrong", [{"then": "ended"}, {"retry_days": [0]}, {"retry_days": [1.5]}, {"retry_days": ["3"]}]
)
def test_a_table_that_cannot_be_is_refused(account, wrong) -> None:
    with pytest.raises(ValueError, match="expected"):
        account.set_dunning(**wrong)


def test_an_unpaid_subscription_has_drafts_until_it_is_paid(account, monthly) -> None:
    account.set_dunning(retry_days=[1], then="unpaid")
    customer = buyer().id
    made = begin(monthly, customer)
    card(customer, "pm_card_chargeCustomerFail")
    account.advance(days=70)
    statuses = [one.status for one in invoices(made)]
    assert statuses == ["paid", "open", "draft"]
    assert again(made).status == "unpaid"
    good = card(customer)
    latest = invoices(made)[-1]
    stripe.Invoice.finalize_invoice(latest.id)
    stripe.Invoice.pay(latest.id, payment_method=good)
    assert again(made).status == "active"


def test_a_card_that_is_updated_on_the_way_pays_at_the_next_try(account, failing) -> None:
    card(failing.customer)
    account.advance(days=2)
    assert again(failing).status == "past_due"  # it waits for its time
    account.advance(days=1)
    now = again(failing)
    assert (now.status, now.latest_invoice.status) == ("active", "paid")
    assert (now.latest_invoice.attempt_count, tries(account)) == (2, [FIRST_TRY])
    before = [before for what, before in told(account) if what == "updated"]
    assert before[-2:] == [{"status": "active"}, {"status": "past_due"}]


def test_a_try_by_hand_counts_only_if_it_is_the_first(account, failing) -> None:
    id = failing.latest_invoice.id
    account.advance(days=1)
    with pytest.raises(stripe.CardError):
        stripe.Invoice.pay(id)
    same = stripe.Invoice.retrieve(id)
    assert (same.attempt_count, same.next_payment_attempt) == (1, FIRST_TRY + 3 * DAY_S)
    account.advance(days=2)
    assert stripe.Invoice.retrieve(id).attempt_count == 2
    good = stripe.PaymentMethod.attach("pm_card_visa", customer=failing.customer)
    paid = stripe.Invoice.pay(id, payment_method=good.id)
    assert (paid.status, paid.attempt_count) == ("paid", 2)
    assert again(failing).status == "active"
    account.advance(days=20)
    assert len(tries(account)) == 3


def test_a_try_by_hand_of_a_draft_is_the_first(account, monthly) -> None:
    customer = buyer().id
    made = begin(monthly, customer)
    card(customer, "pm_card_chargeCustomerFail")
    account.advance(RENEWAL)
    with pytest.raises(stripe.CardError):
        stripe.Invoice.pay(invoices(made)[-1].id)
    now = again(made)
    assert (now.status, now.latest_invoice.attempt_count) == ("past_due", 1)
    assert now.latest_invoice.next_payment_attempt == RENEWAL + 3 * DAY_S


def test_a_renewal_that_has_to_be_authenticated_waits_for_its_buyer(account, monthly) -> None:
    customer = buyer().id
    made = begin(monthly, customer)
    card(customer, "pm_card_authenticationRequired")
    account.advance(FIRST_TRY)
    now = again(made)
    assert now.status == "past_due"
    types = events_of(account, "invoice.payment_failed", "invoice.payment_action_required")
    assert types == ["invoice.payment_failed", "invoice.payment_action_required"]
    (payment,) = stripe.InvoicePayment.list(invoice=now.latest_invoice.id).data
    intent = stripe.PaymentIntent.retrieve(payment.payment.payment_intent)
    assert intent.last_payment_error.code == "authentication_required"
    method = intent.last_payment_error.payment_method.id
    confirmed = stripe.PaymentIntent.confirm(intent.id, payment_method=method)
    assert confirmed.status == "requires_action"
    account.authenticate(intent.id)
    assert again(made).status == "active"
    assert again(made).latest_invoice.status == "paid"


def test_a_subscription_without_a_method_is_past_due(account, monthly) -> None:
    customer = buyer().id
    made = begin(monthly, customer)
    method = stripe.Customer.retrieve(customer).invoice_settings.default_payment_method
    stripe.PaymentMethod.detach(method)
    account.advance(FIRST_TRY)
    assert again(made).status == "past_due"
    card(customer)
    account.advance(days=3)
    assert again(made).status == "active"


@pytest.mark.parametrize("how", ["void_invoice", "mark_uncollectible"])
def test_an_invoice_that_is_given_up_lets_its_subscription_go_on(account, failing, how) -> None:
    getattr(stripe.Invoice, how)(failing.latest_invoice.id)
    assert again(failing).status == "active"
    account.advance(days=20)
    assert len(tries(account)) == 1


def test_the_last_try_of_an_older_invoice_ends_it_too(account) -> None:
    customer = buyer().id
    made = begin(recurring("week", 700), customer)
    card(customer, "pm_card_chargeCustomerFail")
    account.advance(days=30)
    over = again(made)
    assert (over.status, over.ended_at) == ("canceled", T0 + 7 * DAY_S + 3600 + 15 * DAY_S)
    assert len(invoices(made)) == 4


def test_an_invoice_of_none_is_tried_again_too(account) -> None:
    customer = buyer("pm_card_chargeCustomerFail").id
    stripe.InvoiceItem.create(customer=customer, amount=900, currency="usd")
    made = stripe.Invoice.create(
        customer=customer, auto_advance=True, pending_invoice_items_behavior="include"
    )
    account.advance(days=20)
    last = stripe.Invoice.retrieve(made.id)
    assert (last.status, last.attempt_count, last.next_payment_attempt) == ("open", 4, None)
