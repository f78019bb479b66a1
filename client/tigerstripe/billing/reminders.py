"""Reminders: events before a subscription's next invoice, and before an invoice's due date.

The account sets how many days before, as in the real one. Here there are no reminders by default,
because each reminder of an invoice costs a preview of it.
"""

from __future__ import annotations

from tigerstripe.errors import Refused
from tigerstripe.objects import due, registry
from tigerstripe.objects.resource import private
from tigerstripe.records import Record
from tigerstripe.work.scope import Scope
from tigerstripe.work.unit import PRIVATE, Work

SETTINGS = "account_settings"
REMINDERS = "reminders"
NONE: Record = {"upcoming": None, "due": None}
RENEWED = ("active", "past_due", "trialing")
TOLD = "told_upcoming"
"""A private field of a subscription: the end of the period whose reminder was created."""
DAY_S = 24 * 3600


def set_days(scope: Scope, **days: int | None) -> None:
    """Set how many days before something is told of from now on; None: never."""
    scope.own(SETTINGS).insert({"id": REMINDERS, **days})


def days(scope: Scope) -> Record:
    """Return how many days before reminders are created, of `upcoming` or of `due`."""
    return {**NONE, **scope.own(SETTINGS).get(REMINDERS, NONE)}


def upcoming_at(work: Work, subscription: Record) -> int | None:
    """Return when a subscription's next invoice is told of; None: not in this period any more."""
    before = days(work.scope)["upcoming"]
    if before is None or subscription["status"] not in RENEWED:
        return None
    item = min(subscription["items"]["data"], key=lambda item: int(item["current_period_end"]))
    end = int(item["current_period_end"])
    at = end - before * DAY_S
    is_past = at < work.now or at <= item["current_period_start"]
    return None if is_past or private(subscription).get(TOLD) == end else at


def tell_upcoming(work: Work, subscription: Record) -> Record:
    """Tell of a subscription's next invoice, if there will be one; return the subscription."""
    end = min(item["current_period_end"] for item in subscription["items"]["data"])
    told = {**subscription, PRIVATE: {**private(subscription), TOLD: end}}
    work.put("subscriptions", told)
    try:
        seen = registry.need("invoice").preview(work, {}, {"subscription": subscription["id"]})
    except Refused:  # it ends with its period
        return told
    work.tell("invoice.upcoming", {name: seen[name] for name in seen if name != "id"})
    return told


def wait_for_due(work: Work, invoice: Record) -> None:
    """Let time go on to an invoice's due date; on the way it is told of."""
    before, at = days(work.scope)["due"], int(invoice["due_date"])
    reminder = at if before is None else at - before * DAY_S
    if reminder == work.now:
        work.tell("invoice.will_be_due", invoice)
    due.schedule(work, "invoice", invoice["id"], reminder if reminder > work.now else at)
