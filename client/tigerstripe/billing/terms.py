"""The terms of a subscription: those of a new one, and those that a request may change."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from tigerstripe import errors, money
from tigerstripe.billing import by_hand, discounts, items, paying, periods, shares, taxes
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import metadata, registry
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

FLEXIBLE_SINCE = "2025-09-30.clover"
"""The version since which subscriptions are flexible unless it is said otherwise, as recorded."""
LEAP_YEARS = 4
"""After so many years at most, but for a turn of the century, all days have been there."""
CONFIGURABLE = {
    "day_of_month": (1, 31),
    "hour": (0, 23),
    "minute": (0, 59),
    "month": (1, 12),
    "second": (0, 59),
}
"""The parts of an anchor's configuration, with their ranges."""
TRIAL_MAX_S = 2 * 366 * periods.DAY_S
NULLS = (
    "application", "application_fee_percent", "cancel_at", "canceled_at", "customer_account",
    "default_payment_method", "ended_at", "latest_invoice", "next_pending_invoice_item_invoice",
    "on_behalf_of", "pause_collection", "pending_setup_intent", "pending_update", "schedule",
    "transfer_data",
)  # fmt: skip
"""Fields that are null in a new subscription, unless a request sets them."""
IN_PAST = "Invalid timestamp: must be an integer Unix timestamp in the future."


def drawn_up(work: Work, customer: Record, params: Params, *, is_sold: bool = False) -> Record:
    """Return a new subscription, not stored, of the parameters of a create; raises `Refused`.

    Its prices may be inactive by now if it `is_sold` already.
    """
    given = params.get("items") or []
    if not given:
        raise errors.missing("items")
    first = items.price_of(work, given[0], "items[0]", None, is_sold=is_sold)
    currency = money.currency(params.get("currency") or first["currency"])
    if customer["currency"] not in (None, currency):
        raise Refused(
            f"You cannot combine currencies on a single customer. This customer has an active "
            f"subscription, subscription schedule, discount, quote, or invoice item with currency "
            f"{customer['currency']}"
        )
    subscription = _without_items(work, customer, params, first, currency)
    taxes.check(subscription, customer)
    shares.check_subscription(work, subscription)
    if params.get("default_payment_method") is not None:
        method = paying.given(work, customer["id"], params["default_payment_method"])
        subscription["default_payment_method"] = method
    check_collection(subscription, customer, params)
    data = []
    for place, wanted in enumerate(given):
        at = f"items[{place}]"
        price = items.price_of(work, wanted, at, currency, is_sold=is_sold) if place else first
        anchor, start = subscription["billing_cycle_anchor"], subscription["start_date"]
        begins, ends = periods.period(anchor, price["recurring"], work.now)
        period = (max(begins, start), subscription["trial_end"] or ends)
        data.append(items.made(work, subscription, wanted, at, period, price))
    items.check_together(subscription, data)
    subscription["items"] = items.listed(subscription["id"], data)
    subscription.update(of_one(data))
    subscription["discounts"] = discounted(work, subscription, params)
    _check_cancel_at(work, subscription, params)
    return subscription


def _without_items(
    work: Work, customer: Record, params: Params, first: Record, currency: str
) -> Record:
    """Return the fields of a new subscription but for its items; `first` is the price of one."""
    get = params.get
    trial_end = _trial_end(work, params, first)
    start = _start(work, params)
    is_sent = get("collection_method") == "send_invoice"
    return {
        **dict.fromkeys(NULLS),
        "id": new_id("sub", 24),
        "object": "subscription",
        "automatic_tax": automatic_tax(get("automatic_tax")),
        "billing_cycle_anchor": anchor_of(work, params, trial_end, first["recurring"]),
        "billing_cycle_anchor_config": _config(get("billing_cycle_anchor_config")),
        "billing_mode": mode(work, get("billing_mode")),
        "billing_schedules": [],
        "billing_thresholds": get("billing_thresholds"),
        "cancel_at_period_end": False,
        "cancellation_details": dict.fromkeys(("comment", "feedback", "feedback_option", "reason")),
        "collection_method": get("collection_method") or "charge_automatically",
        "created": work.now,
        "currency": currency,
        "customer": customer["id"],
        "days_until_due": get("days_until_due") if is_sent else None,
        "default_source": get("default_source"),
        "default_tax_rates": registry.need("tax_rate").all_given(work, get("default_tax_rates")),
        "description": get("description"),
        "discounts": [],
        "invoice_settings": invoice_settings(get("invoice_settings") or {}),
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": metadata.new(get("metadata")),
        "payment_settings": payment_settings(get("payment_settings") or {}),
        "pending_invoice_item_interval": get("pending_invoice_item_interval"),
        "start_date": start,
        "status": "trialing" if trial_end else "active" if is_sent else "incomplete",
        "test_clock": customer["test_clock"],
        "trial_end": trial_end,
        "trial_settings": trial_settings(get("trial_settings")),
        "trial_start": work.now if trial_end else None,
        **shares.of_subscription(work, params),
    }


