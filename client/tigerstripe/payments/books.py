"""The books: a balance transaction for each movement of money, with its fee and its source.

A balance is nothing but the sum of them: see `tigerstripe.payments.balances`.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from tigerstripe import arguments, money
from tigerstripe.ids import new_id
from tigerstripe.objects import due
from tigerstripe.payments import balances
from tigerstripe.records import Record
from tigerstripe.work.scope import Scope
from tigerstripe.work.unit import Work

TABLE = balances.TABLE
SETTINGS = "account_settings"
FEE = "fee"
"""The record of `SETTINGS` with the fee of a charge."""
USUAL: Record = {"percent": "2.9", "fixed": 30}
"""2.9 % and 30 of the smallest unit, as recorded; alike for all types and currencies."""
DISPUTE_FEE = 1500
DAY_S = 24 * 3600
PENDING_DAYS = 7
"""Money of a charge is there at the start of the seventh day after it, as recorded."""


def fee_of(work: Work, amount: int) -> int:
    """Return the fee for an amount, rounded half up as recorded."""
    rate = work.scope.own(SETTINGS).get(FEE, USUAL)
    return money.whole(Decimal(rate["percent"]) * amount / 100) + int(rate["fixed"])


def set_fee(scope: Scope, percent: str | float, fixed: int) -> None:
    """Set the fee of charges from now on; raises ValueError for wrong arguments."""
    try:
        part = Decimal(str(percent))
    except InvalidOperation:
        raise ValueError(f"percent={percent!r}: use a number from 0 to 100") from None
    if part.is_nan() or not 0 <= part <= 100:
        raise ValueError(f"percent={percent!r}: use a number from 0 to 100")
    arguments.whole("fixed", fixed, 0)
    scope.own(SETTINGS).insert({"id": FEE, "percent": str(part), "fixed": fixed})


def post(
    work: Work,
    source: str,
    amount: int,
    currency: str,
    *,
    type: str,
    category: str,
    fee: int = 0,
    application_fee: int = 0,
    description: str | None = None,
    at_once: bool = True,
) -> Record:
    """Write a transaction of an object that is its source, and return it.

    Money that is not there `at_once` is pending until the seventh day. All of an account's is by
    the account's clock, also that of customers on a test clock.
    """
    work = work.on_clock(None)
    available_on = work.now
    if not at_once:
        available_on = work.now // DAY_S * DAY_S + PENDING_DAYS * DAY_S
    transaction: Record = {
        "id": new_id("txn", 24),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": available_on,
        "balance_type": "payments",
        "created": work.now,
        "currency": currency,
        "description": description,
        "exchange_rate": None,
        "fee": fee + application_fee,
        "fee_details": _fees(type, fee, application_fee, currency),
        "net": amount - fee - application_fee,
        "reporting_category": category,
        "source": source,
        "status": "available" if at_once else "pending",
        "type": type,
    }
    balances.posts(work)
    work.put(TABLE, transaction)
    if transaction["net"] > 0:
        _tell_when_available(work, available_on)
    return transaction


def _fees(type: str, fee: int, application_fee: int, currency: str) -> list[Record]:
    """Return the fees of a movement, as its transaction shows them."""
    words = "Stripe processing fees" if type in ("charge", "payment") else "Dispute fee"
    fees = (
        ("application_fee", application_fee, "Application fee"),
        ("stripe_fee", fee, words),
    )
    return [
        {
            "amount": amount,
            "application": None,
            "currency": currency,
            "description": description,
            "type": kind,
        }
        for kind, amount, description in fees
        if amount
    ]


def _tell_when_available(work: Work, at: int) -> None:
    """Put off `balance.available`, and an automatic payout, until money of that time is there.

    Stripe sends the event for money that comes, of any source, and never for money that goes.
    """
    account = work.scope.account
    id = f"balance-{at}" if account is None else f"balance-{at}-{account}"
    if work.get(due.TABLE, id) is None:
        due.schedule(work, "balance", id, at)
