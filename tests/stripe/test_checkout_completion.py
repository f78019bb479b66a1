"""A checkout session to its end: what the buyer gives, what it makes, and what is told."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

import tigerstripe
from tests.stripe.shop import completed_at_once, shipping_rate

SUCCESS = "https://shop.test/done"
ADDRESS = {"line1": "1 Main St", "city": "Ulm", "postal_code": "89073", "country": "DE"}


def session_of(price: str, quantity: int = 2, **params: Any) -> Any:
    wanted = {"mode": "payment", "success_url": SUCCESS, **params}
    if wanted["mode"] == "payment":
        wanted["line_items"] = [{"price": price, "quantity": quantity}]
    return stripe.checkout.Session.create(**wanted)


def told(account: Any) -> list[str]:
    types = [event["type"] for event in account.events()]
    return [one for one in types if not one.startswith(("price.", "product."))]


def test_a_buyer_pays(account, price) -> None:
    session = session_of(price)
    done = account.complete_checkout(session, email="jane@example.com", name="Jane")
    assert (done["status"], done["payment_status"], done["url"]) == ("complete", "paid", None)
    got = stripe.checkout.Session.retrieve(session.id, expand=["payment_intent.latest_charge"])
    assert got.payment_intent.latest_charge.amount_captured == 3000
    assert got.customer is None
    assert got.customer_details.email == "jane@example.com"
    assert "_" not in done
    assert told(account) == [
        "payment_intent.created", "charge.succeeded", "payment_intent.succeeded",
        "charge.updated", "checkout.session.completed",
    ]  # fmt: skip
    account.advance(hours=25)
    assert told(account)[-1] != "checkout.session.expired"
    with pytest.raises(tigerstripe.Refused, match="has a status of `complete`"):
        account.complete_checkout(session)
    with pytest.raises(stripe.InvalidRequestError, match="can be expired"):
        stripe.checkout.Session.expire(session.id)


def test_a_card_that_declines_leaves_the_session_open(account, price) -> None:
    session = session_of(price)
    with pytest.raises(tigerstripe.Declined) as declined:
        account.complete_checkout(session, "pm_card_visa_chargeDeclinedInsufficientFunds")
    assert declined.value.error["decline_code"] == "insufficient_funds"
    assert stripe.checkout.Session.retrieve(session.id).status == "open"
    done = account.complete_checkout(session)
    intents = stripe.PaymentIntent.list().data
    assert [intent.id for intent in intents] == [done["payment_intent"]]
    assert [charge.paid for charge in stripe.Charge.list().data] == [True, False]


@pytest.mark.parametrize("succeed", [True, False])
def test_a_buyer_authenticates_or_fails_to(account, price, succeed) -> None:
    session = session_of(price)
    waiting = account.complete_checkout(
        session, "pm_card_authenticationRequired", authenticate=None
    )
    assert (waiting["status"], waiting["payment_intent"]) == ("open", None)
    assert told(account)[-1] == "payment_intent.requires_action"
    if succeed:
        done = account.complete_checkout(session, "pm_card_authenticationRequired")
        assert done["payment_status"] == "paid"
        return
    with pytest.raises(tigerstripe.Declined, match="failed authentication"):
        account.complete_checkout(session, "pm_card_authenticationRequired", authenticate=False)
    assert stripe.checkout.Session.retrieve(session.id).status == "open"


def test_an_expired_session_gives_up_its_payment(account, price) -> None:
    session = session_of(price)
    account.complete_checkout(session, "pm_card_authenticationRequired", authenticate=None)
    stripe.checkout.Session.expire(session.id)
    assert stripe.PaymentIntent.list().data[0].status == "canceled"
    assert told(account)[-2:] == ["payment_intent.canceled", "checkout.session.expired"]


@pytest.mark.parametrize(
    ("iban", "outcome", "status"),
    [("AT611904300234573201", "succeeded", "paid"), ("AT861904300235473202", "failed", "unpaid")],
)
def test_a_debit_is_paid_later_or_not_at_all(account, iban, outcome, status) -> None:
    price = stripe.Price.create(currency="eur", unit_amount=1500, product_data={"name": "Mug"})
    account.freeze()
    session = session_of(price.id, payment_method_types=["sepa_debit"])
    done = account.complete_checkout(
        session,
        payment_method=None,
        payment_method_data={
            "type": "sepa_debit",
            "sepa_debit": {"iban": iban},
            "billing_details": {"email": "jane@example.com", "name": "Jane"},
        },
    )
    assert (done["status"], done["payment_status"]) == ("complete", "unpaid")
    assert done["customer_details"]["email"] == "jane@example.com"
    account.advance(days=14)
    assert stripe.checkout.Session.retrieve(session.id).payment_status == status
    assert told(account)[-1] in (f"checkout.session.async_payment_{outcome}", "balance.available")
    assert f"checkout.session.async_payment_{outcome}" in told(account)


def test_money_that_is_held_is_paid_once_it_is_captured(account, price) -> None:
    session = session_of(price, payment_intent_data={"capture_method": "manual"})
    done = account.complete_checkout(session)
    assert done["payment_status"] == "unpaid"
    stripe.PaymentIntent.capture(done["payment_intent"])
    assert stripe.checkout.Session.retrieve(session.id).payment_status == "paid"
    assert "checkout.session.async_payment_succeeded" not in told(account)


def test_a_setup_leaves_a_payment_method(account, price) -> None:
    customer = stripe.Customer.create()
    session = session_of(price, mode="setup", currency="usd", customer=customer.id)
    assert stripe.SetupIntent.retrieve(session.setup_intent).status == "requires_payment_method"
    done = account.complete_checkout(session, "pm_card_mastercard")
    assert done["setup_intent"] == session.setup_intent
    setup = stripe.SetupIntent.retrieve(done["setup_intent"], expand=["payment_method"])
    assert (setup.status, setup.payment_method.customer) == ("succeeded", customer.id)
    assert (done["payment_status"], done["payment_intent"]) == ("no_payment_required", None)
    second = session_of(price, mode="setup", currency="usd", customer=customer.id)
    done = account.complete_checkout(second, "pm_card_authenticationRequiredOnSetup")
    assert done["status"] == "complete"


def test_the_payment_fields_of_a_session_are_the_intent_s(account, price) -> None:
    session = session_of(
        price,
        customer_creation="always",
        phone_number_collection={"enabled": True},
        shipping_address_collection={"allowed_countries": ["DE"]},
        payment_intent_data={
            "description": "Mugs",
            "metadata": {"order": "7"},
            "receipt_email": "jane@example.com",
            "setup_future_usage": "off_session",
            "transfer_group": "G",
        },
    )
    done = account.complete_checkout(
        session,
        email="jane@example.com",
        name="Jane",
        phone="+49731",
        address=ADDRESS,
        shipping={"name": "Joe", "address": ADDRESS},
    )
    intent = stripe.PaymentIntent.retrieve(done["payment_intent"], expand=["payment_method"])
    assert (intent.description, intent.metadata.order) == ("Mugs", "7")
    assert (intent.receipt_email, intent.transfer_group) == ("jane@example.com", "G")
    assert intent.shipping.name == "Joe"
    assert intent.payment_method.customer == intent.customer == done["customer"]
    customer = stripe.Customer.retrieve(done["customer"])
    assert (customer.email, customer.name, customer.phone) == ("jane@example.com", "Jane", "+49731")
    assert customer.shipping.address.city == customer.address.city == "Ulm"
    assert done["collected_information"]["shipping_details"]["name"] == "Joe"


def test_a_customer_has_what_the_session_may_update(account, price) -> None:
    customer = stripe.Customer.create(email="old@example.com", name="Old")
    session = session_of(price, customer=customer.id, customer_update={"name": "auto"})
    account.complete_checkout(session, name="New", address=ADDRESS)
    got = stripe.Customer.retrieve(customer.id)
    assert (got.name, got.email, got.address) == ("New", "old@example.com", None)


def test_discounts_are_redeemed_by_the_completion_alone(account, price) -> None:
    coupon = stripe.Coupon.create(percent_off=100, max_redemptions=1)
    code = stripe.PromotionCode.create(
        promotion={"type": "coupon", "coupon": coupon.id}, code="FREE"
    )
    first = session_of(price, discounts=[{"promotion_code": code.id}])
    second = session_of(price, allow_promotion_codes=True)
    assert stripe.Coupon.retrieve(coupon.id).times_redeemed == 0
    done = account.complete_checkout(second, promotion_code="free")
    assert (done["amount_total"], done["payment_intent"]) == (0, None)
    assert done["payment_status"] == "no_payment_required"
    assert stripe.Coupon.retrieve(coupon.id).times_redeemed == 1
    assert stripe.PromotionCode.retrieve(code.id).times_redeemed == 1
    with pytest.raises(tigerstripe.Refused, match="not active"):
        account.complete_checkout(first)
    assert stripe.checkout.Session.retrieve(first.id).status == "open"


def test_a_buyer_chooses_how_it_is_sent(account, price) -> None:
    rates = [shipping_rate("Slow", 0), shipping_rate("Fast", 900)]
    session = session_of(price, shipping_options=[{"shipping_rate": rate} for rate in rates])
    done = account.complete_checkout(session, shipping_rate=rates[1])
    assert (done["amount_total"], done["shipping_cost"]["shipping_rate"]) == (3900, rates[1])
    assert stripe.PaymentIntent.retrieve(done["payment_intent"]).amount == 3900


def custom(key: str, kind: str, **part: Any) -> dict[str, Any]:
    label = {"type": "custom", "custom": key}
    return {"key": key, "label": label, "type": kind, **({kind: part} if part else {})}


@pytest.mark.parametrize(
    ("wanted", "details", "message"),
    [
        ({}, {"colour": "red"}, "unknown parameter: colour"),
        ({}, {"email": "jane"}, "Invalid email address: jane"),
        ({}, {"payment_method": "pm_nothing"}, "No such PaymentMethod"),
        ({}, {"promotion_code": "FREE"}, "does not take promotion codes"),
        ({"allow_promotion_codes": True}, {"promotion_code": "X"}, "code is invalid: X"),
        ({}, {"shipping_rate": "shr_x"}, "none of this session's"),
        ({}, {"expected_amount": 5}, "is 3000, not 5"),
        ({"phone_number_collection": {"enabled": True}}, {}, "Missing required param: phone"),
        ({"billing_address_collection": "required"}, {}, r"address\[line1\]"),
        (
            {"shipping_address_collection": {"allowed_countries": ["US"]}},
            {"shipping": {"name": "Joe", "address": ADDRESS}},
            "DE is none of the countries",
        ),
        ({"custom_fields": [custom("size", "text")]}, {}, r"custom_fields\[size\]"),
        (
            {"custom_fields": [custom("size", "numeric")]},
            {"custom_fields": {"size": "big"}},
            "Invalid number: big",
        ),
        (
            {
                "custom_fields": [
                    custom("size", "dropdown", options=[{"label": "Big", "value": "big"}])
                ]
            },
            {"custom_fields": {"size": "small"}},
            "must be one of big",
        ),
        ({}, {"custom_fields": {"size": "big"}}, r"unknown parameter: custom_fields\[size\]"),
    ],
)
def test_a_parameter_that_a_page_does_not_take_is_refused(
    account, price, wanted, details, message
) -> None:
    session = session_of(price, **wanted)
    with pytest.raises(tigerstripe.Refused, match=message):
        account.complete_checkout(session, **details)
    assert told(account) == []
    assert stripe.checkout.Session.retrieve(session.id).to_dict() == session.to_dict()


def test_answers_to_custom_fields_are_kept(account, price) -> None:
    fields = [
        custom("size", "dropdown", options=[{"label": "Big", "value": "big"}]),
        {**custom("note", "text"), "optional": True},
    ]
    session = session_of(price, custom_fields=fields)
    done = account.complete_checkout(session, custom_fields={"size": "big"})
    assert [f[f["type"]]["value"] for f in done["custom_fields"]] == ["big", None]


def test_of_many_completions_one_wins(account, price) -> None:
    session = session_of(price)
    assert completed_at_once(account, session.id) == 1
    assert len(stripe.PaymentIntent.list().data) == len(stripe.Charge.list().data) == 1


def test_a_connected_account_s_session_is_completed_there(account) -> None:
    at = {"stripe_account": stripe.Account.create(type="custom").id}
    price = stripe.Price.create(
        currency="usd", unit_amount=1500, product_data={"name": "Mug"}, **at
    )
    session = session_of(price.id, **at)
    done = account.complete_checkout(session)
    assert stripe.PaymentIntent.retrieve(done["payment_intent"], **at).status == "succeeded"
    assert stripe.PaymentIntent.list().data == []
