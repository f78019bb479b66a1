"""Money between a platform and its accounts: what is whose, and how it comes back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

import tigerstripe
from tests.stripe.refusals import refused


def pay(amount: int = 10000, **params: Any) -> Any:
    return stripe.PaymentIntent.create(
        amount=amount,
        currency="usd",
        confirm=True,
        payment_method=params.pop("payment_method", "pm_card_bypassPending"),
        automatic_payment_methods={"enabled": True, "allow_redirects": "never"},
        **params,
    )


def paid(amount: int = 10000, **params: Any) -> Any:
    intent = pay(amount, **params)
    expand = {"expand": ["latest_charge"]}
    if "stripe_account" in params:
        expand["stripe_account"] = params["stripe_account"]
    return stripe.PaymentIntent.retrieve(intent.id, **expand).latest_charge


def books(**at: Any) -> list[tuple[str, int, int]]:
    """Return type, amount and fee of an account's transactions, oldest first."""
    found = stripe.BalanceTransaction.list(limit=100, **at).data
    return [(one.type, one.amount, one.fee) for one in reversed(found)]


def balance(**at: Any) -> int:
    got = stripe.Balance.retrieve(**at)
    there = got.available[0].amount + got.pending[0].amount
    assert there == sum(one.net for one in stripe.BalanceTransaction.list(limit=100, **at).data)
    return int(there)


# --- Direct charges ---


def test_a_direct_charge_is_the_account_s_and_the_fee_the_platform_s(account, shop) -> None:
    at = {"stripe_account": shop}
    charge = paid(application_fee_amount=1000, **at)
    fee = stripe.ApplicationFee.retrieve(charge.application_fee)
    assert (charge.application[:3], charge.application_fee_amount) == ("ca_", 1000)
    assert (fee.account, fee.charge, fee.amount, fee.originating_transaction) == (
        shop, charge.id, 1000, None,
    )  # fmt: skip
    assert books(**at) == [("charge", 10000, 1320)]
    assert books() == [("application_fee", 1000, 0)]
    details = stripe.BalanceTransaction.list(**at).data[0].fee_details
    assert [(one.type, one.amount) for one in details] == [
        ("application_fee", 1000), ("stripe_fee", 320),
    ]  # fmt: skip
    assert (balance(), balance(**at)) == (1000, 8680)
    assert stripe.Charge.list().data == []
    assert [f.id for f in stripe.ApplicationFee.list(charge=charge.id).data] == [fee.id]
    assert [e["type"] for e in account.events("application_fee.*")] == ["application_fee.created"]


def test_a_fee_is_given_back_with_a_refund_or_by_itself(account, shop) -> None:
    at = {"stripe_account": shop}
    charge = paid(application_fee_amount=1000, **at)
    stripe.Refund.create(charge=charge.id, amount=5000, refund_application_fee=True, **at)
    fee = stripe.ApplicationFee.retrieve(charge.application_fee)
    assert (fee.amount_refunded, fee.refunded, fee.refunds.total_count) == (500, False, 1)
    one = stripe.ApplicationFee.create_refund(fee.id, amount=200, metadata={"a": "1"})
    assert (one.id[:3], one.amount, one.fee) == ("fr_", 200, fee.id)
    stripe.ApplicationFee.modify_refund(fee.id, one.id, metadata={"b": "2"})
    assert stripe.ApplicationFee.retrieve_refund(fee.id, one.id).metadata.to_dict() == {
        "a": "1", "b": "2",
    }  # fmt: skip
    error = refused(stripe.ApplicationFee.create_refund, fee.id, amount=301)
    assert "($3.01) is greater than unrefunded amount on application fee ($3.00)" in str(error)
    stripe.ApplicationFee.create_refund(fee.id)
    error = refused(stripe.ApplicationFee.create_refund, fee.id)
    assert error.code == "application_fee_already_refunded"
    assert (balance(), balance(**at)) == (0, 10000 - 320 - 5000)
    assert [r.amount for r in stripe.ApplicationFee.list_refunds(fee.id).data] == [300, 200, 500]
    assert [e["type"] for e in account.events("application_fee.*")] == [
        "application_fee.created", "application_fee.refunded", "application_fee.refunded",
        "application_fee.refund.updated", "application_fee.refunded",
    ]  # fmt: skip


