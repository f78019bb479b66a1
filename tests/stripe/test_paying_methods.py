"""What pays a subscription, and what is left of one when its customer goes."""

from __future__ import annotations

from typing import Any

import pytest
import stripe


def customer(**params: Any) -> str:
    return stripe.Customer.create(email="jane@example.com", **params).id


def begun(price: str, of: str, **params: Any) -> Any:
    return stripe.Subscription.create(customer=of, items=[{"price": price}], **params)


@pytest.mark.parametrize("save", ["off", "on_subscription"])
def test_the_paying_method_becomes_the_default_on_request(monthly, save) -> None:
    jane = customer()
    made = begun(
        monthly,
        jane,
        payment_behavior="default_incomplete",
        payment_settings={"save_default_payment_method": save},
    )
    method = stripe.PaymentMethod.attach("pm_card_visa", customer=jane).id
    stripe.Invoice.pay(made.latest_invoice, payment_method=method)
    there = stripe.Subscription.retrieve(made.id)
    assert there.status == "active"
    assert there.default_payment_method == (method if save == "on_subscription" else None)


def test_a_deleted_customer_s_subscriptions_are_over(account, monthly) -> None:
    account.freeze()
    jane = customer(
        payment_method="pm_card_visa", invoice_settings={"default_payment_method": "pm_card_visa"}
    )
    made = begun(monthly, jane)
    tried = begun(monthly, jane, trial_period_days=3)
    listed = stripe.Customer.retrieve(jane, expand=["subscriptions"]).subscriptions
    assert {one.id for one in listed.data} == {made.id, tried.id}
    account.advance(days=31)
    drafts = stripe.Invoice.list(customer=jane, status="draft").data
    stripe.Customer.delete(jane)
    for id in (made.id, tried.id):
        assert stripe.Subscription.retrieve(id).status == "canceled"
    account.advance(days=90)
    assert [stripe.Invoice.retrieve(one.id).status for one in drafts] == ["draft"] * len(drafts)


def test_an_intent_that_is_there_pays_an_invoice(client) -> None:
    jane = customer()
    stripe.InvoiceItem.create(customer=jane, amount=1500, currency="usd")
    draft = stripe.Invoice.create(customer=jane, pending_invoice_items_behavior="include")
    opened = stripe.Invoice.finalize_invoice(draft.id)
    intent = stripe.PaymentIntent.create(
        amount=1500,
        currency="usd",
        customer=jane,
        payment_method="pm_card_visa",
        allowed_payment_method_types=["card"],
    )
    assert stripe.Invoice.attach_payment(opened.id, payment_intent=intent.id).status == "open"
    stripe.PaymentIntent.confirm(intent.id)
    paid = stripe.Invoice.retrieve(opened.id, expand=["payments"])
    assert (paid.status, paid.amount_paid) == ("paid", 1500)
    assert [one.status for one in paid.payments.data] == ["paid", "canceled"]


def test_another_customer_s_intent_pays_none(client) -> None:
    jane = customer()
    stripe.InvoiceItem.create(customer=jane, amount=1500, currency="usd")
    draft = stripe.Invoice.create(customer=jane, pending_invoice_items_behavior="include")
    intent = stripe.PaymentIntent.create(amount=1500, currency="usd", customer=customer())
    for id in (intent.id, "pi_none"):
        opened = stripe.Invoice.retrieve(draft.id)
        if opened.status == "draft":
            opened = stripe.Invoice.finalize_invoice(draft.id)
        with pytest.raises(stripe.InvalidRequestError, match=id):
            stripe.Invoice.attach_payment(opened.id, payment_intent=id)
    assert stripe.Invoice.retrieve(draft.id).status == "open"


def test_a_buyer_s_confirmation_makes_a_subscription_active(monthly) -> None:
    """As an application's page does it, with the client secret of the invoice."""
    jane = customer()
    made = begun(
        monthly, jane, payment_behavior="default_incomplete", expand=["latest_invoice.payments"]
    )
    intent = made.latest_invoice.payments.data[0].payment.payment_intent
    with pytest.raises(stripe.CardError):
        stripe.PaymentIntent.confirm(intent, payment_method="pm_card_visa_chargeDeclined")
    assert stripe.Subscription.retrieve(made.id).status == "incomplete"
    stripe.PaymentIntent.confirm(intent, payment_method="pm_card_visa")
    assert stripe.Subscription.retrieve(made.id).status == "active"
    assert stripe.Invoice.retrieve(made.latest_invoice.id).status == "paid"


def test_a_method_set_up_before_pays_after_the_trial(account, monthly) -> None:
    account.freeze()
    made = begun(monthly, customer(), trial_period_days=3)
    setup = stripe.SetupIntent.confirm(made.pending_setup_intent, payment_method="pm_card_visa")
    there = stripe.Subscription.retrieve(made.id)
    assert there.pending_setup_intent is None
    assert there.default_payment_method == setup.payment_method
    account.advance(days=4)
    latest = stripe.Subscription.retrieve(made.id).latest_invoice
    assert stripe.Invoice.retrieve(latest).status == "paid"


@pytest.mark.parametrize("then", ["canceled", "unpaid", "past_due"])
def test_a_failed_payment_is_tried_again_as_the_table_says(account, monthly, then) -> None:
    account.freeze()
    account.set_dunning([1, 2], then)
    jane = customer(
        payment_method="pm_card_chargeCustomerFail",
        invoice_settings={"default_payment_method": "pm_card_chargeCustomerFail"},
    )
    made = begun(monthly, jane, trial_period_days=1)
    account.advance(days=2)
    invoice = stripe.Subscription.retrieve(made.id).latest_invoice
    for tries, days in ((1, 1), (2, 2), (3, 30)):
        there = stripe.Invoice.retrieve(invoice)
        assert (there.attempt_count, there.next_payment_attempt is None) == (tries, tries == 3)
        if tries == 3:
            break
        assert stripe.Subscription.retrieve(made.id).status == "past_due"
        account.advance(days=days)
    assert stripe.Subscription.retrieve(made.id).status == then


@pytest.mark.parametrize(
    ("days", "then", "words"),
    [([0], "canceled", "whole days"), ([1.5], "canceled", "whole days"), ([1], "gone", "canceled")],
)
def test_a_table_that_cannot_be_is_refused(account, days, then, words) -> None:
    with pytest.raises(ValueError, match=words):
        account.set_dunning(days, then)
