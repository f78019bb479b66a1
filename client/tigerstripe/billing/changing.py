"""A change of a subscription: its items, its periods, and the money for it.

A change in the middle of a period gives back the rest of the old items, and charges the rest of the
new ones (`proration`). Periods begin anew if `billing_cycle_anchor` says so, at the end of a trial,
and, in classic mode, with another interval; in flexible mode each item has its own periods.
"""

from __future__ import annotations

from tigerstripe.billing import (
    billed,
    collecting,
    issuing,
    items,
    paying,
    periods,
    proration,
    standing,
    starting,
    terms,
    usage,
)
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.objects.resource import ordered
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

UNBILLED = ("trialing", "incomplete", "paused")
"""The states in which nothing is paid of the period that a subscription is in."""


class Change:
    """A change of a subscription in progress: the old, the new, and the differences."""

    __slots__ = ("at", "behavior", "is_anew", "new", "old", "pairs")

    def __init__(self, work: Work, old: Record, new: Record, params: Params) -> None:
        """Compare a subscription with its future state; raises `Refused` for a date outside."""
        self.old: Record = old
        self.new: Record = new
        self.behavior = params.get("proration_behavior") or "create_prorations"
        self.at: int = params.get("proration_date") or work.now
        self.pairs: list[tuple[Record | None, Record | None]] = _pairs(old, new)
        """The items that change, the old and the new of each; None where there is none."""
        self.is_anew: bool = _begins_anew(work, old, new, params)
        """Whether all periods begin at this moment."""
        if params.get("proration_date") is not None:
            _check_date(old, self.at)


def _pairs(old: Record, new: Record) -> list[tuple[Record | None, Record | None]]:
    before = {item["id"]: item for item in old["items"]["data"]}
    after = {item["id"]: item for item in new["items"]["data"]}
    return [
        (before.get(id), after.get(id))
        for id in {**before, **after}
        if id not in before or id not in after or items.terms(before[id]) != items.terms(after[id])
    ]


def _begins_anew(work: Work, old: Record, new: Record, params: Params) -> bool:
    if old["status"] == "trialing" and new["status"] != "trialing":
        return True
    if anchor_of(params) == "now":
        if new["status"] == "trialing":
            raise Refused(
                "A trial ends before periods begin anew: end it with `trial_end`.",
                param="billing_cycle_anchor",
            )
        return True
    if new["status"] == "trialing" or not proration.is_classic(new):
        return False
    return _interval(old) != _interval(new) or (_is_free(work, old) and not _is_free(work, new))


def _is_free(work: Work, subscription: Record) -> bool:
    """Tell whether no item costs anything."""
    currency = subscription["currency"]
    return not any(
        items.is_metered(item) or items.cost(work, item, currency)
        for item in subscription["items"]["data"]
    )


def anchor_of(params: Params) -> str | None:
    """Return the anchor that a request asks for, in the newer form or the older."""
    given = params.get("billing_cycle_anchor")
    found: str | None = given["type"] if isinstance(given, dict) else given
    return found


def _interval(subscription: Record) -> tuple[str, int] | None:
    data = subscription["items"]["data"]
    recurring = data[0]["price"]["recurring"] if data else None
    return (recurring["interval"], recurring["interval_count"]) if recurring else None


def _check_date(subscription: Record, at: int) -> None:
    starts = [item["current_period_start"] for item in subscription["items"]["data"]]
    if not min(starts) <= at <= max(terms.period_ends(subscription)):
        raise Refused(
            "Cannot specify `proration_date` that is outside of the current period.",
            param="proration_date",
        )


# --- Its end ---


def canceled(work: Work, old: Record, params: Params, details: Record) -> Record:
    """Return a subscription that ends now; the rest of its period is credited if requested."""
    if params.get("prorate"):
        for item in old["items"]["data"]:
            proration.stored(work, proration.credit(work, old, item, work.now))
    if not params.get("invoice_now"):
        return standing.canceled(work, old, details=details)
    id = issuing.new_invoice_id()
    usage = issuing.of_usage(work, old, old["items"]["data"], id)
    start = min(item["current_period_start"] for item in old["items"]["data"])
    period = (start, work.now)
    invoice = issuing.invoice(work, old, "subscription_update", usage, period, id=id)
    old = {**old, "latest_invoice": invoice["id"]}
    return standing.canceled(work, old, details=details)


# --- Its periods and its money ---


def applied(work: Work, change: Change, params: Params) -> Record:
    """Return the subscription changed, stored, with its invoice if one is due now.

    Raises `Refused` where the change has to be paid for and is not.
    """
    old = change.old
    new = _in_its_periods(work, change)
    id = issuing.new_invoice_id()
    parts = _prorated(work, change, new)
    proration.stored(work, parts)
    new = billed.with_prorations(new, parts)
    full = _full(work, change, new, id) if change.is_anew else ([], {})
    added = starting.added(work, new, params, id)
    is_due = change.is_anew or change.behavior == "always_invoice" or _has_new_interval(change)
    if not (added[0] or (is_due and (parts or full[0]))):
        return _save(work, old, new)
    starts = [item["current_period_start"] for item in old["items"]["data"]]
    period = (work.now, work.now) if change.is_anew else (min(starts), work.now)
    paying_by = {name: new[name] for name in ("default_payment_method", "default_source")}
    work.put("subscriptions", {**old, **paying_by, "latest_invoice": None})
    content = issuing.both(added, full)
    invoice = issuing.invoice(work, new, "subscription_update", content, period, id=id)
    new = billed.on_invoice(work, new, invoice)
    return _paid_for(work, old, new, invoice, params)