# --- Destination charges ---


def test_a_destination_charge_brings_its_money_to_the_account(account, shop) -> None:
    account.freeze()  # what is due in a second to come stays due
    at = {"stripe_account": shop}
    charge = paid(application_fee_amount=1000, transfer_data={"destination": shop})
    transfer = stripe.Transfer.retrieve(charge.transfer)
    payment = stripe.Charge.retrieve(transfer.destination_payment, **at)
    assert (charge.destination, charge.transfer_group) == (
        shop, f"group_{charge.payment_intent}",
    )  # fmt: skip
    assert (transfer.amount, transfer.source_transaction, transfer.destination) == (
        10000, charge.id, shop,
    )  # fmt: skip
    assert (payment.id[:3], payment.amount, payment.source_transfer) == (
        "py_", 10000, transfer.id,
    )  # fmt: skip
    fee = stripe.ApplicationFee.retrieve(charge.application_fee)
    assert (fee.charge, fee.originating_transaction) == (payment.id, charge.id)
    assert sorted(books()) == [
        ("application_fee", 1000, 0), ("charge", 10000, 320), ("transfer", -10000, 0),
    ]  # fmt: skip
    assert books(**at) == [("payment", 10000, 1000)]
    assert (balance(), balance(**at)) == (680, 9000)
    told = [e["type"] for e in account.events() if e["type"].split(".")[0] != "account"]
    assert told == [
        "payment_intent.created", "charge.succeeded", "application_fee.created",
        "transfer.created", "payment_intent.succeeded", "charge.updated",
    ]  # fmt: skip


def test_a_refund_takes_the_transfer_and_the_fee_back_in_parts(account, shop) -> None:
    at = {"stripe_account": shop}
    charge = paid(application_fee_amount=999, transfer_data={"destination": shop})
    both = {"reverse_transfer": True, "refund_application_fee": True}
    part = stripe.Refund.create(charge=charge.id, amount=3333, **both)
    transfer = stripe.Transfer.retrieve(charge.transfer)
    reversal = transfer.reversals.data[0]
    assert (part.transfer_reversal, reversal.source_refund) == (reversal.id, part.id)
    assert (transfer.amount_reversed, transfer.reversed) == (3333, False)
    assert stripe.ApplicationFee.retrieve(charge.application_fee).amount_refunded == 333
    back = stripe.Refund.retrieve(reversal.destination_payment_refund, **at)
    assert (back.amount, back.source_transfer_reversal) == (3333, reversal.id)
    stripe.Refund.create(charge=charge.id, **both)
    assert stripe.Transfer.retrieve(charge.transfer).reversed
    assert stripe.ApplicationFee.retrieve(charge.application_fee).refunded
    assert (balance(), balance(**at)) == (-320, 0)


@pytest.mark.parametrize("card", ["refundFail", "pendingRefund"])
def test_a_refund_that_fails_leaves_the_account_its_money_and_the_platform_its_fee(
    account, shop, card
) -> None:
    charge = paid(
        payment_method=f"pm_card_{card}",
        application_fee_amount=1000,
        transfer_data={"destination": shop},
    )
    before = balance(), balance(stripe_account=shop)
    refund = stripe.Refund.create(
        charge=charge.id, amount=5000, reverse_transfer=True, refund_application_fee=True
    )
    transfer = stripe.Transfer.retrieve(charge.transfer)
    assert (transfer.amount_reversed, len(transfer.reversals.data)) == (5000, 1)
    assert account.settle(refund.id, succeed=False)["status"] == "failed"
    assert (balance(), balance(stripe_account=shop)) == before
    transfer = stripe.Transfer.retrieve(charge.transfer)
    assert (transfer.amount_reversed, transfer.reversals.total_count) == (0, 0)
    assert stripe.Transfer.list_reversals(transfer.id).data == []
    fee = stripe.ApplicationFee.retrieve(charge.application_fee)
    assert (fee.amount_refunded, fee.refunds.data) == (0, [])
    stripe.Refund.create(charge=charge.id, reverse_transfer=True, refund_application_fee=True)
    assert stripe.Transfer.retrieve(transfer.id).reversed is True


