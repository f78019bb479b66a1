"""The test cards of Stripe's testing page behave as that page says."""

from __future__ import annotations

import pytest
import stripe

from shop.checkout import customer_of, save_card


def test_a_card_is_kept(tiger_stripe):
    ann = customer_of("ann@example.com")
    save_card(ann.id, "pm_card_visa")
    customer = stripe.Customer.retrieve(ann.id, expand=["invoice_settings.default_payment_method"])
    assert customer.invoice_settings.default_payment_method.card.last4 == "4242"
    told = [event["type"] for event in tiger_stripe.events()]
    assert told[-2:] == ["payment_method.attached", "customer.updated"]


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ],
)
def test_a_card_that_is_declined_is_not_kept(tiger_stripe, card, code, decline_code):
    ann = customer_of("ann@example.com")
    with pytest.raises(stripe.CardError) as raised:
        save_card(ann.id, card)
    assert (raised.value.code, raised.value.error.decline_code) == (code, decline_code)
    assert not stripe.Customer.list_payment_methods(ann.id).data
