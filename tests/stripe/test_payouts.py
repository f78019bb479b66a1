"""Payouts that are made by themselves, at the times of an account's schedule."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
import stripe

from tests.stripe.refusals import refused
from tests.stripe.test_connect import pay
from tigerstripe.payments.schedules import next_time

MONDAY = int(datetime(2030, 1, 7, 12, tzinfo=timezone.utc).timestamp())


def day(at: int) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("schedule", "at"),
    [
        ({"interval": "daily"}, "2030-01-08 00:00"),
        ({"interval": "weekly", "weekly_anchor": "friday"}, "2030-01-11 00:00"),
        ({"interval": "weekly", "weekly_payout_days": ["monday", "sunday"]}, "2030-01-13 00:00"),
        ({"interval": "monthly", "monthly_anchor": 31}, "2030-01-31 00:00"),
        ({"interval": "monthly", "monthly_payout_days": [7, 20]}, "2030-01-20 00:00"),
    ],
)
def test_a_schedule_has_its_next_time(schedule: Any, at: str) -> None:
    found = next_time(schedule, MONDAY)
    assert found is not None
    assert day(found) == at
    assert next_time(schedule, found) == found


def test_a_short_month_has_its_last_day_and_by_hand_there_is_none() -> None:
    february = int(datetime(2030, 2, 2, tzinfo=timezone.utc).timestamp())
    found = next_time({"interval": "monthly", "monthly_anchor": 31}, february)
    assert found is not None
    assert day(found) == "2030-02-28 00:00"
    assert next_time({"interval": "manual"}, february) is None


@pytest.fixture
def shop(account: Any) -> str:
    """The id of a connected account that may take money, on a Monday."""
    account.freeze(MONDAY)
    return str(account.onboard(stripe.Account.create(type="custom", country="US"))["id"])


def payouts(shop: str) -> list[Any]:
    return list(stripe.Payout.list(stripe_account=shop).data)


def test_a_connected_account_is_paid_out_each_day_to_its_own_bank(account, shop) -> None:
    pay(10000, transfer_data={"destination": shop}, application_fee_amount=1000)
    account.advance(hours=6)
    assert payouts(shop) == []
    account.advance(hours=6)
    [payout] = payouts(shop)
    assert (payout.amount, payout.automatic, payout.status) == (9000, True, "pending")
    assert payout.description == "STRIPE PAYOUT"
    assert day(payout.created) == "2030-01-08 00:00"
    bank = stripe.Account.retrieve(shop).external_accounts.data[0]
    assert payout.destination == bank.id
    assert stripe.Balance.retrieve(stripe_account=shop).available[0].amount == 0
    account.advance(days=3)
    [payout] = payouts(shop)
    assert (payout.status, payout.reconciliation_status) == ("paid", "completed")
    events = [one.type for one in stripe.Event.list(stripe_account=shop, limit=3).data]
    assert events == ["payout.reconciliation_completed", "payout.paid", "payout.created"]


def test_a_payout_tells_what_it_took_along(account, shop) -> None:
    for amount in (1000, 2000):
        pay(amount, transfer_data={"destination": shop})
        account.advance(days=1)
    second, first = payouts(shop)
    for payout, amount in ((first, 1000), (second, 2000)):
        found = stripe.BalanceTransaction.list(payout=payout.id, stripe_account=shop).data
        assert [(one.type, one.amount) for one in found] == [
            ("payout", -amount), ("payment", amount),
        ]  # fmt: skip
    error = refused(stripe.BalanceTransaction.list, payout="po_no", stripe_account=shop)
    assert error.param == "payout"


def test_entries_of_an_account_are_removed_with_it(account, shop) -> None:
    for card in ("pm_card_bypassPending", "pm_card_visa"):
        pay(1000, transfer_data={"destination": shop}, payment_method=card)
    stripe.Account.delete(shop)
    account.advance(days=20)
    assert "payout.created" not in [event["type"] for event in account.events()]


def test_by_hand_nothing_is_paid_out_until_the_schedule_says_so(account, shop) -> None:
    by_hand = {"payouts": {"schedule": {"interval": "manual"}}}
    stripe.Account.modify(shop, settings=by_hand)
    pay(1000, transfer_data={"destination": shop})
    account.advance(days=3)
    assert payouts(shop) == []
    weekly = {"interval": "weekly", "weekly_payout_days": ["friday"]}
    changed = stripe.BalanceSettings.modify(
        payments={"payouts": {"schedule": weekly}}, stripe_account=shop
    )
    assert changed.payments.payouts.schedule.to_dict() == weekly
    account.advance(days=1)
    [payout] = payouts(shop)
    assert day(payout.created) == "2030-01-11 00:00"
    settings = stripe.Account.retrieve(shop).settings
    assert settings.payouts.schedule.interval == "weekly"


def test_a_payout_goes_to_what_the_account_has(account, shop) -> None:
    pay(10000, transfer_data={"destination": shop, "amount": 1000})
    at = {"currency": "usd", "amount": 100}
    for where in ({}, {"stripe_account": shop}):
        own = stripe.Payout.create(**at, **where).destination
        assert stripe.Payout.create(**at, **where, destination=own).destination == own
        wrong = refused(stripe.Payout.create, **at, **where, destination="ba_nope")
        assert (wrong.code, wrong.param) == ("resource_missing", "destination")


def topped_up(account: Any, shop: str) -> str | None:
    account.settle(stripe.Topup.create(amount=1000, currency="usd").id)
    return None


def with_a_won_dispute(account: Any, shop: str) -> str | None:
    charge = pay(1000, payment_method="pm_card_bypassPending").latest_charge
    dispute = account.dispute(charge)
    account.advance(days=1)
    account.settle(dispute["id"], succeed=True)
    return None


def with_a_payout_that_failed(account: Any, shop: str) -> str | None:
    topped_up(account, shop)
    account.settle(stripe.Payout.create(amount=1000, currency="usd").id, succeed=False)
    return None


def with_a_payout_that_was_canceled(account: Any, shop: str) -> str | None:
    topped_up(account, shop)
    stripe.Payout.cancel(stripe.Payout.create(amount=1000, currency="usd").id)
    return None


def with_a_reversed_transfer(account: Any, shop: str) -> str | None:
    topped_up(account, shop)
    transfer = stripe.Transfer.create(amount=1000, currency="usd", destination=shop)
    stripe.Transfer.create_reversal(transfer.id)
    return None


def with_a_refund_that_came_back(account: Any, shop: str) -> str | None:
    refund = stripe.Refund.create(charge=pay(1000).latest_charge)
    account.settle(refund.id, succeed=False)
    return None


def with_a_transfer(account: Any, shop: str) -> str | None:
    topped_up(account, shop)
    stripe.Transfer.create(amount=1000, currency="usd", destination=shop)
    return shop


def with_a_fee_given_back(account: Any, shop: str) -> str | None:
    pay(1000, transfer_data={"destination": shop}, application_fee_amount=500)
    [fee] = stripe.ApplicationFee.list().data
    stripe.ApplicationFee.create_refund(fee.id)
    return shop


@pytest.mark.parametrize(
    "came",
    [
        topped_up, with_a_won_dispute, with_a_payout_that_failed, with_a_payout_that_was_canceled,
        with_a_reversed_transfer, with_a_refund_that_came_back, with_a_transfer,
        with_a_fee_given_back,
    ],
)  # fmt: skip
def test_money_is_paid_out_by_itself_however_it_came(account, shop, came) -> None:
    daily = {"payouts": {"schedule": {"interval": "daily"}}}
    stripe.BalanceSettings.modify(payments=daily)
    whose = came(account, shop)
    there = stripe.Balance.retrieve(stripe_account=whose).available[0].amount
    assert there > 0
    account.advance(days=1)
    found = stripe.Payout.list(stripe_account=whose).data
    assert [one.amount for one in found if one.automatic and one.status == "pending"] == [there]
    assert stripe.Balance.retrieve(stripe_account=whose).available[0].amount == 0


@pytest.mark.parametrize("day", [0, 32, -1])
def test_a_day_that_no_month_has_is_refused(account, shop, day) -> None:
    monthly = {"interval": "monthly", "monthly_payout_days": [1, day]}
    payouts = {"payouts": {"schedule": monthly}}
    wrong = refused(stripe.BalanceSettings.modify, payments=payouts)
    assert f"{day}; use 1 to 31" in str(wrong)
    assert wrong.param == "payments[payouts][schedule][monthly_payout_days][1]"
    anchored = {"payouts": {"schedule": {"interval": "monthly", "monthly_anchor": day}}}
    wrong = refused(stripe.Account.modify, shop, settings=anchored)
    assert wrong.param == "settings[payouts][schedule][monthly_anchor]"


def test_the_platform_is_paid_out_where_it_asks_for_that(account) -> None:
    account.freeze(MONDAY)
    assert stripe.BalanceSettings.retrieve().payments.payouts.schedule.interval == "manual"
    pay(10000)
    account.advance(days=2)
    assert stripe.Payout.list().data == []
    schedule = {"interval": "daily"}
    stripe.BalanceSettings.modify(payments={"payouts": {"schedule": schedule}})
    assert account.events()[-1]["type"] == "balance_settings.updated"
    account.advance(days=1)
    [payout] = stripe.Payout.list().data
    assert (payout.amount, payout.automatic) == (9680, True)
    failed = account.settle(payout.id, failure="account_closed")
    assert failed["status"] == "failed"
    assert stripe.Balance.retrieve().available[0].amount == 9680


def test_the_amount_of_a_payout_is_right_though_money_comes_at_its_very_moment(
    account, shop
) -> None:
    """At midnight money becomes available and is paid out; what comes then is the next one's."""
    account.freeze(int(datetime(2030, 1, 8, tzinfo=timezone.utc).timestamp()))
    stripe.BalanceSettings.modify(payments={"payouts": {"schedule": {"interval": "daily"}}})
    pay(1000, payment_method="pm_card_visa")
    account.advance(days=7)
    topped_up(account, shop)
    first = stripe.Payout.list().data[0]
    by_hand = stripe.Payout.create(amount=100, currency="usd")
    account.settle(first.id, failure="could_not_process")
    account.advance(days=1)
    second = stripe.Payout.list().data[0]
    assert (first.amount, second.amount) == (941, 1000 - 100 + 941)
    for payout in (first, second):
        found = stripe.BalanceTransaction.list(payout=payout.id).data
        nets = [one.net for one in found if one.source != payout.id]
        assert sum(nets) == payout.amount
    error = refused(stripe.BalanceTransaction.list, payout=by_hand.id)
    assert "only be filtered on automatic transfers" in str(error)


