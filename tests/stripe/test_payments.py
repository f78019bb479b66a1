"""Payment intents and charges, from the first thought to the end; what each leaves behind."""

from __future__ import annotations

import asyncio
import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import stripe

import tiger
from tests.stripe.paying import CARD, balance, pay, told
from tests.stripe.refusals import declined, refused
from tests.stripe.shop import paid
from tigerstripe.errors import Refused
from tigerstripe.payments import testing_cards
from tigerstripe.work.unit import Work

OLD = "2025-10-29.clover"


# --- Paid ---


def test_a_payment_is_one_commit_and_tells_of_all_of_it_in_order(account) -> None:
    intent = pay(description="Mug", expand=["latest_charge"])
    assert (intent.status, intent.amount_received, intent.next_action) == ("succeeded", 2000, None)
    charge = intent.latest_charge
    assert (charge.paid, charge.captured, charge.amount_captured) == (True, True, 2000)
    assert charge.balance_transaction is None  # it is captured a moment later
    assert charge.payment_method_details.card.checks.cvc_check == "pass"
    assert told(account) == [
        "payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "charge.updated",
    ]  # fmt: skip
    transaction = stripe.Charge.retrieve(charge.id, expand=["balance_transaction"])
    posted = transaction.balance_transaction
    assert (posted.amount, posted.fee, posted.net, posted.source) == (2000, 88, 1912, charge.id)
    assert posted.status == "pending"
    assert balance() == (0, 1912)


@pytest.mark.parametrize(
    ("amount", "fee"), [(2500, 103), (22500, 683), (2250, 95), (2900, 114), (1000, 59)]
)
def test_fees_are_rounded_half_up(account, amount, fee) -> None:
    charge = pay(amount=amount, capture_method="automatic").latest_charge
    posted = stripe.BalanceTransaction.list(source=charge).data[0]
    assert (posted.fee, posted.net) == (fee, amount - fee)


