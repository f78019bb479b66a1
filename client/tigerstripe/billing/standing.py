"""The state of a subscription: how its invoices change it, and how it ends.

Its most recent invoice decides: paid, the subscription is active; failed, it is past due, until the
table of `dunning` ends.
"""

from __future__ import annotations

from tigerstripe.billing import billed, collecting, dunning, issuing, paying, pending, terms
from tigerstripe.errors import Refused
from tigerstripe.objects import due, metadata, registry
from tigerstripe.objects.resource import private
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

OBJECT = "subscription"
LATE = ("past_due", "unpaid")
UNPAID = "payment_failed"
"""Why a subscription ends that was not paid for."""
PENDING_S = 23 * 3600
"""How long a change waits to be paid for, at most."""
CAN_WAIT = frozenset((
    "add_invoice_items", "billing_cycle_anchor", "cancel_at_period_end", "discounts", "expand",
    "items", "metadata", "off_session", "payment_behavior", "plan", "proration_behavior",
    "proration_date", "quantity", "trial_end", "trial_from_plan",
))  # fmt: skip
"""The parameters that a change may have that waits to be paid for: those of Stripe's page "Pending
updates reference", and those that its changelog of 2026 adds."""
ITEM_CAN_WAIT = frozenset((
    "clear_usage", "deleted", "discounts", "id", "metadata", "plan", "price", "price_data",
    "quantity",
))  # fmt: skip
"""The parameters of its items."""
RESUMES = "resumes"
"""A private field of a paused subscription: the invoice that resumes it once it is paid."""


def follow(work: Work, id: str, invoice: Record, what: str) -> None:
    """Let a subscription go on as one of its invoices did.

    `what` is `paid`, `processing`, `failed`, `overdue`, `voided` or `uncollectible`. Only its most
    recent invoice decides, one whose last try has failed, and that of a change that waits for it; a
    subscription that is being created or changed has none. While a debit is under way, a new
    subscription is active.
    """
    subscription = work.get("subscriptions", id)
    if subscription is None or subscription["latest_invoice"] is None:
        return
    update = private(subscription).get("update")
    if update is not None and update["invoice"] == invoice["id"]:
        if what == "paid":
            apply_update(work, subscription)
        elif what == "voided":
            drop_update(work, subscription)
        return
    is_last = what == "failed" and invoice["next_payment_attempt"] is None
    if subscription["latest_invoice"] != invoice["id"] and not is_last:
        return
    if what == "failed":
        _failed(work, subscription, invoice)
    elif what != "overdue":
        _settled(work, subscription, invoice, what)
    elif subscription["status"] == "active":
        _save(work, subscription, {**subscription, "status": "past_due"})


def _settled(work: Work, subscription: Record, invoice: Record, what: str) -> None:
    """Let a subscription continue, or end, after an invoice of it is paid, void, or given up."""
    status, old = subscription["status"], subscription
    if what == "paid":
        subscription = paying.with_default(work, subscription, invoice)
    if status == "paused":
        if what != "voided" and private(subscription).get(RESUMES) == invoice["id"]:
            awake(work, old)
    elif status == "incomplete" and what == "voided":
        expired(work, subscription)
    elif what == "processing" and status != "incomplete":
        return
    elif status == "incomplete" or status in LATE:
        _save(work, old, {**subscription, "status": "active"})
    else:
        _save(work, old, subscription)


def _failed(work: Work, subscription: Record, invoice: Record) -> None:
    """Let a subscription be past due; after the last try it ends as the table says."""
    if subscription["status"] in (
        "canceled",
        "incomplete",
        "incomplete_expired",
        "paused",
        "unpaid",
    ):
        return
    if invoice["next_payment_attempt"] is not None or not invoice["auto_advance"]:
        _save(work, subscription, {**subscription, "status": "past_due"})
        return
    then = dunning.table(work)["then"]
    if then == "canceled":
        canceled(work, subscription, reason=UNPAID)
    else:
        _save(work, subscription, {**subscription, "status": then})


# --- Paused, and resumed ---


