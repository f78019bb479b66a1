"""The amounts of a quote, and the objects that an accepted one becomes."""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.billing import by_hand, drafts, issuing, periods, starting
from tigerstripe.checkout import cart, selling, taxing
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

NOTHING: Record = {
    "amount_subtotal": 0,
    "amount_total": 0,
    "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
}
AMOUNTS = tuple(NOTHING)
LIKE_SESSION: Record = {"customer_details": None, "mode": "subscription", "shipping_cost": None}
"""The fields that let a quote be priced like a session."""
OF_INVOICE = ("custom_fields", "days_until_due", "description", "footer")
"""The fields of a quote's invoice from its `invoice_settings`."""
SHARES = ("application_fee_percent", "on_behalf_of", "transfer_data")
"""The fields that split the money of its subscription."""


# --- What it comes to ---


def priced(work: Work, quote: Record) -> Record:
    """Return a quote with its amounts: in all, due now, and for each later period."""
    kept = private(quote)
    items = kept["items"]
    recurring = [item for item in items if private(item)["is_recurring"]]
    is_trial = bool(quote["subscription_data"]["trial_period_days"])
    every = _priced(work, quote, items)
    upfront = _priced(work, quote, items, is_trial=is_trial)
    lasting = _lasting(kept["discounts"])
    later = _priced(work, quote, recurring, discounts=lasting) if recurring else None
    return {
        **quote,
        **{name: every[name] for name in AMOUNTS},
        "automatic_tax": taxing.stated(work, {**quote, **LIKE_SESSION}),
        "computed": {
            "recurring": later and {**_interval(work, recurring), **_amounts(later)},
            "upfront": _amounts(upfront),
        },
        PRIVATE: {
            **kept,
            "items": private(every)["items"],
            "later": private(later)["items"] if later else [],
            "upfront": private(upfront)["items"],
        },
    }


def _lasting(found: list[Record]) -> list[Record]:
    """Return the discounts that are given after the first period; there is no minimum then."""
    return [{**one, "minimums": {}} for one in found if one["duration"] != "once"]


def _priced(
    work: Work,
    quote: Record,
    items: list[Record],
    *,
    is_trial: bool = False,
    discounts: list[Record] | None = None,
) -> Record:
    kept = private(quote)
    parts = {
        "default_tax_rates": quote["default_tax_rates"],
        "discounts": kept["discounts"] if discounts is None else discounts,
        "is_trial": is_trial,
        "items": items,
    }
    if not items:
        return {**NOTHING, PRIVATE: parts}
    same = {name: quote[name] for name in ("automatic_tax", "currency", "customer")}
    return cart.priced(work, {**LIKE_SESSION, **same, PRIVATE: parts})


def _amounts(of: Record) -> Record:
    return {name: of[name] for name in AMOUNTS}


def _interval(work: Work, recurring: list[Record]) -> Record:
    """Return how often items are paid for; raises `Refused` if that differs."""
    found = []
    for item in recurring:
        price = registry.need("price").given(work, item["price"], "line_items")
        found.append({
            "interval": price["recurring"]["interval"],
            "interval_count": price["recurring"]["interval_count"],
        })  # fmt: skip
    if any(one != found[0] for one in found):
        message = "All recurring line items of a quote must have the same billing interval."
        raise Refused(message, param="line_items")
    return found[0]


# --- What becomes of it ---


def converted(work: Work, quote: Record) -> Record:
    """Accept a quote, and return the fields that name the new objects; raises `Refused`."""
    customer = registry.need("customer").given(work, quote["customer"], "customer")
    items = private(quote)["items"]
    if not any(private(item)["is_recurring"] for item in items):
        return {"invoice": _invoiced(work, quote, customer)}
    params = _of_subscription(quote)
    starts_at = quote["subscription_data"]["effective_date"]
    if starts_at is not None and starts_at > work.now:
        return {"subscription_schedule": _scheduled(work, quote, params, starts_at)}
    days = quote["subscription_data"]["trial_period_days"]
    if days:
        params["trial_period_days"] = days
    shared = {name: quote[name] for name in SHARES if quote[name] is not None}
    if "transfer_data" in shared:
        names = ("amount_percent", "destination")
        shared["transfer_data"] = {name: shared["transfer_data"][name] for name in names}
    params.update(shared)
    mode = quote["subscription_data"]["billing_mode"]
    params["billing_mode"] = {name: value for name, value in mode.items() if value is not None}
    return {"subscription": starting.begun(work, customer, params, is_sold=True)["id"]}