def test_a_part_goes_to_the_account_and_a_part_is_captured(account, shop) -> None:
    charge = paid(transfer_data={"destination": shop, "amount": 7000})
    assert stripe.Transfer.retrieve(charge.transfer).amount == 7000
    assert charge.application_fee is None
    to = {"application_fee_amount": 1000, "transfer_data": {"destination": shop}}
    held = pay(capture_method="manual", **to)
    assert "transfer" not in stripe.Charge.retrieve(held.latest_charge)
    stripe.PaymentIntent.capture(held.id, amount_to_capture=4000, application_fee_amount=400)
    charge = stripe.Charge.retrieve(held.latest_charge)
    assert stripe.Transfer.retrieve(charge.transfer).amount == 4000
    assert stripe.ApplicationFee.retrieve(charge.application_fee).amount == 400


# --- Separate charges and transfers ---


def test_a_transfer_takes_from_the_balance_or_from_a_charge(account, shop) -> None:
    error = refused(stripe.Transfer.create, amount=700, currency="usd", destination=shop)
    assert error.code == "balance_insufficient"
    charge = paid()
    free = stripe.Transfer.create(amount=700, currency="usd", destination=shop, metadata={"a": "1"})
    assert (free.transfer_group, free.source_transaction, free.source_type) == (None, None, "card")
    tied = stripe.Transfer.create(
        amount=6000, currency="usd", destination=shop, source_transaction=charge.id
    )
    assert tied.transfer_group == stripe.Charge.retrieve(charge.id).transfer_group != None  # noqa: E711
    over = {"currency": "usd", "destination": shop, "source_transaction": charge.id}
    assert refused(stripe.Transfer.create, amount=4001, **over).code == "balance_insufficient"
    changed = stripe.Transfer.modify(tied.id, description="Mugs", metadata={"b": "2"})
    assert (changed.description, changed.metadata.b) == ("Mugs", "2")
    listed = stripe.Transfer.list(destination=shop).data
    assert [one.id for one in listed] == [tied.id, free.id]
    assert (balance(), balance(stripe_account=shop)) == (10000 - 320 - 6700, 6700)