def awake(work: Work, subscription: Record) -> Record:
    """Return a subscription that is not paused any more."""
    gone = ("status_details", PRIVATE)
    new = {name: value for name, value in subscription.items() if name not in gone}
    new[PRIVATE] = {k: v for k, v in private(subscription).items() if k != RESUMES}
    saved: Record = registry.need(OBJECT).save(work, subscription, {**new, "status": "active"})
    work.tell("customer.subscription.resumed", saved)
    return saved


# --- Its end ---


def canceled(
    work: Work,
    subscription: Record,
    *,
    reason: str = "cancellation_requested",
    details: Record | None = None,
    is_planned: bool = False,
    bills_usage: bool = True,
) -> Record:
    """Return a subscription that has ended; usage until now is billed, if there is any.

    `details` is what its customer said; `is_planned`: it was told beforehand that it would end.
    """
    if is_planned and bills_usage:
        subscription = _with_last_invoice(work, subscription)
    told = subscription["cancellation_details"]
    new = {
        **subscription,
        "cancel_at": subscription["cancel_at"] if is_planned else None,
        "cancel_at_period_end": is_planned and subscription["cancel_at_period_end"],
        "canceled_at": subscription["canceled_at"] if is_planned else work.now,
        "cancellation_details": {**told, **(details or {}), "reason": told["reason"] or reason},
        "ended_at": work.now,
        "pending_update": None,
        "status": "canceled",
        PRIVATE: {},
    }
    new["canceled_at"] = new["canceled_at"] or work.now
    due.cancel(work, subscription["id"])
    _stop_collecting(work, subscription)
    work.put("subscriptions", new)
    work.tell("customer.subscription.deleted", new)
    if subscription["schedule"] is not None:
        schedules = registry.need("subscription_schedule")
        schedules.end_with(work, subscription["schedule"], is_unpaid=reason == UNPAID)
    return new


def _with_last_invoice(work: Work, subscription: Record) -> Record:
    """Return a subscription after its metered usage and its waiting items are invoiced, if any."""
    data = subscription["items"]["data"]
    id = issuing.new_invoice_id()
    content = issuing.of_usage(work, subscription, data, id)
    customer = registry.need("customer").given(work, subscription["customer"], "customer")
    waits = pending.waiting(work, customer, subscription["currency"], subscription["id"])
    if not waits and not any(line["amount"] for line in content[0]):
        return subscription
    back = (data[0]["current_period_start"], work.now)
    invoice = issuing.invoice(work, subscription, "subscription_cycle", content, back, id=id)
    invoice = held_back(work, subscription, invoice)
    return {**subscription, "latest_invoice": invoice["id"]}


def held_back(work: Work, subscription: Record, invoice: Record) -> Record:
    """Return an invoice that is not asked for, if its subscription is paused or unpaid."""
    pause = subscription["pause_collection"]
    if pause is None and subscription["status"] != "unpaid":
        return invoice
    due.cancel(work, invoice["id"])
    held = {**invoice, "auto_advance": False, "automatically_finalizes_at": None}
    invoices = registry.need("invoice")
    invoice = invoices.save(work, invoice, held)
    behavior = pause["behavior"] if pause else "keep_as_draft"
    if behavior == "keep_as_draft":
        return invoice
    invoice = collecting.finalized(work, invoice)
    if invoice["status"] != "open":
        return invoice
    return (collecting.voided if behavior == "void" else collecting.uncollectible)(work, invoice)


def _stop_collecting(work: Work, subscription: Record) -> None:
    """Let the open invoices of a subscription that is over not be tried again by themselves."""
    for found in work.find_by("invoices", "customer", subscription["customer"]):
        if found["status"] == "open" and collecting.subscription_of(found) == subscription["id"]:
            collecting.stopped(work, work.get("invoices", found["id"]) or found)


def expired(work: Work, subscription: Record) -> Record:
    """Return a subscription that was never paid for."""
    subscription = without_update(work, subscription)
    due.cancel(work, subscription["id"])
    new = {**subscription, "ended_at": work.now, "status": "incomplete_expired"}
    return _save(work, subscription, new)


