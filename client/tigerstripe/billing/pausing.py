"""Paused subscriptions: no period passes and nothing is billed until they are resumed."""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.billing import (
    billed,
    changing,
    collecting,
    issuing,
    items,
    paying,
    periods,
    proration,
    standing,
)
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

OBJECT = "subscription"
PAUSABLE = ("active", "past_due")
ENDIVE = "2026-09-30.endive"
ON_ATTEMPT, ON_SUCCESS = "resume_on_payment_attempt", "resume_on_payment_success"


def paused(work: Work, old: Record, params: Params) -> Record:
    """Return a subscription as paused now, with the credits and the bill for that.

    Raises `Refused` in other states, with a schedule, and in classic mode.
    """
    if old["billing_mode"]["type"] == "classic":
        raise Refused(
            "To pause a subscription, its billing_mode has to be flexible: migrate it first."
        )
    if old["schedule"] is not None:
        raise Refused(f"Release the schedule {old['schedule']} of the subscription first.")
    if old["status"] not in PAUSABLE:
        raise Refused(
            f"The subscription {old['id']} is {old['status']}: only one that is active or past_due "
            f"can be paused."
        )
    old = standing.without_update(work, old)
    bill_for = params.get("bill_for") or {}
    unused = (bill_for.get("unused_time_from") or {}).get("type") or "now"
    usage = (bill_for.get("outstanding_usage_through") or {}).get("type") or "now"
    data = old["items"]["data"]
    parts: list[Record] = []
    if unused != "none":
        for item in data:
            at = item["current_period_start"] if unused != "now" else work.now
            parts += proration.credit(work, old, item, at)
    proration.stored(work, parts)
    new = {
        **billed.with_prorations(old, parts),
        "status": "paused",
        "status_details": {
            "paused": {
                "subscription": {"type": "pause_requested"},
                "transitioned_at": work.now,
                "type": "subscription",
            }
        },
    }
    if params.get("invoicing_behavior") == "invoice":
        id = issuing.new_invoice_id()
        content = issuing.of_usage(work, old, data, id) if usage == "now" else ([], {})
        start = min(item["current_period_start"] for item in data)
        period = (start, work.now)
        invoice = issuing.invoice(work, old, "subscription_update", content, period, id=id)
        new["latest_invoice"] = collecting.finalized(work, invoice)["id"]
    saved: Record = registry.need(OBJECT).save(work, old, new)
    work.tell("customer.subscription.paused", saved)
    return saved


def resumed(work: Work, old: Record, params: Params) -> Record:
    """Return a subscription that goes on: in a new period from now, or in the one it would be in.

    Until endive it goes on once the invoice of that is paid, since then whether it is or not,
    unless `payment_behavior` says otherwise. Raises `Refused` if it is not paused.
    """
    if params.get("proration_date") is not None:
        raise errors.not_built_parameter("proration_date")
    if old["status"] != "paused":
        raise Refused(
            f"The subscription {old['id']} is {old['status']}: only a paused one can be resumed."
        )
    default = ON_ATTEMPT if work.version >= ENDIVE else ON_SUCCESS
    waits = (params.get("payment_behavior") or default) == ON_SUCCESS
    subscription, invoice = _going_on(work, old, params)
    if invoice is not None and waits:
        kept = {**private(subscription), standing.RESUMES: invoice["id"]}
        subscription = {**subscription, "status": "paused", PRIVATE: kept}
        work.put("subscriptions", subscription)
        if paying.method_of(work, invoice) is not None:
            collecting.collected(work, invoice, off_session=True)
        return work.get("subscriptions", old["id"]) or subscription
    return standing.awake(work, subscription)


def _going_on(work: Work, old: Record, params: Params) -> tuple[Record, Record | None]:
    """Return a subscription in its period, and the open invoice of it; None: nothing is due."""
    if (changing.anchor_of(params) or "now") == "unchanged":
        return _in_its_period(work, old, params.get("proration_behavior")), None
    data = [changing.from_now(work, item) for item in old["items"]["data"]]
    new = {**old, "billing_cycle_anchor": work.now, "items": items.listed(old["id"], data)}
    id = issuing.new_invoice_id()
    content = issuing.of_period(work, {**new, "created": 0}, data, id)
    period = (work.now, work.now)
    invoice = issuing.invoice(work, new, "subscription_update", content, period, id=id)
    invoice = collecting.finalized(work, invoice)
    new = {**billed.on_invoice(work, new, invoice), "latest_invoice": invoice["id"]}
    saved: Record = registry.need(OBJECT).save(work, old, new)
    return saved, invoice if invoice["status"] == "open" else None


def _in_its_period(work: Work, old: Record, behavior: str | None) -> Record:
    """Return a subscription in the period of this time, the rest of which is to be paid."""
    anchor = old["billing_cycle_anchor"]
    data = []
    for item in old["items"]["data"]:
        start, end = periods.period(anchor, item["price"]["recurring"], work.now)
        data.append({**item, "current_period_end": end, "current_period_start": start})
    new = {**old, "items": items.listed(old["id"], data)}
    if behavior != "none":
        parts = [part for item in data for part in proration.debit(work, new, item, work.now)]
        proration.stored(work, parts)
        new = billed.with_prorations(new, parts)
    saved: Record = registry.need(OBJECT).save(work, old, new)
    return saved