def _in_its_periods(work: Work, change: Change) -> Record:
    """Return the changed subscription with the periods that its items are in."""
    new = change.new
    if change.is_anew:
        new = _anew(work, new)
    elif new["status"] != "trialing":
        new = _moved(work, change)
    for before, later in () if change.is_anew else change.pairs:
        new = usage.changed(work, new, before, later)
    if new["cancel_at_period_end"]:
        new = {**new, "cancel_at": min(terms.period_ends(new))}
    return new


def _prorated(work: Work, change: Change, new: Record) -> list[Record]:
    """Return the credits of a change, by the old terms, and its debits, by the new."""
    old, at = change.old, change.at
    if change.behavior == "none" or old["status"] in UNBILLED:
        return []
    pairs: list[tuple[Record | None, Record | None]]
    if change.is_anew or new["status"] == "trialing":
        pairs = [(item, None) for item in old["items"]["data"]]
    else:
        after = {item["id"]: item for item in new["items"]["data"]}
        pairs = [(before, later and after[later["id"]]) for before, later in change.pairs]
    made = []
    for before, later in pairs:
        if before is not None:
            made += proration.credit(work, new, before, at)
            if not change.is_anew and (later is None or not items.is_metered(later)):
                made += usage.left_behind(work, old, before)
        if later is not None:
            made += proration.debit(work, new, later, at)
    return made


def _full(work: Work, change: Change, new: Record, id: str) -> issuing.Content:
    """Return the lines of periods that begin anew, and of the usage in the periods before."""
    full = issuing.of_period(work, {**new, "created": 0}, new["items"]["data"], id)
    if change.old["status"] in UNBILLED:
        return full
    return issuing.both(issuing.of_usage(work, change.old, change.old["items"]["data"], id), full)


def _has_new_interval(change: Change) -> bool:
    """Tell whether an item is billed in another interval from now on: it is billed at once."""
    return any(
        before is not None and after is not None and _rhythm(before) != _rhythm(after)
        for before, after in change.pairs
    )


def _rhythm(item: Record) -> tuple[str, int]:
    recurring = item["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]


def _anew(work: Work, subscription: Record) -> Record:
    """Return a subscription whose periods all begin at this moment."""
    data = [from_now(work, item) for item in subscription["items"]["data"]]
    return {
        **subscription,
        "billing_cycle_anchor": work.now,
        "items": items.listed(subscription["id"], data),
    }


def from_now(work: Work, item: Record) -> Record:
    """Return an item whose period begins at this moment."""
    end = periods.later(work.now, *_rhythm(item))
    return {**item, "current_period_end": end, "current_period_start": work.now}


def _moved(work: Work, change: Change) -> Record:
    """Return a subscription whose items with another interval are in a period of it."""
    new = change.new
    moved = {
        after["id"]: periods.period(
            new["billing_cycle_anchor"], after["price"]["recurring"], change.at
        )
        for before, after in change.pairs
        if after is not None and (before is None or _rhythm(before) != _rhythm(after))
    }
    data = [
        {
            **item,
            "current_period_start": moved[item["id"]][0],
            "current_period_end": moved[item["id"]][1],
        }
        if item["id"] in moved and new["status"] != "trialing"
        else item
        for item in new["items"]["data"]
    ]
    return {**new, "items": items.listed(new["id"], data)}


def _paid_for(work: Work, old: Record, new: Record, invoice: Record, params: Params) -> Record:
    """Return a changed subscription as the invoice of its change leaves it."""
    behavior = params.get("payment_behavior") or "allow_incomplete"
    new = {**new, "latest_invoice": invoice["id"]}
    if new["collection_method"] == "send_invoice":
        return _save(work, old, new)
    invoice, declined = collecting.finalized(work, invoice), None
    if invoice["status"] != "paid" and behavior != "default_incomplete":
        if paying.method_of(work, invoice) is None:
            raise paying.nothing()
        invoice, declined = collecting.collected(
            work, invoice, off_session=bool(params.get("off_session"))
        )
        if behavior == "error_if_incomplete":
            starting.check_paid(invoice, declined)
    if invoice["status"] == "paid":
        return _save(work, old, {**new, "status": _once_paid(new)})
    if behavior == "pending_if_incomplete":
        return standing.wait_for(work, old, new, invoice)
    late = _save(work, old, {**new, "status": "past_due"})
    if declined is None:
        return late
    standing.follow(work, late["id"], invoice, "failed")  # it may have been the last try
    return work.get("subscriptions", late["id"]) or late


def _once_paid(subscription: Record) -> str:
    status: str = subscription["status"]
    return status if status == "trialing" else "active"


def _save(work: Work, old: Record, new: Record) -> Record:
    saved: Record = registry.need("subscription").save(work, old, ordered(new))
    return saved