@pytest.mark.parametrize(
    ("external", "code"),
    [
        ({"account_number": "000111111116"}, "no_account"),
        ({"account_number": "000111111113"}, "account_closed"),
        ({"account_number": "000222222227"}, "insufficient_funds"),
        ({"account_number": "000333333335"}, "debit_not_authorized"),
        ({"account_number": "000444444440"}, "invalid_currency"),
    ],
)
def test_a_payout_fails_at_a_test_bank_and_none_follows_until_it_is_changed(
    account, external, code
) -> None:
    made = stripe.Account.create(
        type="custom",
        external_account={
            "object": "bank_account", "country": "US", "currency": "usd",
            "routing_number": "110000000", **external,
        },
    )  # fmt: skip
    account.freeze(MONDAY)
    shop = account.onboard(made)["id"]
    pay(1000, transfer_data={"destination": shop})
    account.advance(days=4)
    [payout] = payouts(shop)
    assert (payout.status, payout.failure_code) == ("failed", code)
    [bank] = stripe.Account.retrieve(shop).external_accounts.data
    assert bank.status == "errored"
    stripe.Account.modify_external_account(shop, bank.id, metadata={"seen": "yes"})
    account.advance(days=4)
    assert len(payouts(shop)) == 1
    stripe.Account.modify_external_account(shop, bank.id, account_holder_name="Jane")
    account.advance(days=1)
    assert [one.amount for one in payouts(shop)] == [1000, 1000]


