"""Dunning: when a failed payment is tried again, and the subscription's state after the last try.

The table is the account's (`account_settings`). By default it is Stripe's of old: three, five and
seven days after each try, and then the subscription is canceled.
"""

from __future__ import annotations

from collections.abc import Sequence

from tigerstripe.records import Record
from tigerstripe.work.scope import Scope
from tigerstripe.work.unit import Work

SETTINGS = "account_settings"
DUNNING = "dunning"
USUAL: Record = {"retry_days": [3, 5, 7], "then": "canceled"}
ENDS = ("canceled", "unpaid", "past_due")
DAY_S = 24 * 3600


def table(work: Work) -> Record:
    """Return the account's table: the days between tries, and the subscription's state at last."""
    found = work.scope.own(SETTINGS).get(DUNNING, USUAL)
    return {**USUAL, **found}


def next_attempt(work: Work, invoice: Record) -> int | None:
    """Return when an invoice is tried again after a failed payment; None: never."""
    if not invoice["auto_advance"] or invoice["collection_method"] != "charge_automatically":
        return None
    if invoice["billing_reason"] == "subscription_create" and _is_incomplete(work, invoice):
        return None  # it waits for its customer
    days = table(work)["retry_days"]
    tries = invoice["attempt_count"]
    return work.now + days[tries] * DAY_S if tries < len(days) else None


def _is_incomplete(work: Work, invoice: Record) -> bool:
    id = invoice["parent"]["subscription_details"]["subscription"]
    subscription = work.get("subscriptions", id)
    return subscription is None or bool(subscription["status"] == "incomplete")


def set_table(scope: Scope, retry_days: Sequence[int], then: str) -> None:
    """Set when payments are tried again from now on; raises ValueError for wrong arguments."""
    if then not in ENDS:
        raise ValueError(f"then={then!r}: expected one of {', '.join(ENDS)}")
    days = list(retry_days)
    if not all(type(day) is int and day > 0 for day in days):
        raise ValueError(f"retry_days={retry_days!r}: expected whole days, each 1 or more")
    scope.own(SETTINGS).insert({"id": DUNNING, "retry_days": days, "then": then})
