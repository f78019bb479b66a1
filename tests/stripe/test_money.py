"""What becomes of money later: refunds, disputes, debits, payouts; and payment methods set up."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe.paying import CARD, balance, pay, told
from tests.stripe.refusals import declined, refused
from tigerstripe.payments import testing_banks
from tigerstripe.resources import mandates

DAY = 1_800_000_000
ACH = {"payment_method_types": ["us_bank_account"]}
OFFLINE = {"customer_acceptance": {"type": "offline"}}


def debit(method: str = "pm_usBankAccount_success", **more: Any) -> Any:
    return pay(method, **{**ACH, "mandate_data": OFFLINE, **more})


# --- Refunds ---


def test_a_refund_in_parts_until_nothing_is_left(account) -> None:
    intent = pay(amount=1000)
    first = stripe.Refund.create(charge=intent.latest_charge, amount=400, reason="duplicate")
    assert (first.status, first.payment_intent, first.reason) == (
        "succeeded", intent.id, "duplicate",
    )  # fmt: skip
    assert told(account)[-2:] == ["refund.created", "charge.refunded"]
    wrong = refused(stripe.Refund.create, charge=intent.latest_charge, amount=700)
    assert str(wrong).endswith(
        "Refund amount ($7.00) is greater than unrefunded amount on charge ($6.00)"
    )
    assert stripe.Refund.create(payment_intent=intent.id).amount == 600
    charge = stripe.Charge.retrieve(intent.latest_charge, expand=["refunds"])
    assert (charge.refunded, charge.amount_refunded) == (True, 1000)
    assert [one.amount for one in charge.refunds.data] == [600, 400]
    again = refused(stripe.Refund.create, charge=intent.latest_charge)
    assert again.code == "charge_already_refunded"
    assert balance() == (-1000, 1000 - 59)


@pytest.mark.parametrize(
    ("params", "status", "code", "param"),
    [
        ({}, 400, None, None),
        ({"charge": "ch_none"}, 404, "resource_missing", "id"),
        ({"payment_intent": "pi_none"}, 404, "resource_missing", "intent"),
        ({"charge": "$", "amount": 0}, 400, "parameter_invalid_integer", "amount"),
        ({"charge": "$", "amount": 2001}, 400, None, "amount"),
        ({"charge": "$", "reason": "expired_uncaptured_charge"}, 400, None, "reason"),
    ],
)
def test_what_cannot_be_refunded_is_refused(account, params, status, code, param) -> None:
    charge = pay().latest_charge
    params = {name: charge if value == "$" else value for name, value in params.items()}
    wrong = refused(stripe.Refund.create, **params)
    assert (wrong.http_status, wrong.code, wrong.param) == (status, code, param)


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("refunds", "charge"), ("charges", "customer"), ("charges", "payment_intent"),
        ("payment_intents", "customer"), ("disputes", "charge"), ("setup_attempts", "setup_intent"),
    ],
)  # fmt: skip
def test_a_list_of_what_is_not_there_is_refused(account, client, service, name) -> None:
    wrong = refused(getattr(client.v1, service).list, {name: "x_none"})
    assert (wrong.http_status, wrong.code, wrong.param) == (400, "resource_missing", name)


def test_holds_failed_and_open_payments_have_nothing_to_refund(account) -> None:
    held = pay(capture_method="manual")
    assert "You must cancel the PaymentIntent" in str(
        refused(stripe.Refund.create, payment_intent=held.id)
    )
    intent = stripe.PaymentIntent.create(amount=500, currency="usd", **CARD)
    none = "does not have a successful charge to refund"
    assert none in str(refused(stripe.Refund.create, payment_intent=intent.id))
    failed = declined(pay, "pm_card_chargeDeclined").json_body["error"]["charge"]
    assert none in str(refused(stripe.Refund.create, charge=failed))


def test_a_refund_that_waits_succeeds_later_and_is_not_canceled(account) -> None:
    account.freeze(DAY)
    charge = pay("pm_card_pendingRefund").latest_charge
    first = stripe.Refund.create(charge=charge, amount=500)
    assert (first.status, first.balance_transaction) == ("pending", None)
    assert stripe.Charge.retrieve(charge).amount_refunded == 0
    second = stripe.Refund.create(charge=charge)
    assert second.amount == 1500  # what waits is not left
    assert "unsupported" in str(refused(stripe.Refund.cancel, second.id))
    account.settle(second.id, succeed=False)
    account.advance(minutes=5)
    done = stripe.Refund.retrieve(first.id)
    assert (done.status, done.balance_transaction[:4]) == ("succeeded", "txn_")
    assert stripe.Charge.retrieve(charge).amount_refunded == 500
    assert told(account)[-3:] == ["refund.updated", "charge.refund.updated", "charge.refunded"]
    assert sum(balance()) == 1912 - 500


def test_a_refund_comes_back(account) -> None:
    charge = pay("pm_card_refundFail").latest_charge
    refund = stripe.Refund.create(charge=charge)
    assert refund.status == "succeeded"
    back = account.settle(refund, failure="lost_or_stolen_card")
    assert (back["status"], back["failure_reason"]) == ("failed", "lost_or_stolen_card")
    assert "refund.failed" in told(account)
    after = stripe.Charge.retrieve(charge)
    assert (after.amount_refunded, after.refunded) == (0, False)
    assert balance() == (0, 1912)
    with pytest.raises(ValueError, match="waits for no bank"):
        account.settle(refund)


# --- Disputes ---


def test_a_card_brings_a_dispute_that_is_won(account) -> None:
    charge = pay("pm_card_createDispute").latest_charge
    assert told(account)[-5:] == [
        "charge.succeeded", "charge.dispute.created", "charge.dispute.funds_withdrawn",
        "payment_intent.succeeded", "charge.updated",
    ]  # fmt: skip
    dispute = stripe.Dispute.list(charge=charge).data[0]
    assert (dispute.status, dispute.reason, dispute.amount) == (
        "needs_response", "fraudulent", 2000,
    )  # fmt: skip
    assert dispute.payment_method_details.card.network_reason_code == "10.4"
    assert refused(stripe.Refund.create, charge=charge).code == "charge_disputed"
    assert balance() == (-3500, 1912)
    shown = stripe.Charge.retrieve(charge)
    assert (shown.disputed, shown.balance_transaction[:4]) == (True, "txn_")
    won = stripe.Dispute.modify(dispute.id, evidence={"uncategorized_text": "winning_evidence"})
    assert (won.status, len(won.balance_transactions)) == ("won", 2)
    assert told(account)[-4:] == [
        "charge.dispute.updated", "charge.updated", "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    ]  # fmt: skip
    assert balance() == (0, 1912)
    assert stripe.Refund.create(charge=charge, amount=100).status == "succeeded"


def test_evidence_is_kept_and_sent_and_the_bank_decides(account) -> None:
    dispute = account.dispute(pay(), "product_not_received")
    kept = stripe.Dispute.modify(
        dispute["id"], evidence={"product_description": "Mug"}, submit=False
    )
    assert (kept.status, kept.evidence_details.has_evidence) == ("needs_response", True)
    sent = stripe.Dispute.modify(dispute["id"], evidence={"customer_name": "Jane"})
    assert (sent.status, sent.evidence_details.submission_count) == ("under_review", 1)
    assert (sent.evidence.product_description, sent.evidence.customer_name) == ("Mug", "Jane")
    lost = account.settle(sent, succeed=False)
    assert (lost["status"], lost["is_charge_refundable"]) == ("lost", False)
    assert "already closed" in str(refused(stripe.Dispute.close, dispute["id"]))
    assert sum(balance()) == 1912 - 3500
    with pytest.raises(ValueError, match="is disputed already"):
        account.dispute(dispute["charge"])


def test_a_dispute_that_nobody_answers_is_lost(account) -> None:
    account.freeze(DAY)
    dispute = account.dispute(pay(), amount=700)
    due_by = dispute["evidence_details"]["due_by"]
    assert (due_by + 1) % (24 * 3600) == 0
    account.advance(to=due_by + 2)
    assert stripe.Dispute.retrieve(dispute["id"]).status == "lost"
    assert told(account)[-1] == "charge.dispute.closed"
    assert sum(balance()) == 1912 - 700 - 1500


def test_an_inquiry_takes_no_money_until_it_comes_to_more(account) -> None:
    charge = pay("pm_card_createDisputeInquiry").latest_charge
    dispute = stripe.Dispute.list(charge=charge).data[0]
    assert (dispute.status, dispute.is_charge_refundable) == ("warning_needs_response", True)
    assert sum(balance()) == 1912
    worse = stripe.Dispute.modify(
        dispute.id, evidence={"uncategorized_text": "escalate_inquiry_evidence"}
    )
    assert (worse.status, worse.payment_method_details.card.case_type) == (
        "needs_response", "chargeback",
    )  # fmt: skip
    assert sum(balance()) == 1912 - 3500
    mild = account.dispute(pay(), inquiry=True)
    assert account.settle(mild)["status"] == "warning_closed"


@pytest.mark.parametrize("thing", ["ch_none", "cus_none", "du_1"])
def test_only_what_has_taken_money_can_be_disputed(account, thing) -> None:
    with pytest.raises(ValueError, match=r"dispute: (expected|the account has no)"):
        account.dispute(thing)
    with pytest.raises(ValueError, match="has taken no money"):
        account.dispute(pay(capture_method="manual"))


def test_warnings_and_reviews(account) -> None:
    charge = pay("pm_card_createIssuerFraudRecord").latest_charge
    warning = stripe.radar.EarlyFraudWarning.list(charge=charge).data[0]
    stripe.Refund.create(charge=charge)
    assert warning.actionable is True
    assert stripe.radar.EarlyFraudWarning.retrieve(warning.id).actionable is False
    intent = pay("pm_card_riskLevelElevated")
    review = stripe.Review.retrieve(intent.review)
    assert (review.open, review.charge) == (True, intent.latest_charge)
    assert stripe.Review.approve(review.id).closed_reason == "approved"
    assert stripe.Review.list().data == []


# --- Debits ---


def test_a_debit_is_on_its_way_and_then_there(account) -> None:
    account.freeze(DAY)
    intent = debit(expand=["latest_charge"])
    charge = intent.latest_charge
    assert (intent.status, charge.status, charge.paid) == ("processing", "pending", False)
    assert (charge.id[:3], charge.balance_transaction) == ("py_", None)
    mandate = stripe.Mandate.retrieve(charge.payment_method_details.us_bank_account.mandate)
    assert (mandate.type, mandate.single_use.amount) == ("single_use", 2000)
    assert told(account)[-2:] == ["charge.pending", "payment_intent.processing"]
    account.advance(minutes=5)
    assert stripe.PaymentIntent.retrieve(intent.id).status == "succeeded"
    assert told(account)[-2:] == ["charge.succeeded", "payment_intent.succeeded"]
    assert stripe.BalanceTransaction.list().data[0].type == "payment"
    assert balance() == (0, 1912)
    assert stripe.Refund.create(payment_intent=intent.id).id.startswith("pyr_")


@pytest.mark.parametrize("bank", [
    bank for bank in testing_banks.banks() if bank.name.startswith(("us", "bacs", "acss", "au"))
    or bank.name.endswith("_de")
], ids=lambda bank: bank.name)  # fmt: skip
def test_a_bank_account_does_what_the_testing_page_says(account, bank) -> None:
    account.freeze(DAY)
    kind = testing_banks.of_name(f"pm_{bank.name}")
    assert kind is not None
    of_type = {
        "acss_debit": "cad", "au_becs_debit": "aud", "bacs_debit": "gbp", "sepa_debit": "eur",
    }  # fmt: skip
    currency = of_type.get(kind[0], "usd")
    intent = debit(f"pm_{bank.name}", payment_method_types=[kind[0]], currency=currency)
    account.advance(seconds=bank.after_s - 1)
    assert stripe.PaymentIntent.retrieve(intent.id).status == "processing"
    account.advance(seconds=1)
    after = stripe.PaymentIntent.retrieve(intent.id, expand=["latest_charge"])
    if bank.failure is not None:
        assert after.status == "requires_payment_method"
        assert after.last_payment_error.code == after.latest_charge.failure_code == bank.failure
        failed = [type for type in told(account) if type != "mandate.updated"][-2:]
        assert failed == ["charge.failed", "payment_intent.payment_failed"]
        is_over = kind[0] in mandates.ENDING and bank.failure in mandates.ENDS
        mandate = after.latest_charge.payment_method_details[kind[0]]["mandate"]
        status = stripe.Mandate.retrieve(mandate).status
        assert status == ("inactive" if is_over else "active")
        assert len(account.events("mandate.updated")) == is_over
    else:
        assert after.status == ("processing" if bank.outcome == "never" else "succeeded")
        assert after.latest_charge.disputed is (bank.outcome == "dispute")


def test_the_bank_decides_now(account) -> None:
    intent = debit()
    failed = account.settle(intent, failure="insufficient_funds")
    assert failed["last_payment_error"]["code"] == "insufficient_funds"
    stuck = debit("pm_usBankAccount_processing")
    assert account.settle(stuck, succeed=True)["status"] == "succeeded"
    with pytest.raises(ValueError, match="waits for no bank"):
        account.settle(stuck)
    gone = debit("pm_usBankAccount_processing")
    assert stripe.PaymentIntent.cancel(gone.id).status == "canceled"
    assert balance() == (0, 1912)


def test_a_debit_needs_a_mandate_and_a_bank_account_to_be_verified(account, customer) -> None:
    wrong = refused(pay, "pm_usBankAccount_success", **ACH)
    assert "requires a mandate" in str(wrong)
    number = {"account_number": "000123456789", "routing_number": "110000000",
              "account_holder_type": "individual"}  # fmt: skip
    method = stripe.PaymentMethod.create(
        type="us_bank_account", us_bank_account=number, billing_details={"name": "Jane"}
    )
    setup = stripe.SetupIntent.create(
        customer=customer, payment_method=method.id, confirm=True, mandate_data=OFFLINE, **ACH
    )
    assert setup.next_action.type == "verify_with_microdeposits"
    assert "do not match" in str(
        refused(stripe.SetupIntent.verify_microdeposits, setup.id, amounts=[1, 2])
    )
    done = stripe.SetupIntent.verify_microdeposits(setup.id, amounts=[32, 45])
    assert (done.status, stripe.Mandate.retrieve(done.mandate).type) == ("succeeded", "multi_use")
    paid = pay(method.id, customer=customer, off_session=True, **ACH)
    assert paid.status == "processing"


def test_a_buyer_is_sent_to_another_page(account) -> None:
    intent = pay(
        None,
        payment_method_data={"type": "klarna", "billing_details": {"email": "a@b.c"}},
        payment_method_types=["klarna"],
        return_url="https://a.b",
    )
    assert (intent.status, intent.next_action.type) == ("requires_action", "redirect_to_url")
    assert account.authenticate(intent)["status"] == "succeeded"


# --- Set up ---


def test_a_method_is_set_up_for_a_customer(account, customer) -> None:
    setup = stripe.SetupIntent.create(customer=customer, usage="off_session")
    assert (setup.status, setup.latest_attempt) == ("requires_payment_method", None)
    done = stripe.SetupIntent.confirm(
        setup.id, payment_method="pm_card_visa", return_url="https://a.b"
    )
    assert done.status == "succeeded"
    assert told(account)[-2:] == ["payment_method.attached", "setup_intent.succeeded"]
    attempt = stripe.SetupAttempt.list(setup_intent=setup.id).data[0]
    assert (attempt.id, attempt.status) == (done.latest_attempt, "succeeded")
    assert stripe.PaymentMethod.retrieve(done.payment_method).customer == customer
    assert "already succeeded" in str(refused(stripe.SetupIntent.confirm, setup.id))
    assert "status of succeeded" in str(refused(stripe.SetupIntent.cancel, setup.id))


def test_a_method_that_cannot_be_set_up_is_declined(account, customer) -> None:
    error = declined(
        stripe.SetupIntent.create, customer=customer, confirm=True,
        payment_method="pm_card_chargeDeclinedExpiredCard", **CARD,
    )  # fmt: skip
    setup = error.json_body["error"]["setup_intent"]
    assert (error.code, setup["status"], setup["payment_method"]) == (
        "expired_card", "requires_payment_method", None,
    )  # fmt: skip
    assert setup["last_setup_error"]["decline_code"] == "expired_card"
    assert told(account)[-1] == "setup_intent.setup_failed"
    assert stripe.SetupIntent.cancel(setup["id"]).status == "canceled"
    assert "already canceled" in str(refused(stripe.SetupIntent.cancel, setup["id"]))
    assert "has been canceled" in str(refused(stripe.SetupIntent.confirm, setup["id"]))
    bare = stripe.SetupIntent.create(**CARD)
    assert "missing a payment method" in str(refused(stripe.SetupIntent.confirm, bare.id))
    waits = stripe.SetupIntent.create(
        payment_method="pm_card_threeDSecure2Required", confirm=True, **CARD
    )
    failed = account.authenticate(waits, succeed=False)
    assert failed["last_setup_error"]["code"] == "setup_intent_authentication_failure"


# --- Out of the balance, and into it ---


def test_a_payout_takes_what_is_available_and_no_more(account) -> None:
    account.freeze(DAY)
    pay("pm_card_bypassPending")
    assert balance() == (1912, 0)
    too_much = refused(stripe.Payout.create, amount=1913, currency="usd")
    assert (too_much.code, "Your card balance is too low" in str(too_much)) == (
        "balance_insufficient", True,
    )  # fmt: skip
    payout = stripe.Payout.create(amount=1500, currency="usd", statement_descriptor="Mugs")
    assert (payout.status, payout.type, payout.automatic) == ("pending", "bank_account", False)
    assert balance() == (412, 0)
    account.advance(to=payout.arrival_date)
    assert stripe.Payout.retrieve(payout.id).status == "paid"
    assert told(account)[-1] == "payout.paid"
    assert "cannot be canceled" in str(refused(stripe.Payout.cancel, payout.id))
    back = stripe.Payout.reverse(payout.id)
    assert (back.amount, back.original_payout, balance()) == (-1500, payout.id, (1912, 0))


def test_a_payout_fails_or_is_called_back(account) -> None:
    pay("pm_card_bypassPending")
    first = stripe.Payout.create(amount=1000, currency="usd")
    failed = account.settle(first, failure="account_closed")
    assert (failed["status"], failed["failure_code"]) == ("failed", "account_closed")
    second = stripe.Payout.create(amount=1912, currency="usd")
    assert stripe.Payout.cancel(second.id).status == "canceled"
    assert balance() == (1912, 0)
    kinds = [one.type for one in stripe.BalanceTransaction.list().data]
    assert kinds == ["payout_cancel", "payout", "payout_failure", "payout", "charge"]


def test_a_topup_comes_into_the_balance(account) -> None:
    topup = stripe.Topup.create(amount=5000, currency="usd", description="More")
    assert (topup.status, topup.balance_transaction, balance()) == ("pending", None, (0, 0))
    assert account.settle(topup)["status"] == "succeeded"
    assert balance() == (5000, 0)
    other = stripe.Topup.create(amount=100, currency="usd")
    assert account.settle(other, succeed=False)["status"] == "failed"
    third = stripe.Topup.create(amount=100, currency="usd")
    assert stripe.Topup.cancel(third.id).status == "canceled"
    of_topups = [kind for kind in told(account) if kind.startswith("topup")]
    assert of_topups[-3:] == ["topup.failed", "topup.created", "topup.canceled"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda a, c: a.dispute(c, "fraud"), "did you mean 'fraudulent'"),
        (lambda a, c: a.dispute(c, None), "product_not_received"),
        (lambda a, c: a.dispute(c, amount="5"), "use 1 to 2000"),
        (lambda a, c: a.dispute(c, amount=1.5), "use 1 to 2000"),
        (lambda a, c: a.settle(refund_of(c), failure="lost"), "lost_or_stolen_card"),
        (lambda a, c: a.settle(refund_of(c), True, failure="unknown"), "leave out one of them"),
        (lambda a, c: a.settle(a.dispute(c), failure="lost"), "failure='lost'"),
    ],
)
def test_an_answer_that_no_bank_gives_is_refused_and_nothing_happens(account, call, said) -> None:
    charge = pay().latest_charge
    with pytest.raises(ValueError, match=said):
        call(account, charge)
    assert account.events("refund.failed") == account.events("charge.dispute.closed") == []


def refund_of(charge: str) -> str:
    return stripe.Refund.create(charge=charge).id