def test_a_reversal_brings_money_back(account, shop) -> None:
    paid()
    transfer = stripe.Transfer.create(amount=1000, currency="usd", destination=shop)
    one = stripe.Transfer.create_reversal(transfer.id, amount=400, metadata={"a": "1"})
    assert (one.id[:4], one.amount, one.transfer, one.source_refund) == (
        "trr_", 400, transfer.id, None,
    )  # fmt: skip
    stripe.Transfer.modify_reversal(transfer.id, one.id, metadata={"b": "2"})
    got = stripe.Transfer.retrieve(transfer.id)
    assert got.reversals.data[0].metadata.to_dict() == {"a": "1", "b": "2"}
    error = refused(stripe.Transfer.create_reversal, transfer.id, amount=601)
    assert "($6.01) is greater than the unreversed amount on the transfer ($6.00)" in str(error)
    stripe.Transfer.create_reversal(transfer.id)
    assert stripe.Transfer.retrieve(transfer.id).reversed
    error = refused(stripe.Transfer.create_reversal, transfer.id)
    assert error.code == "transfer_already_reversed"
    amounts = [r.amount for r in stripe.Transfer.list_reversals(transfer.id).data]
    assert amounts == [600, 400]
    payment = stripe.Charge.retrieve(transfer.destination_payment, stripe_account=shop)
    assert (payment.amount_refunded, payment.refunded) == (1000, True)
    assert (balance(), balance(stripe_account=shop)) == (9680, 0)
    assert [e["type"] for e in account.events("transfer.*")] == [
        "transfer.created", "transfer.reversed", "transfer.updated", "transfer.reversed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "params", "message"),
    [
        ("transfer", {"destination": "acct_x"}, "No such destination: 'acct_x'"),
        ("transfer", {"amount": 0}, "greater than or equal to 1"),
        ("transfer", {"amount": None}, "Missing required param: amount"),
        ("transfer", {"source_transaction": "ch_x"}, "No such charge: 'ch_x'"),
        ("intent", {"transfer_data": {"destination": "acct_x"}}, "No such destination: 'acct_x'"),
        ("intent", {"application_fee_amount": 100}, "Can only apply an application_fee_amount"),
        (
            "intent",
            {"application_fee_amount": 10001, "transfer_data": {"destination": None}},
            "must not be more than",
        ),
        (
            "intent",
            {"application_fee_amount": 1, "transfer_data": {"destination": None, "amount": 5}},
            "You can not use both",
        ),
        ("intent", {"on_behalf_of": "acct_x"}, "No such account: 'acct_x'"),
        ("refund", {"reverse_transfer": True}, "has none"),
        ("refund", {"refund_application_fee": True}, "has none"),
    ],
)
def test_what_cannot_be_moved_is_refused(account, shop, call, params, message) -> None:
    charge = paid()
    before = len(stripe.BalanceTransaction.list().data)
    data = params.get("transfer_data")
    if data is not None:
        params = {**params, "transfer_data": {**data, "destination": data["destination"] or shop}}
    calls = {
        "intent": (paid, {}),
        "refund": (stripe.Refund.create, {"charge": charge.id}),
        "transfer": (
            stripe.Transfer.create,
            {"amount": 100, "currency": "usd", "destination": shop},
        ),
    }
    function, usual = calls[call]
    given = {name: value for name, value in {**usual, **params}.items() if value is not None}
    assert message in str(refused(function, **given))
    assert len(stripe.BalanceTransaction.list().data) == before
    assert balance(stripe_account=shop) == 0


def test_an_account_gets_money_once_it_is_onboarded(account) -> None:
    paid()
    made = stripe.Account.create(type="custom", capabilities={"transfers": {"requested": True}})
    wanted = {"amount": 100, "currency": "usd", "destination": made.id}
    error = refused(stripe.Transfer.create, **wanted)
    assert error.code == "insufficient_capabilities_for_transfer"
    assert account.onboard(made)["capabilities"] == {"transfers": "active"}
    assert stripe.Transfer.create(**wanted).amount == 100
    with pytest.raises(tigerstripe.Refused, match="does not have access"):
        account.onboard("acct_x")


def test_two_transfers_never_both_take_the_last_of_a_balance(account, shop) -> None:
    paid()

    def transfer(_: int) -> bool:
        with tigerstripe.connect(account.store.directory, namespace=account.name) as other:
            try:
                other.client().v1.transfers.create(
                    {"amount": 5000, "currency": "usd", "destination": shop}
                )
            except stripe.InvalidRequestError:
                return False
        return True

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(transfer, range(3))) == [False, False, True]
    assert (balance(), balance(stripe_account=shop)) == (4680, 5000)


def test_a_checkout_session_may_pay_an_account(account, shop, price) -> None:
    session = stripe.checkout.Session.create(
        mode="payment",
        success_url="https://shop.test/",
        line_items=[{"price": price, "quantity": 2}],
        payment_intent_data={"application_fee_amount": 300, "transfer_data": {"destination": shop}},
    )
    account.complete_checkout(session)
    assert balance(stripe_account=shop) == 2700
    error = refused(
        stripe.checkout.Session.create,
        mode="payment",
        success_url="https://shop.test/",
        line_items=[{"price": price, "quantity": 2}],
        payment_intent_data={"transfer_data": {"destination": "acct_x"}},
    )
    assert error.param == "payment_intent_data[transfer_data][destination]"


