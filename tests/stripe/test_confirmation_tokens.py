"""Confirmation tokens: what a buyer chose, which a confirmation names; each is used once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from tests.stripe.refusals import declined, refused

SHIPPING = {"name": "Jane", "address": {"line1": "1 High St", "country": "US"}}


DEBIT = {
    "type": "sepa_debit",
    "sepa_debit": {"iban": "DE89370400440532013000"},
    "billing_details": {"name": "Jane", "email": "jane@example.com"},
}


def chosen(card: str = "pm_card_visa", **more: Any) -> Any:
    """Return a token of a card, as a page would make it."""
    params = {"payment_method": card, "return_url": "https://a.b/", **more}
    return stripe.ConfirmationToken.TestHelpers.create(**params)


def test_a_token_tells_what_the_buyer_chose_and_is_nothing_yet(account) -> None:
    create = stripe.ConfirmationToken.TestHelpers.create
    token = create(payment_method_data=DEBIT, setup_future_usage="off_session", shipping=SHIPPING)
    preview = token.payment_method_preview
    assert (preview.type, preview.sepa_debit.last4) == ("sepa_debit", "3000")
    assert preview.billing_details.name == "Jane"
    assert "id" not in preview
    assert (token.payment_intent, token.setup_intent) == (None, None)
    assert token.expires_at == token.created + 12 * 3600
    assert account.store.payment_methods.count() == 0
    assert account.events() == []
    assert stripe.ConfirmationToken.retrieve(token.id) == token


def test_a_confirmation_takes_what_the_token_says(account) -> None:
    customer = stripe.Customer.create()
    intent = stripe.PaymentIntent.create(amount=500, currency="usd", customer=customer.id)
    token = chosen(setup_future_usage="off_session", shipping=SHIPPING)
    paid = stripe.PaymentIntent.confirm(intent.id, confirmation_token=token.id)
    assert (paid.status, paid.setup_future_usage) == ("succeeded", "off_session")
    assert paid.shipping.address.line1 == "1 High St"
    method = stripe.PaymentMethod.retrieve(paid.payment_method)
    assert (method.card.last4, method.customer) == ("4242", customer.id)
    used = stripe.ConfirmationToken.retrieve(token.id)
    assert (used.payment_intent, used.expires_at) == (intent.id, None)


def test_a_payment_method_that_a_token_describes_is_made_when_it_is_used(account) -> None:
    token = stripe.ConfirmationToken.TestHelpers.create(payment_method_data=DEBIT)
    paid = stripe.PaymentIntent.create(
        amount=500,
        currency="eur",
        confirm=True,
        confirmation_token=token.id,
        mandate_data={"customer_acceptance": {"type": "offline"}},
    )
    assert paid.status == "processing"
    assert stripe.PaymentMethod.retrieve(paid.payment_method).sepa_debit.last4 == "3000"


def test_parameters_of_the_request_itself_come_first(account) -> None:
    token = chosen(shipping=SHIPPING)
    other = {"name": "Joe", "address": {"line1": "2 Low St"}}
    paid = stripe.PaymentIntent.create(
        amount=500, currency="usd", confirm=True, confirmation_token=token.id, shipping=other
    )
    assert (paid.status, paid.shipping.name) == ("succeeded", "Joe")


def test_a_setup_takes_a_token_of_a_card_that_is_there(account) -> None:
    method = stripe.PaymentMethod.create(type="card", card={"token": "tok_visa"})
    token = stripe.ConfirmationToken.TestHelpers.create(payment_method=method.id)
    done = stripe.SetupIntent.create(confirm=True, confirmation_token=token.id)
    assert (done.status, done.payment_method) == ("succeeded", method.id)
    assert stripe.ConfirmationToken.retrieve(token.id).setup_intent == done.id


def test_a_token_is_used_once_also_where_the_bank_declines(account) -> None:
    token = chosen("pm_card_visa_chargeDeclined")
    params: dict[str, Any] = {"amount": 500, "currency": "usd", "confirm": True}
    declined(stripe.PaymentIntent.create, **params, confirmation_token=token.id)
    again = refused(stripe.PaymentIntent.create, **params, confirmation_token=token.id)
    assert (again.param, account.store.payment_intents.count()) == ("confirmation_token", 1)


def test_a_token_is_over_after_twelve_hours_of_the_account(account) -> None:
    token = chosen()
    account.advance(hours=12)
    params: dict[str, Any] = {"amount": 500, "currency": "usd", "confirm": True}
    assert "expired" in str(
        refused(stripe.PaymentIntent.create, **params, confirmation_token=token.id)
    )


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"confirmation_token": "ctoken_no"}, "No such confirmation_token: 'ctoken_no'"),
        ({"payment_method": "pm_card_visa"}, "confirmation_token, payment_method"),
        ({"confirm": False}, "unless `confirm` is set to true"),
    ],
)
def test_a_wrong_token_is_named_and_nothing_is_done(account, more, words) -> None:
    params = {"amount": 500, "currency": "usd", "confirm": True, "confirmation_token": chosen().id}
    assert words in str(refused(stripe.PaymentIntent.create, **{**params, **more}))
    assert account.store.payment_intents.count() == 0


def test_a_token_is_of_one_payment_method(account) -> None:
    create = stripe.ConfirmationToken.TestHelpers.create
    assert "payment_method_data" in str(refused(create))
    data = {"type": "sepa_debit", "sepa_debit": {"iban": "DE00"}}
    error = refused(create, payment_method_data=data)
    assert error.param == "payment_method_data[sepa_debit][iban]"


def test_of_two_who_use_a_token_at_once_one_wins(account) -> None:
    token = chosen()

    def pay(_: int) -> str:
        try:
            made = stripe.PaymentIntent.create(
                amount=500, currency="usd", confirm=True, confirmation_token=token.id
            )
        except stripe.InvalidRequestError as error:
            return str(error.param)
        return str(made.status)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(pay, range(4))) == ["confirmation_token"] * 3 + ["succeeded"]
    assert account.store.charges.count() == 1