def discounted(work: Work, subscription: Record, params: Params) -> list[str]:
    """Return the ids of the discounts that a request gives a subscription; raises `Refused`."""
    return discounts.all_redeemed(
        work,
        params.get("discounts") or _of_older(params),
        "discounts",
        subscription["customer"],
        subscription["currency"],
        subscription=subscription["id"],
    )


def _of_older(params: Params) -> list[Params] | None:
    """Return the discount that versions before basil name, as the newer list."""
    names = ("coupon", "promotion_code")
    found = {name: params[name] for name in names if params.get(name) is not None}
    return [found] if found else None


def of_one(data: list[Record]) -> Record:
    """Return the fields that a subscription of one item has of it."""
    if len(data) != 1:
        return {"plan": None, "quantity": None}
    return {"plan": data[0]["plan"], "quantity": data[0]["quantity"]}


def mode(work: Work, given: Params | None) -> Record:
    """Return how a subscription is billed: by the version, unless it is said.

    Raises `Refused` (501) for discounts that prorations are to show apart.
    """
    if given is None and work.version < FLEXIBLE_SINCE:
        return {"flexible": None, "type": "classic"}
    if given is not None and given["type"] == "classic":
        return {"flexible": None, "type": "classic"}
    discounts = ((given or {}).get("flexible") or {}).get("proration_discounts") or "included"
    if discounts != "included":
        raise errors.not_built_parameter("billing_mode[flexible][proration_discounts]")
    return {
        "flexible": {"proration_discounts": discounts},
        "type": "flexible",
        "updated_at": work.now,
    }


def _trial_end(work: Work, params: Params, price: Record) -> int | None:
    """Return when a trial ends, or None if there is none; raises `Refused`."""
    end, days = params.get("trial_end"), params.get("trial_period_days")
    if end is not None and days is not None:
        raise errors.only_one_of("trial_end", "trial_period_days")
    if days is None and params.get("trial_from_plan"):
        days = price["recurring"]["trial_period_days"]
    if days is not None:
        if days < 0:
            raise errors.too_small("trial_period_days", 0)
        end = work.now + days * periods.DAY_S if days else None
    if end is None or end == "now":
        return None
    check_future(work, end, "trial_end")
    return int(end)


def _start(work: Work, params: Params) -> int:
    """Return when a subscription began, which may be said to be over; raises `Refused`."""
    start: int = params.get("backdate_start_date") or work.now
    if start > work.now:
        raise Refused(
            f"`backdate_start_date` is when a subscription began: expected a time until now "
            f"({work.now}), got {start}.",
            param="backdate_start_date",
        )
    return start


def check_future(work: Work, at: int, param: str) -> None:
    """Raise `Refused` for a time that is over, or too far away."""
    if at <= work.now:
        raise Refused(IN_PAST, param=param)
    if at > work.now + TRIAL_MAX_S:
        message = "Invalid timestamp: can be no more than two years in the future."
        raise Refused(message, param=param)


def anchor_of(work: Work, params: Params, trial_end: int | None, recurring: Record) -> int:
    """Return the anchor from which a new subscription's periods are counted; raises `Refused`."""
    anchor = params.get("billing_cycle_anchor")
    config = params.get("billing_cycle_anchor_config")
    if anchor is not None and config is not None:
        raise errors.only_one_of("billing_cycle_anchor", "billing_cycle_anchor_config")
    if config is not None:
        return _configured(trial_end or work.now, config, recurring)
    if anchor is None:
        backdated = params.get("backdate_start_date")
        return int(trial_end or backdated or work.now)
    if anchor <= work.now:
        raise Refused(IN_PAST, param="billing_cycle_anchor")
    natural = periods.later(
        trial_end or work.now, recurring["interval"], recurring["interval_count"]
    )
    if anchor > natural:
        raise Refused(
            f"`billing_cycle_anchor` cannot be later than next natural billing date ({natural}) "
            f"for plan.",
            param="billing_cycle_anchor",
        )
    return int(anchor)


def _config(given: Params | None) -> Record | None:
    if given is None:
        return None
    return {name: given.get(name) for name in CONFIGURABLE}


