"""The times of a subscription: its next period, the end of its trial, its own end.

    incomplete -> incomplete_expired            23 hours after its creation
    trialing -> active | paused | canceled      at the end of the trial
    active -> active, with an invoice           at the end of each period
    any -> canceled                             at `cancel_at`

`next_time` says when to look again. Each subscription has one record in the calendar.
"""

from __future__ import annotations

from typing import Any

from tigerstripe.billing import (
    billed,
    collecting,
    issuing,
    items,
    paying,
    periods,
    reminders,
    standing,
)
from tigerstripe.objects import due, registry
from tigerstripe.objects.resource import private
from tigerstripe.records import Record
from tigerstripe.work.unit import PRIVATE, Work

OBJECT = "subscription"
EXPIRES_S = 23 * 3600
"""How long an incomplete subscription waits for its first payment."""
NOTICE_S = 3 * periods.DAY_S
"""How long before the end of a trial it is told of."""
OVER = ("canceled", "incomplete_expired")


def next_time(subscription: Record) -> int | None:
    """Return when time brings something to a subscription next, or None."""
    status = subscription["status"]
    if status in OVER:
        return None
    update = subscription["pending_update"]
    times = [update["expires_at"]] if update is not None else []
    if status == "incomplete":
        return int(min([*times, _expires_at(subscription)]))
    times.append(subscription["cancel_at"])
    if subscription["pause_collection"] is not None:
        times.append(subscription["pause_collection"]["resumes_at"])
    if status != "paused":
        times += [item["current_period_end"] for item in subscription["items"]["data"]]
    if status == "trialing" and not private(subscription).get("told_trial_end"):
        times.append(subscription["trial_end"] - NOTICE_S)
    known = [time for time in times if time is not None]
    return min(known) if known else None


def _expires_at(subscription: Record) -> int:
    """Return when a subscription is given up, if it is incomplete until then."""
    return int(subscription["created"]) + EXPIRES_S


def planned(work: Work, subscription: Record) -> None:
    """Let time go on with a subscription."""
    times = (next_time(subscription), reminders.upcoming_at(work, subscription))
    known = [time for time in times if time is not None]
    if known:
        due.schedule(work, OBJECT, subscription["id"], min(known))
    else:
        due.cancel(work, subscription["id"])


def happen(work: Work, id: str) -> None:
    """Do everything due for a subscription now, and schedule its next time."""
    subscription = work.get("subscriptions", id)
    if subscription is None or subscription["status"] in OVER:
        return
    step = _step(work, subscription)
    if step is not None:
        subscription = step(work, subscription)
    planned(work, subscription)


def _step(work: Work, subscription: Record) -> Any:
    """Return the first thing that is due; others at the same time follow by themselves."""
    status, now = subscription["status"], work.now
    pause, update = subscription["pause_collection"], subscription["pending_update"]
    steps = (
        (_expire, status == "incomplete" and _expires_at(subscription) <= now),
        (standing.drop_update, update is not None and update["expires_at"] <= now),
        (_resume_collection, pause is not None and (pause["resumes_at"] or now + 1) <= now),
        (_end, (subscription["cancel_at"] or now + 1) <= now),
        (_end_trial, status == "trialing" and subscription["trial_end"] <= now),
        (reminders.tell_upcoming, reminders.upcoming_at(work, subscription) == now),
        (_tell_trial_end, _is_ending_trial(subscription, now)),
        (renewed, status != "paused"),
    )
    return next((step for step, is_due in steps if is_due), None)


def _is_ending_trial(subscription: Record, now: int) -> bool:
    is_told = bool(private(subscription).get("told_trial_end"))
    return subscription["status"] == "trialing" and not is_told


def _save(work: Work, old: Record, new: Record) -> Record:
    saved: Record = registry.need(OBJECT).save(work, old, new)
    return saved


def _expire(work: Work, subscription: Record) -> Record:
    """Give up a subscription whose first payment never came."""
    invoice = work.get("invoices", subscription["latest_invoice"] or "")
    if invoice is not None and invoice["status"] == "open":
        collecting.voided(work, invoice)
        subscription = work.get("subscriptions", subscription["id"]) or subscription
    return standing.expired(work, subscription)


def _resume_collection(work: Work, subscription: Record) -> Record:
    return _save(work, subscription, {**subscription, "pause_collection": None})


def _tell_trial_end(work: Work, subscription: Record) -> Record:
    told = {**subscription, PRIVATE: {**private(subscription), "told_trial_end": True}}
    work.put("subscriptions", told)
    work.tell("customer.subscription.trial_will_end", told)
    return told


def _end(work: Work, subscription: Record) -> Record:
    """Cancel a subscription at its planned end, and bill the usage until then."""
    return standing.canceled(work, subscription, is_planned=True)


def _end_trial(work: Work, subscription: Record) -> Record:
    """Let a trial be over: the first period that is paid begins, if there is something to pay."""
    unpaid = without_method(work, subscription, subscription)
    return unpaid or renewed(work, {**subscription}, status="active")


def without_method(work: Work, old: Record, new: Record) -> Record | None:
    """Return a subscription whose trial ended without a payment method.

    It is paused or canceled, as it says; None: it goes on, with an invoice.
    """
    behavior = new["trial_settings"]["end_behavior"]["missing_payment_method"]
    if behavior == "create_invoice" or paying.has_method(work, new):
        return None
    if behavior == "cancel":
        return standing.canceled(work, new, is_planned=True)
    paused = _save(work, old, {**new, "status": "paused"})
    work.tell("customer.subscription.paused", paused)
    return paused


def renewed(work: Work, subscription: Record, status: str | None = None) -> Record:
    """Return a subscription in its next period, and issue the invoice of it."""
    now = work.now
    old = work.get("subscriptions", subscription["id"]) or subscription
    data = subscription["items"]["data"]
    over = [item for item in data if item["current_period_end"] <= now]
    if not over:
        return subscription
    id = issuing.new_invoice_id()
    back = (over[0]["current_period_start"], over[0]["current_period_end"])
    content = issuing.of_usage(work, subscription, over, id)
    if subscription["status"] == "trialing":
        content = ([], {})
    anchor = subscription["billing_cycle_anchor"]
    moved = [_next(item, anchor) if item in over else item for item in data]
    subscription = {
        **subscription,
        "items": items.listed(subscription["id"], moved),
        "status": status or subscription["status"],
    }
    begun = [item for item in moved if item["id"] in {one["id"] for one in over}]
    content = issuing.both(content, issuing.of_period(work, subscription, begun, id))
    invoice = issuing.invoice(work, subscription, "subscription_cycle", content, back, id=id)
    invoice = standing.held_back(work, subscription, invoice)
    subscription = {
        **billed.on_invoice(work, subscription, invoice),
        "latest_invoice": invoice["id"],
    }
    return _save(work, old, subscription)


def _next(item: Record, anchor: int) -> Record:
    """Return an item in the period that follows on its own."""
    start = item["current_period_end"]
    end = periods.period(anchor, item["price"]["recurring"], start)[1]
    return {**item, "current_period_end": end, "current_period_start": start}
