"""Payment methods, tokens and customers' cards; the test cards of the testing page."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

import pytest
import stripe

from tests.stripe.refusals import declined, refused
from tigerstripe.payments import testing_cards

NEXT_YEAR = datetime.now(timezone.utc).year + 1


@pytest.fixture
def customer(account: Any) -> Any:
    """A customer."""
    return stripe.Customer.create(email="a@b.c")


def of_number(number: str, **more: Any) -> Any:
    card = {"number": number, "exp_month": 12, "exp_year": NEXT_YEAR, "cvc": "123", **more}
    return stripe.PaymentMethod.create(type="card", card=card)


# --- Made ---


def test_a_card_is_made_of_its_number(account) -> None:
    method = of_number("4242 4242 4242 4242")
    assert method.id.startswith("pm_")
    assert (method.card.brand, method.card.last4, method.card.funding) == ("visa", "4242", "credit")
    assert (method.card.checks.cvc_check, method.customer) == ("unchecked", None)
    assert of_number("378282246310005", cvc="1234").card.display_brand == "american_express"
    assert of_number("4242424242424242").card.fingerprint == method.card.fingerprint
    assert account.events() == []


@pytest.mark.parametrize(
    ("card", "code", "param"),
    [
        ({"number": "4242424242424241"}, "incorrect_number", "number"),
        ({"number": "abc"}, "invalid_number", "number"),
        ({"number": "4242"}, "invalid_number", "number"),
        ({"exp_month": 13}, "invalid_expiry_month", "exp_month"),
        ({"exp_year": NEXT_YEAR - 2}, "invalid_expiry_year", "exp_year"),
        ({"exp_year": NEXT_YEAR + 60}, "invalid_expiry_year", "exp_year"),
        ({"cvc": "12"}, "invalid_cvc", "cvc"),
        ({"number": "4539578763621486"}, "card_declined", None),
    ],
)
def test_a_card_that_cannot_be_is_declined_when_it_is_made(account, card, code, param) -> None:
    error = declined(of_number, **{"number": "4242424242424242", **card})
    assert (error.code, error.param) == (code, param)
    assert account.store.payment_methods.count() == 0


def test_other_types_show_what_was_given(account) -> None:
    us = stripe.PaymentMethod.create(
        type="us_bank_account",
        us_bank_account={"routing_number": "110000000", "account_number": "000123456789"},
        billing_details={"name": "Jane"},
    )
    assert us.us_bank_account.last4 == "6789"
    assert us.us_bank_account.networks.supported == ["ach"]
    assert us.us_bank_account.bank_name == "STRIPE TEST BANK"
    sepa = stripe.PaymentMethod.create(
        type="sepa_debit", sepa_debit={"iban": "DE89370400440532013000"}
    )
    assert (sepa.sepa_debit.country, sepa.sepa_debit.bank_code) == ("DE", "37040044")
    assert stripe.PaymentMethod.create(type="alipay").alipay.to_dict() == {}
    bad = {"type": "sepa_debit", "sepa_debit": {"iban": "DE00370400440532013000"}}
    assert refused(stripe.PaymentMethod.create, **bad).param == "sepa_debit[iban]"
    other = {"type": "alipay", "sepa_debit": {"iban": "x"}}
    assert refused(stripe.PaymentMethod.create, **other).code == "parameter_unknown"
    assert refused(stripe.PaymentMethod.create).param == "type"
    owned = {"type": "alipay", "customer": "cus_x"}  # for copies of a platform's alone
    assert refused(stripe.PaymentMethod.create, **owned).param == "payment_method"


# --- Test cards ---


def test_a_name_is_a_new_one_each_time_wherever_an_id_may_be(account, customer) -> None:
    got = stripe.PaymentMethod.retrieve("pm_card_visa")
    assert got.id != stripe.PaymentMethod.retrieve("pm_card_visa").id
    assert stripe.PaymentMethod.retrieve(got.id).card.last4 == "4242"
    attached = stripe.PaymentMethod.attach("pm_card_amex", customer=customer.id)
    assert (attached.customer, attached.card.last4) == (customer.id, "8431")
    assert attached.card.checks.cvc_check == "pass"
    assert attached.card.exp_year == NEXT_YEAR
    assert refused(stripe.PaymentMethod.retrieve, "pm_card_none").http_status == 404


def test_every_test_card_is_a_card(account) -> None:
    for card in testing_cards.cards():
        cvc = "1234" if card.brand == "amex" else "123"
        assert of_number(card.number, cvc=cvc).card.country == card.country
        known = {None, *testing_cards.DECLINES}
        assert card.attach in known
        assert card.setup in {None, "authenticate"}
        rule, _, then = (card.charge or "").partition("_then_")
        assert then in known | {""}
        rules = {"authenticate", "authenticate_optional", "authenticate_unless_set_up"}
        assert rule in ({""} | known | rules if not then else rules)


@pytest.mark.parametrize(
    ("name", "code", "decline_code", "param"),
    [
        ("chargeDeclined", "card_declined", "generic_decline", ""),
        ("visa_chargeDeclinedLostCard", "card_declined", "lost_card", ""),
        ("chargeDeclinedExpiredCard", "expired_card", "expired_card", "exp_month"),
    ],
)
def test_a_card_that_is_declined_cannot_be_attached(
    account, customer, name, code, decline_code, param
) -> None:
    for call, params in [
        (stripe.PaymentMethod.attach, {"id": f"pm_card_{name}", "customer": customer.id}),
        (stripe.Customer.create, {"payment_method": f"pm_card_{name}"}),
    ]:
        ident = [params.pop("id")] if "id" in params else []
        error = declined(call, *ident, **params)
        assert (error.code, error.param) == (code, param)
        assert error.json_body["error"]["decline_code"] == decline_code
    assert account.store.payment_methods.count() == 0
    assert account.store.customers.count() == 1


def test_a_card_that_fails_later_can_be_attached(account, customer) -> None:
    method = stripe.PaymentMethod.attach("pm_card_chargeCustomerFail", customer=customer.id)
    assert method.card.last4 == "0341"
    assert of_number("4000000000000002").card.last4 == "0002"  # declined when it is used only
    failing = stripe.PaymentMethod.attach("pm_card_cvcCheckFail", customer=customer.id)
    assert failing.card.checks.cvc_check == "fail"


# --- Attached and detached ---


def test_a_customer_s_payment_methods_are_listed(account, customer) -> None:
    one = stripe.PaymentMethod.attach("pm_card_visa", customer=customer.id)
    two = stripe.PaymentMethod.create(
        type="us_bank_account",
        us_bank_account={"routing_number": "110000000", "account_number": "000123456789"},
    )
    stripe.PaymentMethod.attach(two.id, customer=customer.id)
    listed = stripe.PaymentMethod.list(customer=customer.id).data
    assert [m.id for m in listed] == [two.id, one.id]
    of_type = stripe.Customer.list_payment_methods(customer.id, type="card").data
    assert [m.id for m in of_type] == [one.id]
    assert stripe.Customer.retrieve_payment_method(customer.id, one.id).id == one.id
    other = stripe.Customer.create()
    error = refused(stripe.Customer.retrieve_payment_method, other.id, one.id)
    assert error.http_status == 404
    assert refused(stripe.PaymentMethod.list, customer="cus_none").http_status == 400
    assert refused(stripe.Customer.list_payment_methods, "cus_none").http_status == 404


def test_a_detached_one_cannot_be_used_again(account, customer) -> None:
    method = stripe.PaymentMethod.attach("pm_card_visa", customer=customer.id)
    again = refused(stripe.PaymentMethod.attach, method.id, customer=customer.id)
    assert "already been attached to a customer" in str(again)
    stripe.Customer.modify(
        customer.id, invoice_settings={"default_payment_method": method.id, "footer": "Bye"}
    )
    assert stripe.PaymentMethod.detach(method.id).customer is None
    settings = stripe.Customer.retrieve(customer.id).invoice_settings
    assert (settings.default_payment_method, settings.footer) == (None, "Bye")
    error = refused(stripe.PaymentMethod.attach, method.id, customer=customer.id)
    assert "may not be used again" in str(error)
    assert "detachment is impossible" in str(refused(stripe.PaymentMethod.detach, method.id))
    detached = account.events("payment_method.detached")[0]
    assert detached["data"]["previous_attributes"] == {"customer": customer.id}


def test_an_update_keeps_what_it_does_not_name(account, customer) -> None:
    method = stripe.PaymentMethod.attach("pm_card_visa", customer=customer.id)
    stripe.PaymentMethod.modify(
        method.id,
        billing_details={"name": "Jane", "address": {"city": "Rome"}},
        card={"exp_month": 5},
        metadata={"a": "1"},
    )
    stripe.PaymentMethod.modify(method.id, billing_details={"address": {"country": "IT"}})
    got = stripe.PaymentMethod.retrieve(method.id)
    assert (got.billing_details.name, got.billing_details.address.city) == ("Jane", "Rome")
    assert (got.card.exp_month, got.card.last4, got.metadata["a"]) == (5, "4242", "1")
    loose = of_number("4242424242424242")
    assert "must save this PaymentMethod" in str(
        refused(stripe.PaymentMethod.modify, loose.id, metadata={"a": "1"})
    )


def test_a_deleted_customer_lets_its_payment_methods_go(account, customer) -> None:
    method = stripe.PaymentMethod.attach("pm_card_visa", customer=customer.id)
    stripe.Customer.delete(customer.id)
    assert stripe.PaymentMethod.retrieve(method.id).customer is None


# --- Customers ---


def test_a_customer_is_made_with_its_payment_method(account) -> None:
    made = stripe.Customer.create(
        payment_method="pm_card_visa",
        invoice_settings={"default_payment_method": "pm_card_visa"},
        expand=["invoice_settings.default_payment_method"],
    )
    default = made.invoice_settings.default_payment_method
    assert (default.customer, default.card.last4) == (made.id, "4242")
    assert [e["type"] for e in account.events()] == ["customer.created", "payment_method.attached"]


def test_a_default_must_be_the_customer_s_own(account, customer) -> None:
    loose = of_number("4242424242424242")
    other = stripe.PaymentMethod.attach("pm_card_visa", customer=stripe.Customer.create().id)
    for id in (loose.id, other.id, "pm_card_visa"):
        error = refused(
            stripe.Customer.modify, customer.id, invoice_settings={"default_payment_method": id}
        )
        assert "must be attached to the customer" in str(error)
        assert error.param == "invoice_settings[default_payment_method]"
    error = refused(stripe.Customer.create, invoice_settings={"default_payment_method": loose.id})
    assert error.code == "resource_missing"
    assert stripe.Customer.retrieve(customer.id).invoice_settings.default_payment_method is None


def test_sources_are_the_cards_of_tokens(account) -> None:
    customer = stripe.Customer.create(source="tok_visa", expand=["sources"])
    card = customer.sources.data[0]
    assert (card.object, card.brand, customer.default_source) == ("card", "Visa", card.id)
    assert (card.customer, card.cvc_check) == (customer.id, "pass")
    second = stripe.Customer.create_source(customer.id, source="tok_mastercard")
    assert [c.id for c in stripe.Customer.list_sources(customer.id).data] == [second.id, card.id]
    assert stripe.Customer.modify_source(customer.id, second.id, exp_year="2040").exp_year == 2040
    stripe.Customer.modify(customer.id, default_source=second.id)
    stripe.Customer.delete_source(customer.id, second.id)
    assert stripe.Customer.retrieve(customer.id).default_source == card.id
    replaced = stripe.Customer.modify(customer.id, source="tok_amex")
    assert replaced.default_source != card.id
    assert len(stripe.Customer.list_sources(customer.id).data) == 1
    assert refused(stripe.Customer.modify, customer.id, default_source="card_x").code
    tokens = account.store.tokens.count()
    assert declined(stripe.Customer.create, source="tok_chargeDeclined").param == ""
    assert account.store.tokens.count() == tokens


@pytest.mark.parametrize(
    ("kind", "prefix", "given"),
    [("cvc_update", "cvctok", {"cvc": "123"}), ("pii", "pii", {"id_number": "000000000"})],
)
def test_a_token_of_a_number_shows_nothing_of_it(account, kind, prefix, given) -> None:
    token = stripe.Token.create(**{kind: given})
    assert token.id.startswith(f"{prefix}_")
    assert (token.type, token.used) == (kind, False)
    assert kind not in stripe.Token.retrieve(token.id)
    bank = {"country": "US", "currency": "usd", "account_number": "000123456789"}
    error = refused(stripe.Token.create, bank_account=bank, **{kind: given})
    assert f"one of these parameters: bank_account, {kind}." in error.user_message


def test_a_token_is_used_once(account) -> None:
    token = stripe.Token.create(
        card={"number": "4242424242424242", "exp_month": "5", "exp_year": str(NEXT_YEAR)}
    )
    assert (token.type, token.used, token.card.last4) == ("card", False, "4242")
    method = stripe.PaymentMethod.create(type="card", card={"token": token.id})
    assert method.card.fingerprint == token.card.fingerprint
    assert stripe.Token.retrieve(token.id).used
    error = refused(stripe.Customer.create, source=token.id)
    assert error.code == "token_already_used"
    assert stripe.PaymentMethod.create(type="card", card={"token": "tok_visa"}).card.brand == "visa"
    assert refused(stripe.Customer.create, source="tok_qwerty").code == "resource_missing"
    assert stripe.Token.retrieve("tok_visa").card.brand == "Visa"
    bank = stripe.Token.create(
        bank_account={"country": "US", "account_number": "000123456789", "currency": "usd"}
    )
    assert bank.bank_account.last4 == "6789"


def test_cash_is_reconciled_as_it_was_said(account) -> None:
    customer = stripe.Customer.create(
        cash_balance={"settings": {"reconciliation_mode": "manual"}}, expand=["cash_balance"]
    )
    assert customer.cash_balance.settings.reconciliation_mode == "manual"
    stripe.Customer.modify_cash_balance(
        customer.id, settings={"reconciliation_mode": "merchant_default"}
    )
    settings = stripe.Customer.retrieve_cash_balance(customer.id).settings
    assert (settings.reconciliation_mode, settings.using_merchant_default) == ("automatic", True)


def test_a_decline_is_kept_under_its_key_and_logged(account, customer) -> None:
    wanted = {"customer": customer.id, "idempotency_key": "once"}
    first = declined(stripe.PaymentMethod.attach, "pm_card_chargeDeclined", **wanted)
    again = declined(stripe.PaymentMethod.attach, "pm_card_chargeDeclined", **wanted)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json_body == first.json_body
    assert "request_log_url" in first.json_body["error"]
    logged = account.requests("/v1/payment_methods/pm_card_chargeDeclined/attach")[0]
    assert (logged["status"], logged["error"]["code"]) == (402, "card_declined")


def test_of_many_that_use_a_token_at_once_one_gets_it(account) -> None:
    card = {"number": "4242424242424242", "exp_month": "5", "exp_year": str(NEXT_YEAR)}
    token = stripe.Token.create(card=card)

    def use(_: int) -> str:
        try:
            return str(stripe.Customer.create(source=token.id).id)
        except stripe.InvalidRequestError as error:
            return str(error.code)

    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(use, range(8)))
    assert got.count("token_already_used") == 7
    assert [c.id for c in stripe.Customer.list().data] == [g for g in got if g.startswith("cus_")]
    assert account.store.cards.count() == 1


def test_a_card_of_two_networks_says_so(account) -> None:
    both = stripe.PaymentMethod.retrieve("pm_card_visa_cartesBancaires").card
    assert both.networks.available == ["cartes_bancaires", "visa"]
    card = {"number": "4000002500001001", "networks": {"preferred": "cartes_bancaires"}}
    assert of_number(**card).card.networks.preferred == "cartes_bancaires"


# --- Given with an intent ---


TOKEN = {"type": "card", "card": {"token": "tok_visa"}}


def test_a_card_may_be_given_with_an_intent(account) -> None:
    card = {"number": "5555555555554444", "exp_month": 12, "exp_year": NEXT_YEAR}
    typed = {"type": "card", "card": card}
    for data, brand in ((TOKEN, "visa"), (typed, "mastercard")):
        params = {"payment_method_types": ["card"], "payment_method_data": data}
        paid = stripe.PaymentIntent.create(amount=1000, currency="usd", confirm=True, **params)
        method = stripe.PaymentMethod.retrieve(paid.payment_method)
        assert (paid.status, method.card.brand) == ("succeeded", brand)
        assert stripe.SetupIntent.create(confirm=True, **params).status == "succeeded"
    intent = stripe.PaymentIntent.create(
        amount=1000, currency="usd", payment_method_types=["card"]
    ).id
    declined = {"type": "card", "card": {"token": "tok_visa_chargeDeclined"}}
    with pytest.raises(stripe.CardError):
        stripe.PaymentIntent.confirm(intent, payment_method_data=declined)
    assert stripe.PaymentIntent.confirm(intent, payment_method_data=TOKEN).status == "succeeded"


def test_a_token_given_with_an_intent_is_used_up(account) -> None:
    token = stripe.Token.create(
        card={"number": "4242424242424242", "exp_month": 12, "exp_year": NEXT_YEAR}
    ).id
    params = {
        "amount": 1000,
        "currency": "usd",
        "payment_method_types": ["card"],
        "payment_method_data": {"type": "card", "card": {"token": token}},
    }
    stripe.PaymentIntent.create(**params)
    assert refused(stripe.PaymentIntent.create, **params).code == "token_already_used"
    params["payment_method_data"] = {"type": "card", "card": {"token": "tok_nope"}}
    unknown = refused(stripe.PaymentIntent.create, **params)
    assert (unknown.code, unknown.param) == (
        "resource_missing", "payment_method_data[card][token]",
    )  # fmt: skip


def test_a_token_and_a_number_are_not_given_together(account) -> None:
    error = refused(
        stripe.PaymentMethod.create, type="card", card={"token": "tok_visa", "exp_month": 5}
    )
    assert "only specify one of these parameters: card[exp_month], card[token]" in str(error)
