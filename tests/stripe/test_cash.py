"""Bank transfers: what a customer has sent pays for intents, by itself or when it is applied."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from tests.stripe.refusals import refused
from tigerstripe.payments import cash as cash_of_intents

CASH = "customer_balance"


def order(customer: str, amount: int = 1000, **more: Any) -> Any:
    """Return an intent that is paid by bank transfer."""
    transfer = {"type": "eu_bank_transfer", "eu_bank_transfer": {"country": "DE"}}
    options = {"funding_type": "bank_transfer", "bank_transfer": transfer}
    params = {"amount": amount, "currency": "eur", "confirm": True, "customer": customer}
    params["payment_method_options"] = {CASH: options}
    return stripe.PaymentIntent.create(
        payment_method_types=[CASH], payment_method_data={"type": CASH}, **{**params, **more}
    )


def fund(customer: str, amount: int) -> Any:
    return stripe.Customer.TestHelpers.fund_cash_balance(customer, amount=amount, currency="eur")


def cash(customer: str) -> int:
    found = stripe.Customer.retrieve_cash_balance(customer).available
    listed = stripe.Customer.list_cash_balance_transactions(customer).data
    there = found["eur"] if found else 0
    assert there == sum(one.net_amount for one in listed)
    assert not listed or listed[0].ending_balance == there
    return int(there)


def by_hand(customer: str) -> None:
    settings = {"reconciliation_mode": "manual"}
    stripe.Customer.modify_cash_balance(customer, settings=settings)


def test_a_buyer_is_told_where_to_send_and_the_intent_is_paid_as_money_comes(
    account, customer
) -> None:
    intent = order(customer)
    assert intent.status == "requires_action"
    told = intent.next_action.display_bank_transfer_instructions
    assert (told.amount_remaining, told.type) == (1000, "eu_bank_transfer")
    assert told.financial_addresses[0].type == "iban"
    fund(customer, 400)
    part = stripe.PaymentIntent.retrieve(intent.id)
    assert part.status == "requires_action"
    assert part.next_action.display_bank_transfer_instructions.amount_remaining == 600
    assert account.events()[-1]["type"] == "payment_intent.partially_funded"
    fund(customer, 700)
    paid = stripe.PaymentIntent.retrieve(intent.id, expand=["latest_charge"])
    assert (paid.status, paid.amount_received, paid.next_action) == ("succeeded", 1000, None)
    assert paid.latest_charge.payment_method_details.type == CASH
    assert cash(customer) == 100
    kinds = [one.type for one in stripe.Customer.list_cash_balance_transactions(customer).data]
    assert kinds == ["applied_to_payment", "funded"] * 2
    assert account.events("cash_balance.*")[0]["data"]["object"]["customer"] == customer


def test_new_cash_pays_the_oldest_first_and_existing_cash_pays_at_once(account, customer) -> None:
    first, second = order(customer), order(customer)
    fund(customer, 1500)
    statuses = [stripe.PaymentIntent.retrieve(one.id).status for one in (first, second)]
    assert statuses == ["succeeded", "requires_action"]
    fund(customer, 1000)
    assert stripe.PaymentIntent.retrieve(second.id).status == "succeeded"
    assert (order(customer, 500).status, cash(customer)) == ("succeeded", 0)


def test_by_hand_an_intent_takes_a_part_and_gives_it_back_when_it_is_canceled(
    account, customer
) -> None:
    by_hand(customer)
    intent = order(customer)
    fund(customer, 1000)
    assert stripe.PaymentIntent.retrieve(intent.id).status == "requires_action"
    part = stripe.PaymentIntent.apply_customer_balance(intent.id, amount=600)
    assert part.next_action.display_bank_transfer_instructions.amount_remaining == 400
    assert (part.status, cash(customer)) == ("requires_action", 400)
    assert account.events()[-1]["type"] == "payment_intent.partially_funded"
    stripe.PaymentIntent.cancel(intent.id)
    assert cash(customer) == 1000


def test_the_rest_pays_an_intent_that_has_a_part(account, customer) -> None:
    by_hand(customer)
    intent = order(customer)
    fund(customer, 600)
    stripe.PaymentIntent.apply_customer_balance(intent.id)
    fund(customer, 600)
    paid = stripe.PaymentIntent.apply_customer_balance(intent.id, amount=400, currency="eur")
    assert (paid.status, paid.amount_received, cash(customer)) == ("succeeded", 1000, 200)


def test_an_intent_that_is_paid_by_card_gives_back_what_it_took(account, customer) -> None:
    by_hand(customer)
    intent = order(customer)
    fund(customer, 600)
    stripe.PaymentIntent.apply_customer_balance(intent.id)
    stripe.PaymentIntent.modify(intent.id, payment_method_types=[CASH, "card"])
    paid = stripe.PaymentIntent.confirm(intent.id, payment_method="pm_card_visa")
    assert (paid.status, paid.amount_received, cash(customer)) == ("succeeded", 1000, 600)


@pytest.mark.parametrize("is_of_customer", [True, False])
def test_an_intent_of_another_customer_or_currency_gives_back_what_it_took(
    account, customer, is_of_customer
) -> None:
    intent = order(customer)
    fund(customer, 600)
    other = stripe.Customer.create().id
    change = {"customer": other} if is_of_customer else {"currency": "gbp"}
    changed = stripe.PaymentIntent.modify(intent.id, **change)
    assert (changed.status, changed.next_action) == ("requires_confirmation", None)
    stripe.PaymentIntent.cancel(intent.id)
    assert cash(customer) == 600
    assert "gbp" not in stripe.Customer.retrieve_cash_balance(customer).available
    assert not stripe.Customer.list_cash_balance_transactions(other).data


def test_an_intent_of_another_amount_waits_for_the_rest_of_it(account, customer) -> None:
    intent = order(customer)
    fund(customer, 600)
    for amount in (500, 600):
        wrong = refused(stripe.PaymentIntent.modify, intent.id, amount=amount)
        assert (wrong.param, "already (\u20ac6.00)" in str(wrong)) == ("amount", True)
    changed = stripe.PaymentIntent.modify(intent.id, amount=700)
    assert changed.next_action.display_bank_transfer_instructions.amount_remaining == 100
    fund(customer, 100)
    paid = stripe.PaymentIntent.retrieve(intent.id)
    assert (paid.status, paid.amount_received, cash(customer)) == ("succeeded", 700, 0)


@pytest.mark.parametrize(
    ("currency", "kind", "address"),
    [
        ("eur", "eu", "iban"),
        ("gbp", "gb", "sort_code"),
        ("jpy", "jp", "zengin"),
        ("usd", "us", "aba"),
    ],
)
def test_money_comes_the_way_of_its_currency(account, customer, currency, kind, address) -> None:
    intent = order(customer, currency=currency, payment_method_options={})
    told = intent.next_action.display_bank_transfer_instructions
    assert (told.type, told.financial_addresses[0].type) == (f"{kind}_bank_transfer", address)
    come = stripe.Customer.TestHelpers.fund_cash_balance(customer, amount=1000, currency=currency)
    transfer = come.funded.bank_transfer
    assert (transfer.type, "sender_name" in transfer[transfer.type]) == (told.type, True)
    assert stripe.PaymentIntent.retrieve(intent.id).status == "succeeded"


def test_cash_is_never_held(account, customer) -> None:
    fund(customer, 1000)
    assert refused(order, customer, capture_method="manual").param == "capture_method"
    assert cash(customer) == 1000


def test_a_currency_that_no_transfer_has_is_refused(account, customer) -> None:
    send = stripe.Customer.TestHelpers.fund_cash_balance
    assert "jpy, mxn, usd" in str(refused(send, customer, amount=1000, currency="cad"))
    wrong = refused(order, customer, currency="cad", payment_method_options={})
    assert wrong.param == "currency"


def test_a_buyer_of_a_transfer_has_nothing_to_authenticate(account, customer) -> None:
    with pytest.raises(ValueError, match="fund_cash_balance"):
        account.authenticate(order(customer).id)


@pytest.mark.parametrize(
    ("params", "param"),
    [({"amount": 601}, "amount"), ({"amount": 0}, "amount"), ({"currency": "usd"}, "currency")],
)
def test_an_unusable_amount_of_cash_is_not_applied(account, customer, params, param) -> None:
    by_hand(customer)
    intent = order(customer)
    fund(customer, 600)
    assert refused(stripe.PaymentIntent.apply_customer_balance, intent.id, **params).param == param
    assert cash(customer) == 600


def test_only_what_waits_for_a_transfer_takes_cash(account, customer) -> None:
    intent = stripe.PaymentIntent.create(amount=500, currency="eur", customer=customer)
    error = refused(stripe.PaymentIntent.apply_customer_balance, intent.id)
    assert error.code == "payment_intent_unexpected_state"
    fund = stripe.Customer.TestHelpers.fund_cash_balance
    assert refused(fund, customer, amount=0, currency="eur").param == "amount"
    assert refused(fund, "cus_no", amount=1, currency="eur").code == "resource_missing"


def test_cash_that_another_takes_meanwhile_is_looked_for_again(
    account, customer, monkeypatch
) -> None:
    by_hand(customer)
    mine, other = order(customer).id, order(customer).id
    fund(customer, 1000)
    apply, asked = stripe.PaymentIntent.apply_customer_balance, cash_of_intents.asked
    waiting = [other]

    def slow(work: Any, intent: Any) -> Any:
        if waiting:
            assert apply(waiting.pop()).status == "succeeded"
        return asked(work, intent)

    monkeypatch.setattr(cash_of_intents, "asked", slow)
    assert refused(apply, mine).param == "amount"
    assert cash(customer) == 0


def test_of_two_intents_that_take_the_last_at_once_one_is_paid(account, customer) -> None:
    by_hand(customer)
    intents = [order(customer).id for _ in range(4)]
    fund(customer, 1000)

    def pay(id: str) -> str:
        try:
            return str(stripe.PaymentIntent.apply_customer_balance(id, amount=1000).status)
        except stripe.InvalidRequestError as error:
            return str(error.param)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(pay, intents)) == ["amount"] * 3 + ["succeeded"]
    assert cash(customer) == 0


# --- Refunds ---


@pytest.fixture
def transferred(account: Any, customer: str) -> str:
    """The id of an intent of 1000 that was paid by bank transfer."""
    intent = order(customer)
    fund(customer, 1000)
    return str(intent.id)


def test_a_customer_is_asked_where_their_bank_transfer_goes_back_to(account, transferred) -> None:
    account.freeze(1_800_000_000)
    refund = stripe.Refund.create(payment_intent=transferred, amount=400)
    assert (refund.status, refund.instructions_email) == ("requires_action", "a@b.c")
    details = refund.next_action.display_details
    assert details.email_sent.email_sent_to == "a@b.c"
    assert details.expires_at == 1_800_000_000 + 45 * 24 * 3600
    charge = stripe.PaymentIntent.retrieve(transferred).latest_charge
    assert stripe.Charge.retrieve(charge).amount_refunded == 0
    assert account.settle(refund)["status"] == "succeeded"
    after = [event["data"]["object"] for event in account.events("refund.updated")]
    assert [one["status"] for one in after] == ["pending", "succeeded"]
    assert "next_action" not in stripe.Refund.retrieve(refund.id)
    assert stripe.Charge.retrieve(charge).amount_refunded == 400


def test_a_customer_who_does_not_tell_gets_nothing_back(account, transferred) -> None:
    expired, late, canceled = (
        stripe.Refund.create(
            payment_intent=transferred, amount=100, instructions_email="other@b.c"
        ).id
        for _ in range(3)
    )
    assert stripe.Refund.TestHelpers.expire(expired).status == "failed"
    assert stripe.Refund.cancel(canceled).status == "canceled"
    account.advance(days=46)
    assert stripe.Refund.retrieve(late).status == "failed"
    charge = stripe.PaymentIntent.retrieve(transferred).latest_charge
    assert stripe.Charge.retrieve(charge).amount_refunded == 0
    for id in (expired, canceled, late):
        assert "only one that is requires_action" in str(
            refused(stripe.Refund.TestHelpers.expire, id)
        )
        assert "unsupported" in str(refused(stripe.Refund.cancel, id))
    assert refused(stripe.Refund.TestHelpers.expire, "re_no").http_status == 404
    assert stripe.Refund.create(payment_intent=transferred).amount == 1000


def test_a_customer_without_an_email_cannot_be_asked(account) -> None:
    nobody = stripe.Customer.create().id
    intent = order(nobody)
    fund(nobody, 1000)
    error = refused(stripe.Refund.create, payment_intent=intent.id)
    assert error.param == "instructions_email"
    assert stripe.Refund.list().data == []


# --- Where to send it ---


@pytest.mark.parametrize(
    ("currency", "transfer", "country", "kinds"),
    [
        ("usd", {"type": "us_bank_transfer"}, "US", ["aba", "swift"]),
        (
            "eur",
            {"type": "eu_bank_transfer", "eu_bank_transfer": {"country": "FR"}},
            "FR",
            ["iban"],
        ),
        ("gbp", {"type": "gb_bank_transfer"}, "GB", ["sort_code"]),
        (
            "jpy",
            {"type": "jp_bank_transfer", "requested_address_types": ["zengin"]},
            "JP",
            ["zengin"],
        ),
        ("mxn", {"type": "mx_bank_transfer"}, "MX", ["spei"]),
    ],
)  # fmt: skip
def test_a_customer_is_told_where_to_send_money_the_same_each_time(
    account, customer, currency, transfer, country, kinds
) -> None:
    asked = {"currency": currency, "funding_type": "bank_transfer", "bank_transfer": transfer}
    told = stripe.Customer.create_funding_instructions(customer, **asked)
    assert (told.object, told.currency, told.livemode) == ("funding_instructions", currency, False)
    assert (told.bank_transfer.country, told.bank_transfer.type) == (country, transfer["type"])
    assert [one.type for one in told.bank_transfer.financial_addresses] == kinds
    again = stripe.Customer.create_funding_instructions(customer, **asked)
    assert again.to_dict() == told.to_dict()


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"currency": "usd"}, "bank_transfer[type]"),
        ({"currency": "chf"}, "currency"),
        ({"bank_transfer": {"type": "eu_bank_transfer"}}, "bank_transfer[eu_bank_transfer]"),
        (
            {"bank_transfer": {"type": "eu_bank_transfer", "eu_bank_transfer": {"country": "US"}}},
            "bank_transfer[eu_bank_transfer][country]",
        ),
        (
            {
                "bank_transfer": {
                    "type": "eu_bank_transfer",
                    "eu_bank_transfer": {"country": "DE"},
                    "requested_address_types": ["spei"],
                }
            },
            "bank_transfer[requested_address_types]",
        ),
    ],
)
def test_money_cannot_be_sent_by_what_its_currency_does_not_have(customer, wrong, param) -> None:
    transfer = {"type": "eu_bank_transfer", "eu_bank_transfer": {"country": "DE"}}
    asked = {"currency": "eur", "funding_type": "bank_transfer", "bank_transfer": transfer}
    error = refused(stripe.Customer.create_funding_instructions, customer, **{**asked, **wrong})
    assert error.param == param