def _configured(now: int, config: Params, recurring: Record) -> int:
    """Return the anchor that a configuration names, from which on each period has its day.

    Raises `Refused` for what no calendar has.

    That is the next time of it, or, where that month is too short for the day, one some periods
    later in a month that is not: so the first period still ends with the last day of the first.
    """
    for name, (least, most) in CONFIGURABLE.items():
        param = f"billing_cycle_anchor_config[{name}]"
        errors.check_range(param, config.get(name), least, most)
    at = datetime.fromtimestamp(now, timezone.utc)
    hour, minute, second = (
        config[name] if config.get(name) is not None else getattr(at, name)
        for name in ("hour", "minute", "second")
    )
    first = at.replace(day=1, hour=hour, minute=minute, second=second)
    day = config["day_of_month"]
    for month in range(25):
        start = periods.months_later(int(first.timestamp()), month)
        of = datetime.fromtimestamp(start, timezone.utc)
        if config.get("month") is not None and of.month != config["month"]:
            continue
        found = _day_of(start, day)
        if found > now:
            return _with_its_day(start, day, recurring) or found
    raise AssertionError(config)


def _day_of(first: int, day: int) -> int:
    """Return a day of the month that begins at a time; the last one, if it has not so many."""
    last = (periods.months_later(first, 1) - first) // periods.DAY_S
    return int(first + (min(day, last) - 1) * periods.DAY_S)


def _with_its_day(first: int, day: int, recurring: Record) -> int | None:
    """Return the day in the first month, some periods after one, that has it; None: none has."""
    for number in range(LEAP_YEARS * 12):
        start = periods.later(first, recurring["interval"], recurring["interval_count"] * number)
        found = _day_of(start, day)
        if datetime.fromtimestamp(found, timezone.utc).day == day:
            return found
    return None


def automatic_tax(given: Params | None) -> Record:
    """Return whether a subscription's taxes are reckoned by themselves."""
    is_on = bool(given and given["enabled"])
    return {
        "disabled_reason": None,
        "enabled": is_on,
        "liability": {"type": "self"} if is_on else None,
    }


def invoice_settings(given: Params) -> Record:
    """Return the settings of a subscription's invoices."""
    names = ("account_tax_ids", "custom_fields", "description", "footer")
    return {**{name: given.get(name) for name in names}, "issuer": {"type": "self"}}


def payment_settings(given: Params) -> Record:
    """Return how a subscription's invoices are paid."""
    return {
        "payment_method_options": given.get("payment_method_options"),
        "payment_method_types": given.get("payment_method_types"),
        "save_default_payment_method": given.get("save_default_payment_method") or "off",
    }


def trial_settings(given: Params | None) -> Record:
    """Return the settings of a subscription for the end of its trial."""
    end = (given or {}).get("end_behavior") or {}
    return {
        "end_behavior": {
            "billing_cycle_anchor": end.get("billing_cycle_anchor") or "now",
            "missing_payment_method": end.get("missing_payment_method") or "create_invoice",
        }
    }


def check_collection(subscription: Record, customer: Record, params: Params) -> None:
    """Raise `Refused` if a subscription's invoices cannot be collected as it says."""
    if subscription["collection_method"] != "send_invoice":
        if params.get("days_until_due") is not None:
            raise Refused(
                "You can only specify days_until_due if collection_method is send_invoice.",
                param="days_until_due",
            )
        return
    if customer["email"] is None:
        raise Refused(by_hand.NO_EMAIL)
    if subscription["days_until_due"] is None:
        raise Refused(
            "You must specify `days_until_due` when `collection_method` is `send_invoice`.",
            code="parameter_missing",
            param="days_until_due",
        )


def _check_cancel_at(work: Work, subscription: Record, params: Params) -> None:
    """Put in when a subscription is to end, if that is said from the beginning."""
    at = params.get("cancel_at")
    if params.get("cancel_at_period_end"):
        subscription.update(ending(work, subscription, min(period_ends(subscription))))
        subscription["cancel_at_period_end"] = True
    elif at is not None:
        subscription.update(ending(work, subscription, at))


def period_ends(subscription: Record) -> list[int]:
    """Return when the periods of a subscription's items end."""
    return [item["current_period_end"] for item in subscription["items"]["data"]]


def ending(work: Work, subscription: Record, at: Any) -> Record:
    """Return the fields of a subscription that is to end at a time; raises `Refused`."""
    ends = period_ends(subscription)
    named = {
        "min_period_end": min(ends),
        "max_period_end": max(ends),
        "max_billed_until": max(ends),
    }
    at = named.get(at, at)
    if at <= work.now:
        raise Refused(IN_PAST, param="cancel_at")
    details = subscription["cancellation_details"]
    return {
        "cancel_at": at,
        "canceled_at": work.now,
        "cancellation_details": {**details, "reason": "cancellation_requested"},
    }