def test_a_fee_can_be_another(account) -> None:
    account.set_fee(percent="1.5", fixed=25)
    pay(amount=1000)
    assert balance() == (0, 1000 - 15 - 25)
    with pytest.raises(ValueError, match="percent="):
        account.set_fee(percent=-1)
    for wrong in ({"percent": "nan"}, {"percent": "a"}, {"fixed": 2.5}, {"fixed": "30"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            account.set_fee(**wrong)


def test_money_is_available_on_the_seventh_day(account) -> None:
    account.freeze(1_800_000_000)
    pay()
    account.advance(days=6)
    assert balance() == (0, 1912)
    account.advance(days=1)
    assert balance() == (1912, 0)
    assert told(account)[-1] == "balance.available"
    assert stripe.BalanceTransaction.list().data[0].status == "available"


def test_an_intent_goes_through_its_states(account, customer) -> None:
    intent = stripe.PaymentIntent.create(amount=500, currency="USD", **CARD)
    assert (intent.status, intent.currency) == ("requires_payment_method", "usd")
    intent = stripe.PaymentIntent.modify(intent.id, customer=customer, amount=700)
    intent = stripe.PaymentIntent.modify(intent.id, payment_method="pm_card_visa")
    assert (intent.status, intent.amount) == ("requires_confirmation", 700)
    intent = stripe.PaymentIntent.confirm(intent.id)
    assert (intent.status, intent.customer) == ("succeeded", customer)
    wrong = refused(stripe.PaymentIntent.modify, intent.id, amount=9)
    assert (wrong.code, wrong.param) == ("payment_intent_unexpected_state", "amount")
    assert stripe.PaymentIntent.modify(intent.id, metadata={"a": "b"}).metadata.a == "b"
    found = stripe.PaymentIntent.search(query=f"customer:'{customer}' AND status:'succeeded'")
    assert [one.id for one in found.data] == [intent.id]


def test_the_defaults_are_those_of_the_version(account) -> None:
    with pytest.warns(UserWarning, match="answers API version"):
        old = stripe.PaymentIntent.create(amount=500, currency="usd", stripe_version="2022-11-15")
    assert (old.automatic_payment_methods, old.payment_method_types) == (None, ["card"])
    assert old.capture_method == "automatic"
    new = stripe.PaymentIntent.create(amount=500, currency="usd")
    assert new.automatic_payment_methods.allow_redirects == "always"
    assert (new.capture_method, "klarna" in new.payment_method_types) == ("automatic_async", True)
    wrong = refused(stripe.PaymentIntent.confirm, new.id, payment_method="pm_card_visa")
    assert "you must provide a `return_url`" in str(wrong)
    paid = stripe.PaymentIntent.confirm(
        new.id, payment_method="pm_card_visa", return_url="https://a.b"
    )
    assert paid.status == "succeeded"
    named = stripe.PaymentIntent.create(
        amount=500, currency="usd", allowed_payment_method_types=["card"]
    )
    assert named.payment_method_types == named.allowed_payment_method_types == ["card"]


# --- Declined ---


@pytest.mark.parametrize("card", sorted(
    card.name for card in testing_cards.cards()
    if card.name and card.charge and not card.charge.startswith("authenticate")
))  # fmt: skip
def test_a_card_is_declined_as_recorded(account, card) -> None:
    known = testing_cards.of_name(f"pm_card_{card}")
    assert known is not None
    error = declined(pay, f"pm_card_{card}")
    says = error.json_body["error"]
    expected = testing_cards.DECLINES[known.charge]
    assert (error.code, says["decline_code"], error.param) == (
        expected.code, known.charge, expected.param,
    )  # fmt: skip
    assert says.get("network_decline_code") == expected.network_decline
    intent = stripe.PaymentIntent.retrieve(says["payment_intent"]["id"], expand=["latest_charge"])
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert intent.last_payment_error.charge == says["charge"] == intent.latest_charge.id
    assert intent.last_payment_error.payment_method.id == says["payment_method"]["id"]
    assert "payment_intent" not in intent.last_payment_error
    assert (intent.latest_charge.status, intent.latest_charge.paid) == ("failed", False)
    assert told(account)[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    assert (balance(), "_" in says["payment_method"]) == ((0, 0), False)
    assert pickle.loads(pickle.dumps(error)).code == error.code


def test_a_declined_payment_is_paid_with_another_card(account) -> None:
    error = declined(pay, "pm_card_visa_chargeDeclined")
    id = error.json_body["error"]["payment_intent"]["id"]
    paid = stripe.PaymentIntent.confirm(id, payment_method="pm_card_visa")
    assert (paid.status, paid.last_payment_error) == ("succeeded", None)
    assert len(stripe.Charge.list(payment_intent=id).data) == 2


def test_a_decline_is_in_the_version_that_was_asked_for(account) -> None:
    error = declined(pay, "pm_card_visa_chargeDeclined", stripe_version=OLD)
    shown = error.json_body["error"]["payment_intent"]
    assert ("managed_payments" in shown, shown["status"]) == (False, "requires_payment_method")
    stored = stripe.PaymentIntent.retrieve(shown["id"])
    assert stored.managed_payments.enabled is False


def test_a_card_expires_as_time_goes_on(account, customer) -> None:
    account.freeze(1_800_000_000)
    method = stripe.PaymentMethod.attach("pm_card_visa", customer=customer).id
    assert pay(method, customer=customer).status == "succeeded"
    account.advance(days=500)
    assert declined(pay, method, customer=customer).code == "expired_card"


def test_declines_come_async_too(account) -> None:
    async def run() -> str | None:
        with pytest.raises(stripe.CardError) as raised:
            await stripe.PaymentIntent.create_async(
                amount=500, currency="usd", confirm=True, payment_method="pm_card_chargeDeclined",
                **CARD,
            )  # fmt: skip
        return raised.value.code

    assert asyncio.run(run()) == "card_declined"


def test_the_bank_declines_on_request_with_all_that_comes_of_it(account, customer) -> None:
    account.fail_next("POST /v1/payment_intents", decline_code="insufficient_funds")
    error = declined(pay)
    assert error.json_body["error"]["decline_code"] == "insufficient_funds"
    intent = error.json_body["error"]["payment_intent"]
    assert stripe.Charge.retrieve(intent["latest_charge"]).outcome.reason == "insufficient_funds"
    assert pay().status == "succeeded"
    account.fail_next("POST /v1/customers/{id}", decline_code="lost_card")  # no bank is asked there
    assert declined(stripe.Customer.modify, customer, name="Jane").code == "card_declined"
    assert stripe.Customer.retrieve(customer).name is None
    assert account.waiting_faults() == []


# --- Authenticated ---


def test_a_buyer_authenticates_and_the_payment_goes_on(account) -> None:
    intent = pay("pm_card_threeDSecure2Required", return_url="https://a.b/back")
    assert (intent.status, intent.latest_charge) == ("requires_action", None)
    assert intent.next_action.redirect_to_url.return_url == "https://a.b/back"
    assert told(account)[-1] == "payment_intent.requires_action"
    paid = account.authenticate(intent)
    assert (paid["status"], paid["next_action"], "_" in paid) == ("succeeded", None, False)
    charge = stripe.Charge.retrieve(paid["latest_charge"])
    assert charge.payment_method_details.card.three_d_secure.result == "authenticated"
    with pytest.raises(ValueError, match="does not wait for its buyer"):
        account.authenticate(intent.id)


def test_a_buyer_fails_to_authenticate(account) -> None:
    intent = pay("pm_card_threeDSecureRequired", use_stripe_sdk=True)
    assert intent.next_action.type == "use_stripe_sdk"
    failed = account.authenticate(intent, succeed=False)
    assert failed["status"] == "requires_payment_method"
    assert failed["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert told(account)[-1] == "payment_intent.payment_failed"


def test_manual_confirmation_is_confirmed_again_after_the_buyer(account) -> None:
    intent = pay("pm_card_authenticationRequired", confirmation_method="manual")
    assert account.authenticate(intent)["status"] == "requires_confirmation"
    assert stripe.PaymentIntent.confirm(intent.id).status == "succeeded"


def test_a_card_that_was_set_up_pays_off_session(account, customer) -> None:
    method = stripe.PaymentMethod.attach("pm_card_authenticationRequiredOnSetup", customer=customer)
    error = declined(pay, method.id, customer=customer, off_session=True)
    assert error.code == "authentication_required"
    setup = stripe.SetupIntent.create(
        customer=customer, payment_method=method.id, confirm=True, **CARD
    )
    assert setup.status == "requires_action"
    assert account.authenticate(setup)["status"] == "succeeded"
    assert pay(method.id, customer=customer, off_session=True).status == "succeeded"
    assert pay(method.id, customer=customer).status == "requires_action"


def test_authentication_then_the_bank_declines_all_the_same(account) -> None:
    intent = pay("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds")
    after = account.authenticate(intent)
    assert after["last_payment_error"]["decline_code"] == "insufficient_funds"


def test_a_card_authenticates_where_the_merchant_asks_for_it(account) -> None:
    options = {"card": {"request_three_d_secure": "any"}}
    assert pay("pm_card_threeDSecureOptional").status == "succeeded"
    asked = pay("pm_card_threeDSecureOptional", payment_method_options=options)
    assert asked.status == "requires_action"
    wrong = declined(pay, "pm_card_threeDSecure2Required", error_on_requires_action=True)
    assert wrong.code == "authentication_required"


# --- Captured ---


def test_a_hold_is_captured_in_part_and_the_rest_released(account) -> None:
    intent = pay(capture_method="manual")
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 2000)
    assert told(account)[-2:] == ["charge.succeeded", "payment_intent.amount_capturable_updated"]
    assert balance() == (0, 0)
    done = stripe.PaymentIntent.capture(intent.id, amount_to_capture=1500)
    assert (done.status, done.amount_received, done.amount) == ("succeeded", 1500, 2000)
    charge = stripe.Charge.retrieve(done.latest_charge, expand=["refunds"])
    assert (charge.amount_captured, charge.amount_refunded, charge.refunded) == (1500, 500, False)
    assert [one.amount for one in charge.refunds.data] == [500]
    assert told(account)[-2:] == ["charge.captured", "payment_intent.succeeded"]
    assert balance() == (0, 1500 - 74)


def test_several_captures_and_a_larger_hold(account) -> None:
    wanted = ("request_multicapture", "request_incremental_authorization")
    options = {"card": dict.fromkeys(wanted, "if_available")}
    intent = pay(capture_method="manual", payment_method_options=options)
    grown = stripe.PaymentIntent.increment_authorization(intent.id, amount=3000)
    assert (grown.amount, grown.amount_capturable) == (3000, 3000)
    part = stripe.PaymentIntent.capture(intent.id, amount_to_capture=1000, final_capture=False)
    assert (part.status, part.amount_capturable) == ("requires_capture", 2000)
    done = stripe.PaymentIntent.capture(intent.id)
    assert (done.status, done.amount_received) == ("succeeded", 3000)
    assert len(stripe.BalanceTransaction.list(source=done.latest_charge).data) == 2
    plain = pay(capture_method="manual")
    more = {"amount_to_capture": 1, "final_capture": False}
    assert refused(stripe.PaymentIntent.capture, plain.id, **more).param == "final_capture"
    wrong = refused(stripe.PaymentIntent.increment_authorization, plain.id, amount=3000)
    assert "not eligible" in str(wrong)


def capture_part(amount: int = 800, **more: Any) -> Any:
    """Return an intent of which a part is captured, and the rest held."""
    options = {"card": {"request_multicapture": "if_available"}}
    intent = pay(capture_method="manual", payment_method_options=options, **more)
    part = {"amount_to_capture": amount, "final_capture": False}
    return stripe.PaymentIntent.capture(intent.id, **part)


def test_a_refund_of_a_partial_capture_is_at_most_that_part(account) -> None:
    part = capture_part()
    charge = stripe.Charge.retrieve(part.latest_charge)
    assert (charge.captured, charge.amount_captured) == (False, 800)
    assert told(account)[-2:] == ["charge.updated", "payment_intent.amount_capturable_updated"]
    wrong = refused(stripe.Refund.create, payment_intent=part.id, amount=801)
    assert "$8.01) is greater than" in str(wrong)
    back = stripe.Refund.create(payment_intent=part.id, amount=300)
    assert back.destination_details.card.type == "refund"
    assert stripe.Refund.create(payment_intent=part.id).amount == 500
    wrong = refused(stripe.Refund.create, payment_intent=part.id)
    assert wrong.code == "charge_already_refunded"
    assert stripe.Charge.retrieve(part.latest_charge).refunded is False
    assert stripe.PaymentIntent.capture(part.id).amount_received == 2000
    assert stripe.Refund.create(payment_intent=part.id).amount == 1200


@pytest.mark.parametrize("ends", ["released", "expired", "canceled"])
def test_the_rest_of_a_hold_is_released(account, ends) -> None:
    part = capture_part()
    if ends == "released":
        stripe.PaymentIntent.capture(part.id, amount_to_capture=0, final_capture=True)
    elif ends == "expired":
        account.advance(days=8)
    else:
        stripe.PaymentIntent.cancel(part.id)
    over = stripe.PaymentIntent.retrieve(part.id)
    status = "canceled" if ends == "canceled" else "succeeded"
    assert (over.status, over.amount_received, over.amount_capturable) == (status, 800, 0)
    types = [one for one in told(account) if one != "balance.available"]
    assert types[-2:] == ["charge.captured", f"payment_intent.{status}"]
    charge = stripe.Charge.retrieve(part.latest_charge)
    assert (charge.captured, charge.amount_captured, charge.refunded) == (True, 800, False)
    assert len(stripe.BalanceTransaction.list(source=charge.id).data) == 1
    assert stripe.Refund.create(payment_intent=part.id).amount == 800


def test_captures_of_a_part_share_nothing_with_an_account(account) -> None:
    shop = account.onboard(stripe.Account.create(type="express"))["id"]
    with pytest.raises(stripe.APIError, match="final_capture") as raised:
        capture_part(transfer_data={"destination": shop})
    assert raised.value.http_status == 501


@pytest.mark.parametrize(
    ("amount", "code", "param", "words"),
    [
        (2001, "amount_too_large", None, "greater than the amount you can capture"),
        (0, "parameter_invalid_integer", "amount", "greater than or equal to 1"),
        (-1, None, "amount_to_capture", "Invalid non-negative integer"),
    ],
)
def test_what_cannot_be_captured_is_refused(account, amount, code, param, words) -> None:
    intent = pay(capture_method="manual")
    wrong = refused(stripe.PaymentIntent.capture, intent.id, amount_to_capture=amount)
    assert (wrong.code, wrong.param) == (code, param)
    assert words in str(wrong)
    assert wrong.json_body["error"]["payment_intent"]["status"] == "requires_capture"


def test_an_intent_that_is_over_takes_nothing_more(account) -> None:
    held = pay(capture_method="manual")
    canceled = stripe.PaymentIntent.cancel(held.id, cancellation_reason="duplicate")
    assert (canceled.status, canceled.amount_capturable) == ("canceled", 0)
    assert told(account)[-2:] == ["charge.refunded", "payment_intent.canceled"]
    charge = stripe.Charge.retrieve(held.latest_charge)
    assert (charge.captured, charge.refunded, charge.amount_refunded) == (False, True, 2000)
    for call in (stripe.PaymentIntent.capture, stripe.PaymentIntent.confirm,
                 stripe.PaymentIntent.cancel):  # fmt: skip
        wrong = refused(call, held.id)
        assert wrong.code == "payment_intent_unexpected_state"
        assert "has a status of canceled" in str(wrong)
    paid = pay()
    assert "already succeeded" in str(refused(stripe.PaymentIntent.confirm, paid.id))
    assert "has been released" in str(refused(stripe.PaymentIntent.capture, paid.id))
    assert "status of succeeded" in str(refused(stripe.PaymentIntent.cancel, paid.id))
    assert balance() == (0, 1912)


def test_a_hold_that_nobody_captures_expires(account) -> None:
    account.freeze(1_800_000_000)
    held = pay(capture_method="manual")
    account.advance(days=8)
    over = stripe.PaymentIntent.retrieve(held.id)
    assert (over.status, over.cancellation_reason) == ("canceled", "automatic")
    assert told(account)[-2:] == ["charge.expired", "payment_intent.canceled"]
    refund = stripe.Refund.list(charge=held.latest_charge).data[0]
    assert refund.reason == "expired_uncaptured_charge"
    assert balance() == (0, 0)


# --- What cannot be ---


@pytest.mark.parametrize(
    ("more", "code", "param"),
    [
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": -5}, "parameter_invalid_integer", "amount"),
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"amount": 100_000_000}, "amount_too_large", None),
        ({"amount": 49, "currency": "jpy"}, "amount_too_small", "amount"),
        ({"currency": "xxx"}, None, "currency"),
        ({"payment_method": "pm_none"}, "resource_missing", "payment_method"),
        ({"customer": "cus_none"}, "resource_missing", "customer"),
        ({"payment_method": "pm_usBankAccount_success"}, None, "payment_method"),
    ],
)
def test_what_cannot_be_paid_is_refused_and_leaves_nothing(account, more, code, param) -> None:
    wrong = refused(pay, **more)
    assert (wrong.code, wrong.param) == (code, param)
    assert (account.events(), stripe.PaymentIntent.list().data) == ([], [])


def test_currencies_without_cents_are_counted_as_they_are(account) -> None:
    assert pay(amount=50, currency="jpy").amount_received == 50
    assert "$999,999.99" in str(refused(pay, amount=100_000_000))


def test_methods_of_others_detached_and_used_up_are_refused(account, customer) -> None:
    method = stripe.PaymentMethod.attach("pm_card_visa", customer=customer).id
    other = stripe.Customer.create().id
    wrong = refused(pay, method)
    assert (wrong.code, wrong.param) == ("parameter_missing", "source")
    assert "does not belong to the Customer" in str(refused(pay, method, customer=other))
    stripe.PaymentMethod.detach(method)
    assert "may not be used again" in str(refused(pay, method, customer=customer))
    once = stripe.PaymentMethod.create(type="card", card={"token": "tok_visa"}).id
    pay(once)
    assert "may not be used again" in str(refused(pay, once))
    kept = stripe.PaymentMethod.create(type="card", card={"token": "tok_visa"}).id
    pay(kept, customer=customer, setup_future_usage="off_session")
    assert pay(kept, customer=customer, off_session=True).status == "succeeded"
    assert "payment_method.attached" in told(account)


def test_an_intent_without_a_method_cannot_be_confirmed(account, customer) -> None:
    plain = stripe.PaymentIntent.create(amount=500, currency="usd", **CARD)
    assert "missing a payment method. You can" in str(refused(stripe.PaymentIntent.confirm, plain))
    of = stripe.PaymentIntent.create(amount=500, currency="usd", customer=customer, **CARD)
    wrong = refused(stripe.PaymentIntent.confirm, of.id)
    assert (wrong.code, customer in str(wrong)) == ("payment_intent_unexpected_state", True)
    method = stripe.PaymentMethod.attach("pm_card_visa", customer=customer).id
    stripe.Customer.modify(customer, invoice_settings={"default_payment_method": method})
    assert stripe.PaymentIntent.confirm(of.id).payment_method == method
    early = refused(stripe.PaymentIntent.create, amount=500, currency="usd", return_url="https://a")
    assert early.param == "return_url"
    built = {"customer_account": "acct_x", "amount": 500, "currency": "usd"}
    with pytest.raises(stripe.APIError, match="does not have the parameter"):
        stripe.PaymentIntent.create(**built)


def test_of_those_who_do_the_same_at_once_one_wins_and_the_money_adds_up(account) -> None:
    held = pay(capture_method="manual")
    paid = pay()
    open_ = stripe.PaymentIntent.create(
        amount=1000, currency="usd", payment_method="pm_card_visa", **CARD
    )

    def attempt(call: Any) -> str:
        try:
            call()
        except stripe.InvalidRequestError as error:
            return str(error.code)
        return "done"

    calls = [
        lambda: stripe.PaymentIntent.capture(held.id),
        lambda: stripe.Refund.create(payment_intent=paid.id),
        lambda: stripe.PaymentIntent.confirm(open_.id),
    ]
    with ThreadPoolExecutor(8) as pool:
        for call, code in zip(calls, (
            "payment_intent_unexpected_state", "charge_already_refunded",
            "payment_intent_unexpected_state",
        ), strict=True):  # fmt: skip
            answers = sorted(pool.map(attempt, [call] * 4), key="done".__ne__)
            assert answers == ["done", *[code] * 3]
    assert sum(balance()) == 1912 + (1912 - 2000) + (1000 - 59)


@pytest.mark.parametrize("faster", [1, 3])
def test_a_request_planned_again_is_the_original_one(account, monkeypatch, faster) -> None:
    commit, left = Work.commit, [faster]

    def too_late(work: Work, log: Any) -> None:
        if left[0]:
            left[0] -= 1
            raise tiger.Conflict("another process was faster")
        commit(work, log)

    monkeypatch.setattr(Work, "commit", too_late)
    assert pay(capture_method="manual").status == "requires_capture"
    left[0] = faster
    setup = stripe.SetupIntent.create(payment_method="pm_card_visa", confirm=True, **CARD)
    assert setup.status == "succeeded"
    charge = stripe.Charge.create(amount=500, currency="usd", source="tok_visa").id
    left[0] = faster
    assert stripe.Charge.modify(charge, fraud_details={"user_report": "safe"}).fraud_details


def meanwhile(monkeypatch: Any, table: str, act: Any) -> None:
    """Let another process act once, just before a work first looks into a table."""
    get, left = Work.get, [1]

    def late(work: Work, name: str, id: str) -> Any:
        if name == table and left:
            left.clear()
            act()
        return get(work, name, id)

    monkeypatch.setattr(Work, "get", late)


def test_a_refusal_is_of_what_is_there_and_not_half_of_what_was(account, monkeypatch) -> None:
    intent = pay(confirm=False)
    meanwhile(monkeypatch, "payment_methods", lambda: stripe.PaymentIntent.confirm(intent.id))
    wrong = refused(stripe.PaymentIntent.confirm, intent.id)
    assert wrong.code == "payment_intent_unexpected_state"


def test_so_is_the_refusal_of_what_a_buyer_does(account, price, monkeypatch) -> None:
    session = paid(price)
    card = stripe.PaymentMethod.create(type="card", card={"token": "tok_visa"}).id
    complete = partial(account.complete_checkout, session, card)
    meanwhile(monkeypatch, "payment_methods", complete)
    with pytest.raises(Refused, match="has a status of `complete`"):
        complete()


# --- Seen by clients ---


def test_a_client_sees_an_intent_by_its_secret(account) -> None:
    intent = stripe.PaymentIntent.create(amount=500, currency="usd", **CARD)
    client = stripe.StripeClient(account.publishable_key, http_client=account.http_client)
    by_secret = {"client_secret": intent.client_secret}
    seen = client.v1.payment_intents.retrieve(intent.id, by_secret)
    assert (seen.status, "customer" in seen) == ("requires_payment_method", False)
    for wrong in ({}, {"client_secret": "pi_1_secret_2"}):
        with pytest.raises(stripe.InvalidRequestError, match="client_secret"):
            client.v1.payment_intents.retrieve(intent.id, wrong)
    done = client.raw_request(
        "post", f"/v1/payment_intents/{intent.id}/confirm", payment_method="pm_card_visa",
        **by_secret,
    )  # fmt: skip
    assert done.data["status"] == "succeeded"
    with pytest.raises(stripe.AuthenticationError, match="publishable API key"):
        client.v1.refunds.create({"payment_intent": intent.id})


# --- The older way ---


def test_a_charge_of_a_token(account) -> None:
    charge = stripe.Charge.create(amount=2000, currency="usd", source="tok_visa", description="Mug")
    assert (charge.paid, charge.source.object, charge.payment_intent) == (True, "card", None)
    assert charge.balance_transaction.startswith("txn_")
    token = stripe.Token.create(card={"number": "4242424242424242", "exp_month": 1,
                                      "exp_year": "2040"}).id  # fmt: skip
    stripe.Charge.create(amount=500, currency="usd", source=token)
    used = refused(stripe.Charge.create, amount=500, currency="usd", source=token)
    assert used.code == "token_already_used"
    error = declined(stripe.Charge.create, amount=500, currency="usd", source="tok_chargeDeclined")
    assert stripe.Charge.retrieve(error.json_body["error"]["charge"]).status == "failed"
    assert told(account)[-1] == "charge.failed"


def test_a_hold_of_the_older_way_is_captured_by_an_amount_that_can_be(account) -> None:
    held = {"amount": 2000, "currency": "usd", "source": "tok_visa", "capture": False}
    charge = stripe.Charge.create(**held)
    for amount in (0, -1):
        wrong = refused(stripe.Charge.capture, charge.id, amount=amount)
        assert (wrong.code, wrong.param) == ("parameter_invalid_integer", "amount")
    assert stripe.Charge.capture(charge.id, amount=1).amount_captured == 1
    assert stripe.Charge.capture(stripe.Charge.create(**held).id).amount_captured == 2000


def test_a_type_of_payment_methods_that_is_none_is_refused(account) -> None:
    types = {"payment_method_types": ["card", "crad"]}
    intent = stripe.PaymentIntent.create(amount=2000, currency="usd")
    for call, params in (
        (stripe.PaymentIntent.create, {"amount": 2000, "currency": "usd"}),
        (partial(stripe.PaymentIntent.modify, intent.id), {}),
        (stripe.SetupIntent.create, {}),
    ):
        wrong = refused(call, **params, **types)
        assert wrong.param == "payment_method_types"
        assert 'The payment method type "crad" is invalid' in str(wrong)


@pytest.mark.parametrize("end", ["succeeded", "canceled"])
def test_a_setup_that_is_over_stays_so(account, customer, end) -> None:
    intent = stripe.SetupIntent.create(payment_method_types=["card"], customer=customer)
    if end == "succeeded":
        stripe.SetupIntent.confirm(intent.id, payment_method="pm_card_visa")
    else:
        stripe.SetupIntent.cancel(intent.id)
    for change in ({"payment_method": "pm_card_visa"}, {"payment_method_types": ["link"]}):
        wrong = refused(stripe.SetupIntent.modify, intent.id, **change)
        assert wrong.code == "setup_intent_unexpected_state"
        assert "You cannot update this SetupIntent because it has" in str(wrong)
    changed = stripe.SetupIntent.modify(intent.id, description="Mug", metadata={"a": "b"})
    assert (changed.status, changed.description) == (end, "Mug")


def test_a_charge_of_a_customer(account, customer) -> None:
    bare = declined(stripe.Charge.create, amount=500, currency="usd", customer=customer)
    assert (bare.code, bare.param) == ("missing", "card")
    stripe.PaymentMethod.attach("pm_card_visa", customer=customer)
    also = declined(stripe.Charge.create, amount=500, currency="usd", customer=customer)
    assert "does have a Payment Method" in str(also)
    card = stripe.Customer.create_source(customer, source="tok_mastercard")
    held = stripe.Charge.create(amount=2000, currency="usd", customer=customer, capture=False)
    assert (held.source.id, held.captured, held.balance_transaction) == (card.id, False, None)
    wrong = refused(stripe.Charge.create, amount=1, currency="usd", customer=customer, source="x")
    assert wrong.param == "amount"
    other = refused(
        stripe.Charge.create, amount=500, currency="usd", customer=customer, source="tok_visa"
    )
    assert (other.http_status, other.param) == (404, "card")
    done = stripe.Charge.capture(held.id, amount=1500)
    assert (done.captured, done.amount_captured, done.amount_refunded) == (True, 1500, 500)
    assert refused(stripe.Charge.capture, held.id).code == "charge_already_captured"
    none = refused(stripe.Charge.create, amount=500, currency="usd")
    assert none.code == "parameter_missing"


# --- Currencies ---


@pytest.mark.parametrize(("currency", "amount"), [("kwd", 1005), ("bhd", 1001), ("isk", 10050)])
def test_decimals_that_nobody_can_pay_are_refused(account, currency, amount) -> None:
    error = refused(stripe.PaymentIntent.create, amount=amount, currency=currency)
    assert (error.code, error.param) == ("parameter_invalid_integer", "amount")
    rounded = amount // 100 * 100
    assert stripe.PaymentIntent.create(amount=rounded, currency=currency).amount == rounded


def test_a_type_is_paid_with_in_its_own_currencies(account) -> None:
    wrong = {"amount": 2000, "currency": "usd", "payment_method_types": ["card", "bancontact"]}
    said = "(usd) is invalid. Payments with bancontact support the following currencies: eur."
    assert said in str(refused(stripe.PaymentIntent.create, **wrong))
    intent = stripe.PaymentIntent.create(**{**wrong, "currency": "eur"})
    assert said in str(refused(stripe.PaymentIntent.modify, intent.id, currency="usd"))
    item = {"quantity": 1, "price_data": {
        "currency": "usd", "unit_amount": 2000, "product_data": {"name": "Mug"},
    }}  # fmt: skip
    session = {
        "mode": "payment", "success_url": "https://shop.test/", "line_items": [item],
        "payment_method_types": ["card", "bancontact"],
    }  # fmt: skip
    assert said in str(refused(stripe.checkout.Session.create, **session))
    assert stripe.checkout.Session.list().data == []


def test_an_intent_takes_what_there_is_in_its_currency(account) -> None:
    intent = stripe.PaymentIntent.create(amount=2000, currency="usd")
    assert "us_bank_account" in intent.payment_method_types
    changed = stripe.PaymentIntent.modify(intent.id, currency="eur")
    expected = stripe.PaymentIntent.create(amount=2000, currency="eur")
    assert changed.payment_method_types == expected.payment_method_types
    assert changed.payment_method_options.to_dict() == expected.payment_method_options.to_dict()


# --- Cards of the testing page, once more ---


def test_authentication_that_is_asked_for_may_come_to_an_error(account) -> None:
    card = "pm_card_threeDSecureOptionalProcessingError"
    assert pay(card).status == "succeeded"
    asked = {"card": {"request_three_d_secure": "any"}}
    assert declined(pay, card, payment_method_options=asked).code == "processing_error"


@pytest.mark.parametrize(
    ("name", "funding", "last4"),
    [
        ("debit_visaFsaProductCode", "debit", "0072"),
        ("mastercard_debit_mastercardFsaProductCode", "debit", "8897"),
        ("amex_threeDSecureNotSupported", "credit", "0005"),
        ("discover_debit_us_transferSuccess", "debit", "1113"),
    ],
)
def test_cards_are_there_by_their_names(account, name, funding, last4) -> None:
    card = stripe.PaymentMethod.retrieve(f"pm_card_{name}").card
    assert (card.funding, card.last4) == (funding, last4)
    assert pay(f"pm_card_{name}").status == "succeeded"


def test_a_compliance_dispute_is_of_its_own_reason(account) -> None:
    charge = pay("pm_card_createComplianceDispute").latest_charge
    [dispute] = stripe.Dispute.list(charge=charge).data
    assert (dispute.reason, dispute.status) == ("noncompliant", "needs_response")