def _of_subscription(quote: Record) -> Params:
    """Return the parameters of the subscription, or of its phase."""
    items, data = private(quote)["items"], quote["subscription_data"]
    once = [selling.as_given(item) for item in items if not private(item)["is_recurring"]]
    params: Params = {
        "add_invoice_items": once,
        "collection_method": quote["collection_method"],
        "currency": quote["currency"],
        "default_tax_rates": quote["default_tax_rates"],
        "description": data["description"],
        "discounts": _named(quote),
        "items": [selling.as_given(item) for item in items if private(item)["is_recurring"]],
        "metadata": data["metadata"],
    }
    if quote["collection_method"] == "send_invoice":
        params["days_until_due"] = quote["invoice_settings"]["days_until_due"]
    if quote["automatic_tax"]["enabled"]:
        params["automatic_tax"] = {"enabled": True}
    return params


def _scheduled(work: Work, quote: Record, params: Params, starts_at: int) -> str:
    """Make the schedule of a later start; its subscription goes on after the one phase."""
    for name in SHARES:
        if quote[name] is not None:
            raise errors.not_built_parameter(f"{name} with a later effective_date")
    days, phase = quote["subscription_data"]["trial_period_days"], dict(params)
    due = phase.pop("days_until_due", None)
    if due is not None:
        phase["invoice_settings"] = {"days_until_due": due}
    paid_from = starts_at
    if days:
        phase["trial_end"] = paid_from = starts_at + days * periods.DAY_S
    recurring = quote["computed"]["recurring"]
    phase["end_date"] = periods.later(paid_from, recurring["interval"], recurring["interval_count"])
    schedule: Record = registry.need("subscription_schedule").create(
        work,
        {},
        {
            "billing_mode": {"type": quote["subscription_data"]["billing_mode"]["type"]},
            "customer": quote["customer"],
            "phases": [phase],
            "start_date": starts_at,
        },
    )
    return str(schedule["id"])


def _invoiced(work: Work, quote: Record, customer: Record) -> str:
    """Make the draft of the items sold once; return its id."""
    id, settings = issuing.new_invoice_id(), quote["invoice_settings"]
    params: Params = {
        **{name: settings[name] for name in OF_INVOICE},
        **{name: quote[name] for name in ("collection_method", "currency")},
        **{name: quote[name] for name in by_hand.SHARES if quote[name] is not None},
        "default_tax_rates": quote["default_tax_rates"],
    }
    if quote["automatic_tax"]["enabled"]:
        params["automatic_tax"] = {"enabled": True}
    if quote["discounts"]:
        params["discounts"] = _named(quote)
    if quote["collection_method"] == "charge_automatically":
        del params["days_until_due"]
    fields = by_hand.fields(work, customer, params)
    currency = fields.pop("currency")
    items = private(quote)["items"]
    content, rates = selling.lines_of(work, customer, currency, items, id)
    parent = {
        "quote_details": {"quote": quote["id"]},
        "subscription_details": None,
        "type": "quote_details",
    }
    draft = drafts.drawn_up(
        work, customer, currency, "quote_accept", content, rates, id=id, parent=parent, **fields
    )
    registry.need("invoice").add(work, by_hand.shared(work, draft, params))
    return id


def _named(quote: Record) -> list[Params]:
    """Return a quote's discounts as they are asked for; a promotion code stands for its coupon."""
    return [
        {"promotion_code": one["promotion_code"]}
        if one["promotion_code"]
        else {"coupon": one["coupon"]}
        for one in private(quote)["discounts"]
    ]