# --- Updates that wait for their payment ---


def check_can_wait(params: Params) -> None:
    """Raise `Refused` for a parameter that a change may not have if it waits for its payment."""
    wrong = [name for name in params if name not in CAN_WAIT]
    wrong += [
        f"items[{place}][{name}]"
        for place, item in enumerate(params.get("items") or ())
        for name in item
        if name not in ITEM_CAN_WAIT
    ]
    if wrong:
        raise Refused(
            f"`{wrong[0]}` cannot be changed with `payment_behavior=pending_if_incomplete`: change "
            f"it in a request of its own.",
            param=wrong[0],
        )


def wait_for(work: Work, old: Record, new: Record, invoice: Record) -> Record:
    """Return a subscription as it was, with the change that its invoice has to be paid for.

    It is given up when the trial or a period ends, of those before the change and of those after,
    and after 23 hours at the latest:
    docs.stripe.com/billing/subscriptions/pending-updates-reference, Expiration.
    """
    names = (
        "billing_cycle_anchor", "cancel_at", "cancel_at_period_end", "canceled_at",
        "cancellation_details", "discounts", "items", "plan", "quantity", "status", "trial_end",
        "trial_start",
    )  # fmt: skip
    changes = {name: new[name] for name in names if new.get(name) != old.get(name)}
    texts = {
        key: new["metadata"].get(key)
        for key in {**old["metadata"], **new["metadata"]}
        if new["metadata"].get(key) != old["metadata"].get(key)
    }
    changes["billed"] = billed.kept(new)
    ends = [*terms.period_ends(old), *terms.period_ends(new)]
    waiting = {
        **old,
        "latest_invoice": invoice["id"],
        "pending_update": {
            "billing_cycle_anchor": changes.get("billing_cycle_anchor"),
            "cancel_at_period_end": changes.get("cancel_at_period_end"),
            "discount": None,
            "discounts": changes.get("discounts"),
            "expires_at": min(work.now + PENDING_S, *(end for end in ends if end > work.now)),
            "metadata": {k: text for k, text in texts.items() if text is not None} or None,
            "subscription_items": changes["items"]["data"] if "items" in changes else None,
            "trial_end": changes.get("trial_end"),
            "trial_from_plan": None,
        },
        PRIVATE: {
            **private(old),
            "update": {"changes": {**changes, "metadata": texts}, "invoice": invoice["id"]},
        },
    }
    return _save(work, old, waiting)


def apply_update(work: Work, subscription: Record) -> Record:
    """Return a subscription with its pending changes, which are paid for."""
    kept = {name: value for name, value in private(subscription).items() if name != "update"}
    changes = dict(private(subscription)["update"]["changes"])
    kept.update(changes.pop("billed"))
    changes = metadata.merged(subscription, changes)  # another change may have come before
    new = {**subscription, **changes, "pending_update": None, PRIVATE: kept}
    saved = _save(work, subscription, new)
    registry.need("subscription_item").known(work, saved)
    work.tell("customer.subscription.pending_update_applied", saved)
    return saved


def drop_update(work: Work, subscription: Record) -> Record:
    """Return a subscription without the change that waits for its payment; its invoice is void."""
    id = private(subscription)["update"]["invoice"]
    kept = {name: value for name, value in private(subscription).items() if name != "update"}
    new = {**subscription, "pending_update": None, PRIVATE: kept}
    saved = _save(work, subscription, new)
    work.tell("customer.subscription.pending_update_expired", saved)
    invoice = work.get("invoices", id)
    if invoice is not None and invoice["status"] == "open":
        collecting.voided(work, invoice)
    return work.get("subscriptions", subscription["id"]) or saved


def without_update(work: Work, subscription: Record) -> Record:
    """Return a subscription that goes on as it is: no change of it waits for its payment."""
    is_waiting = subscription["pending_update"] is not None
    return drop_update(work, subscription) if is_waiting else subscription


def _save(work: Work, old: Record, new: Record) -> Record:
    saved: Record = registry.need(OBJECT).save(work, old, new)
    return saved