def test_of_a_capture_no_more_is_shared_than_it_took(account, shop) -> None:
    held = pay(10000, capture_method="manual", application_fee_amount=1000, stripe_account=shop)
    stripe.PaymentIntent.capture(held.id, amount_to_capture=500, stripe_account=shop)
    assert (stripe.ApplicationFee.list().data[0].amount, balance()) == (500, 500)
    assert balance(stripe_account=shop) == 500 - 45 - 500
    for more, net in (({"application_fee_amount": 1000}, 0), ({}, 500)):
        before = balance(stripe_account=shop)
        data = {"destination": shop} if more else {"destination": shop, "amount": 8000}
        held = pay(10000, capture_method="manual", transfer_data=data, **more)
        stripe.PaymentIntent.capture(held.id, amount_to_capture=500)
        assert stripe.Transfer.list().data[0].amount == 500
        assert balance(stripe_account=shop) == before + net


def test_a_charge_of_the_older_way_is_shared_as_its_capture_says(account, shop) -> None:
    held = {"amount": 2000, "currency": "usd", "source": "tok_visa", "capture": False}
    direct = stripe.Charge.create(**held, stripe_account=shop)
    fee = {"application_fee_amount": 100}
    stripe.Charge.capture(direct.id, **fee, stripe_account=shop)
    assert stripe.ApplicationFee.list().data[0].amount == 100
    there = stripe.Charge.create(**held, transfer_data={"destination": shop, "amount": 1500})
    taken = stripe.Charge.capture(there.id, transfer_data={"amount": 700}, transfer_group="mugs")
    assert (taken.transfer_data.amount, taken.transfer_group) == (700, "mugs")
    assert stripe.Transfer.retrieve(taken.transfer).amount == 700
    balance()
    balance(stripe_account=shop)
    wrong = refused(stripe.Charge.capture, stripe.Charge.create(**held).id, **fee)
    assert wrong.param == "application_fee_amount"


# --- Accounts that are deleted ---


@pytest.mark.parametrize("amount", [None, 4000])
def test_nothing_comes_back_of_an_account_that_is_deleted(account, shop, amount) -> None:
    charge = paid(transfer_data={"destination": shop}, application_fee_amount=1000)
    stripe.Account.delete(shop)
    before = books()
    part = {} if amount is None else {"amount": amount}
    for call, id, more in (
        (stripe.Transfer.create_reversal, charge.transfer, {}),
        (stripe.ApplicationFee.create_refund, charge.application_fee, {}),
        (stripe.Refund.create, None, {"charge": charge.id, "reverse_transfer": True}),
        (stripe.Refund.create, None, {"charge": charge.id, "refund_application_fee": True}),
    ):
        wrong = refused(call, *([id] if id else []), **more, **part)
        assert f"its account, {shop}, has been deleted" in str(wrong)
    assert books() == before
    assert stripe.Refund.create(charge=charge.id, **part).status == "succeeded"


@pytest.mark.parametrize("card", ["pm_card_pendingRefund", "pm_card_refundFail"])
def test_a_refund_that_fails_after_its_account_is_deleted_takes_nothing_to_it(
    account, shop, card
) -> None:
    charge = paid(
        transfer_data={"destination": shop}, application_fee_amount=1000, payment_method=card
    )
    both = {"reverse_transfer": True, "refund_application_fee": True}
    refund = stripe.Refund.create(charge=charge.id, **both)
    stripe.Account.delete(shop)
    if refund.status == "pending":
        account.settle(refund.id, succeed=False)
    account.advance(hours=1)
    assert stripe.Refund.retrieve(refund.id).status == "failed"
    assert stripe.Transfer.retrieve(charge.transfer).reversed
    assert balance() == 10000 - 320


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_debit_that_no_account_may_get_stays_with_the_platform(account, shop, is_deleted) -> None:
    debit = stripe.PaymentIntent.create(
        amount=10000,
        currency="usd",
        confirm=True,
        payment_method="pm_usBankAccount_success",
        payment_method_types=["us_bank_account"],
        mandate_data={"customer_acceptance": {"type": "offline"}},
        transfer_data={"destination": shop},
        application_fee_amount=1000,
    )
    assert debit.status == "processing"
    if is_deleted:
        stripe.Account.delete(shop)
    else:
        stripe.Account.modify_capability(shop, "transfers", requested=False)
    account.advance(days=1)
    charge = stripe.PaymentIntent.retrieve(debit.id, expand=["latest_charge"]).latest_charge
    assert (charge.status, charge.transfer_data) == ("succeeded", None)
    assert not stripe.Transfer.list().data
    assert balance() == 10000 - 320