@pytest.mark.parametrize(
    ("token", "failure", "is_instant"),
    [
        ("btok_us_verified", None, False),
        ("btok_us_verified_noAccount", "no_account", False),
        ("btok_us_verified_debitNotAuthorized", "debit_not_authorized", False),
        ("tok_visa_debit_us_transferSuccess", None, True),
        ("tok_visa_debit_us_transferFail", "could_not_process", True),
        ("tok_visa_debit_us_instantPayoutUnsupported", None, False),
        ("tok_discover_debit_us_transferSuccess", None, True),
    ],
)
def test_the_tokens_of_the_testing_page_are_paid_out_to_as_it_says(
    account, token, failure, is_instant
) -> None:
    shop = account.onboard(stripe.Account.create(type="custom", external_account=token))["id"]
    by_hand = {"payouts": {"schedule": {"interval": "manual"}}}
    stripe.Account.modify(shop, settings=by_hand)
    pay(1000, transfer_data={"destination": shop})
    at = {"amount": 100, "currency": "usd", "stripe_account": shop}
    assert stripe.Payout.create(**at).status == "pending"
    if is_instant:
        assert stripe.Payout.create(method="instant", **at).method == "instant"
    else:
        error = refused(stripe.Payout.create, method="instant", **at)
        assert (error.code, error.param) == ("instant_payouts_unsupported", "method")
    account.advance(days=3)
    assert {one.failure_code for one in payouts(shop)} == {failure}