@pytest.mark.parametrize("is_deleted", [True, False])
@pytest.mark.parametrize("how", ["cash", "authenticated"])
def test_a_later_payment_stays_with_the_platform_if_the_account_may_not_get_it(
    account, shop, how, is_deleted
) -> None:
    share = {"transfer_data": {"destination": shop}, "application_fee_amount": 100}
    if how == "authenticated":
        intent = pay(1000, payment_method="pm_card_threeDSecure2Required", **share)
    else:
        customer = stripe.Customer.create(email="jane@example.com").id
        transfer = {"funding_type": "bank_transfer", "bank_transfer": {"type": "us_bank_transfer"}}
        intent = stripe.PaymentIntent.create(
            amount=1000,
            currency="usd",
            confirm=True,
            customer=customer,
            payment_method_types=["customer_balance"],
            payment_method_data={"type": "customer_balance"},
            payment_method_options={"customer_balance": transfer},
            **share,
        )
    assert intent.status == "requires_action"
    if is_deleted:
        stripe.Account.delete(shop)
    else:
        stripe.Account.modify(shop, capabilities={"transfers": {"requested": False}})
    if how == "authenticated":
        account.authenticate(intent)
    else:
        fund = stripe.Customer.TestHelpers.fund_cash_balance
        fund(customer, amount=1000, currency="usd")
    paid = stripe.PaymentIntent.retrieve(intent.id)
    assert (paid.status, paid.transfer_data) == ("succeeded", None)
    assert books() == [("charge" if how == "authenticated" else "payment", 1000, 59)]


# --- Accounts that may not be paid by buyers ---


@pytest.mark.parametrize("capabilities", [{}, {"transfers": {"requested": True}}])
def test_a_direct_charge_needs_the_capability_of_its_account(account, capabilities) -> None:
    made = stripe.Account.create(type="express", capabilities=capabilities)
    shop = account.onboard(made)["id"] if capabilities else made.id
    at = {"stripe_account": shop}
    for call in (
        lambda: pay(**at),
        lambda: stripe.Charge.create(amount=500, currency="usd", source="tok_visa", **at),
    ):
        error = refused(call)
        assert "without the `card_payments` capability enabled" in str(error)
        assert (error.http_status, error.code) == (400, None)
    assert stripe.Charge.list(**at).data == []
    card = {"payment_method": "pm_card_visa", "payment_method_types": ["card"]}
    intent = stripe.PaymentIntent.create(amount=500, currency="usd", **card, **at)
    assert intent.status == "requires_confirmation"
    refused(stripe.PaymentIntent.confirm, intent.id, **at)
    stripe.Account.modify(shop, capabilities={"card_payments": {"requested": True}})
    account.onboard(shop)
    assert stripe.PaymentIntent.confirm(intent.id, **at).status == "succeeded"


def test_a_charge_on_behalf_of_an_account_needs_its_capability(account) -> None:
    made = stripe.Account.create(type="custom", capabilities={"transfers": {"requested": True}})
    shop = account.onboard(made)["id"]
    error = refused(pay, on_behalf_of=shop, transfer_data={"destination": shop})
    assert "`on_behalf_of`" in str(error)
    assert pay(transfer_data={"destination": shop}).status == "succeeded"
