"""How a subscription begins: its terms, its first period, and the invoice of that."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from tigerstripe import discounts, errors, metadata, money, registry
from tigerstripe.billing import (
    collecting,
    cycles,
    issuing,
    items,
    paying,
    pending,
    periods,
    proration,
)
from tigerstripe.errors import Declined, Refused
from tigerstripe.ids import new_id
from tigerstripe.resource import ordered
from tigerstripe.work import Work

Record = dict[str, Any]
Params = dict[str, Any]

FLEXIBLE_SINCE = "2025-09-30.clover"
"""The version since which subscriptions are flexible unless it is said otherwise, as recorded."""
TRIAL_MAX_S = 2 * 366 * periods.DAY_S
IN_PAST = "Invalid timestamp: must be an integer Unix timestamp in the future."
NEEDS_ACTION = (
    "Payment for this subscription requires additional user action before it can be completed "
    "successfully. Payment can be completed using the PaymentIntent associated with "
    "`subscription.latest_invoice`. For more details see: "
    "https://stripe.com/docs/billing/subscriptions/overview#requires-action"
)


def begun(work: Work, customer: Record, params: Params) -> Record:
    """Return a subscription of the parameters of a create, with its first invoice; told of.

    Raises `Refused`, with nothing done, and of `error_if_incomplete` where the bank declines.
    """
    subscription = _drawn_up(work, customer, params)
    work.put("subscriptions", subscription)
    id = issuing.new_invoice_id()
    is_trial = subscription["status"] == "trialing"
    content = _content(work, subscription, params, id, is_trial=is_trial)
    period = (work.now, work.now)
    invoice = issuing.invoice(work, subscription, "subscription_create", content, period, id=id)
    subscription = {**subscription, "latest_invoice": id}
    subscription["discounts"] = discounts.lasting(work, subscription["discounts"], work.now)
    if subscription["collection_method"] == "charge_automatically":
        subscription = _paid_for(work, subscription, invoice, params)
    subscription = ordered(subscription)
    work.put("subscriptions", subscription)
    registry.need("subscription_item").known(work, subscription)
    work.tell("customer.subscription.created", subscription)
    cycles.planned(work, subscription)
    work.touch("customers", customer["id"])  # whoever deletes it knows of this subscription
    return subscription


# --- Its terms ---


def _drawn_up(work: Work, customer: Record, params: Params) -> Record:
    get = params.get
    given = get("items") or []
    if not given:
        raise errors.missing("items")
    first = items.price_of(work, given[0], "items[0]", None)
    currency = money.currency(get("currency") or first["currency"])
    if customer["currency"] not in (None, currency):
        raise Refused(
            f"You cannot combine currencies on a single customer. This customer has an active "
            f"subscription, subscription schedule, discount, quote, or invoice item with currency "
            f"{customer['currency']}"
        )
    trial_end = _trial_end(work, params, first)
    start = get("backdate_start_date") or work.now
    anchor = _anchor(work, params, trial_end, first["recurring"])
    end = trial_end or anchor
    id = new_id("sub", 24)
    is_sent = get("collection_method") == "send_invoice"
    subscription: Record = {
        "id": id,
        "object": "subscription",
        "application": None,
        "application_fee_percent": get("application_fee_percent"),
        "automatic_tax": automatic_tax(get("automatic_tax")),
        "billing_cycle_anchor": anchor,
        "billing_cycle_anchor_config": _config(get("billing_cycle_anchor_config")),
        "billing_mode": mode(work, get("billing_mode")),
        "billing_schedules": [],
        "billing_thresholds": get("billing_thresholds"),
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": dict.fromkeys(("comment", "feedback", "feedback_option", "reason")),
        "collection_method": get("collection_method") or "charge_automatically",
        "created": work.now,
        "currency": currency,
        "customer": customer["id"],
        "customer_account": None,
        "days_until_due": get("days_until_due") if is_sent else None,
        "default_payment_method": None,
        "default_source": get("default_source"),
        "default_tax_rates": registry.need("invoice").tax_rates(work, get("default_tax_rates")),
        "description": get("description"),
        "discounts": [],
        "ended_at": None,
        "invoice_settings": invoice_settings(get("invoice_settings") or {}),
        "latest_invoice": None,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": metadata.new(get("metadata")),
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": payment_settings(get("payment_settings") or {}),
        "pending_invoice_item_interval": get("pending_invoice_item_interval"),
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": start,
        "status": "trialing" if trial_end else "active" if is_sent else "incomplete",
        "test_clock": customer["test_clock"],
        "transfer_data": None,
        "trial_end": trial_end,
        "trial_settings": trial_settings(get("trial_settings")),
        "trial_start": work.now if trial_end else None,
    }
    if get("default_payment_method") is not None:
        method = paying.given(work, customer["id"], params["default_payment_method"])
        subscription["default_payment_method"] = method
    check_collection(subscription, customer, params)
    data = []
    for place, wanted in enumerate(given):
        price = items.price_of(work, wanted, f"items[{place}]", currency) if place else first
        period = (work.now, end if end > work.now else periods.period(
            anchor, price["recurring"], work.now)[1])  # fmt: skip
        named = {**wanted, "price": price["id"]}
        named.pop("plan", None)
        named.pop("price_data", None)
        data.append(items.made(work, subscription, named, f"items[{place}]", period))
    items.check_together(subscription, data)
    subscription["items"] = items.listed(id, data)
    subscription.update(of_one(data))
    subscription["discounts"] = discounted(work, subscription, params)
    _check_cancel_at(work, subscription, params)
    return subscription


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
    """Return how a subscription is billed: by the version, unless it is said."""
    if given is None and work.version < FLEXIBLE_SINCE:
        return {"flexible": None, "type": "classic"}
    if given is not None and given["type"] == "classic":
        return {"flexible": None, "type": "classic"}
    discounts = ((given or {}).get("flexible") or {}).get("proration_discounts") or "included"
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


def check_future(work: Work, at: int, param: str) -> None:
    """Raise `Refused` for a time that is over, or too far away."""
    if at <= work.now:
        raise Refused(IN_PAST, param=param)
    if at > work.now + TRIAL_MAX_S:
        message = "Invalid timestamp: can be no more than two years in the future."
        raise Refused(message, param=param)


def _anchor(work: Work, params: Params, trial_end: int | None, recurring: Record) -> int:
    """Return what periods are counted from; raises `Refused`."""
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
    return {name: given.get(name) for name in ("day_of_month", "hour", "minute", "month", "second")}


def _configured(now: int, config: Params, recurring: Record) -> int:
    """Return the next time that a configuration names; the last day stands for those it lacks."""
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
        last = (periods.months_later(start, 1) - start) // periods.DAY_S
        found: int = start + (min(day, last) - 1) * periods.DAY_S
        if found > now:
            return found
    raise AssertionError(config)


def automatic_tax(given: Params | None) -> Record:
    """Return whether a subscription's taxes are reckoned by themselves."""
    is_on = bool(given and given["enabled"])
    return {
        "disabled_reason": None,
        "enabled": is_on,
        "liability": {"type": "self"} if is_on else None,
    }


def invoice_settings(given: Params) -> Record:
    """Return what a subscription says of its invoices."""
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
    """Return what becomes of a subscription after its trial."""
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
        raise Refused(registry.need("invoice").no_email)
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


# --- Its first invoice ---


def _content(
    work: Work, subscription: Record, params: Params, id: str, *, is_trial: bool
) -> issuing.Content:
    """Return the lines of the first period, and of what is to be paid with it."""
    data = subscription["items"]["data"]
    content = issuing.of_period(work, subscription, data, id, is_trial=is_trial)
    is_short = not is_trial and subscription["billing_cycle_anchor"] > work.now
    if is_short:
        is_free = params.get("proration_behavior") == "none"
        content = (
            [_shortened(work, subscription, line, is_free) for line in content[0]],
            content[1],
        )
    return issuing.both(added(work, subscription, params, id), content)


def _shortened(work: Work, subscription: Record, line: Record, is_free: bool) -> Record:
    """Return the line of a first period that is shorter than the others: its part of the price."""
    details = line["parent"]["subscription_item_details"]
    item = next(
        one for one in subscription["items"]["data"] if one["id"] == details["subscription_item"]
    )
    recurring = item["price"]["recurring"]
    end = subscription["billing_cycle_anchor"]
    start = periods.later(end, recurring["interval"], -recurring["interval_count"])
    part = proration.share(start, end, work.now)
    amount = 0 if is_free else proration.rounded(line["amount"] * part)
    return {**line, "amount": amount, "subtotal": amount}


def added(work: Work, subscription: Record, params: Params, id: str) -> issuing.Content:
    """Return the lines of `add_invoice_items`; they are invoice items of this invoice alone."""
    content, rates = [], {}
    resource = registry.need("invoiceitem")
    for place, wanted in enumerate(params.get("add_invoice_items") or ()):
        item = resource.of_subscription(
            work, subscription, wanted, f"add_invoice_items[{place}]", id
        )
        line = pending.line_of(item, id)
        content.append(line)
        if item["tax_rates"]:
            rates[line["id"]] = [rate["id"] for rate in item["tax_rates"]]
    return content, rates


def _paid_for(work: Work, subscription: Record, invoice: Record, params: Params) -> Record:
    """Return a subscription as its first invoice leaves it."""
    behavior = params.get("payment_behavior") or "allow_incomplete"
    is_trial = subscription["status"] == "trialing"
    done = "trialing" if is_trial else "active"
    needs_method = invoice["amount_due"] and behavior != "default_incomplete"
    if needs_method and paying.method_of(work, invoice) is None:
        raise paying.nothing()
    invoice = collecting.finalized(work, invoice)
    if invoice["status"] == "paid":
        subscription = {**subscription, "status": done}
        return with_setup(work, subscription)
    if behavior == "default_incomplete":
        return subscription
    invoice, declined = collecting.collected(
        work, invoice, off_session=bool(params.get("off_session"))
    )
    if behavior == "error_if_incomplete":
        check_paid(invoice, declined)
    return {**subscription, "status": done if invoice["status"] == "paid" else "incomplete"}


def check_paid(invoice: Record, declined: Declined | None) -> None:
    """Raise `Refused` (402), with nothing kept, unless an invoice was paid at once."""
    if declined is not None:
        gone = ("charge", "doc_url", "payment_intent")
        error = {name: value for name, value in declined.error.items() if name not in gone}
        raise Refused(error.pop("message"), status=402, **error)
    if invoice["status"] != "paid":
        raise Refused(
            NEEDS_ACTION,
            status=402,
            type="card_error",
            code="subscription_payment_intent_requires_action",
        )


def with_setup(work: Work, subscription: Record) -> Record:
    """Return a subscription that is free so far, with a setup intent if it has no method."""
    if paying.has_method(work, subscription):
        return subscription
    intent = registry.need("setup_intent").make(work, {
        "customer": subscription["customer"],
        "payment_method_types": ["card"],
        "usage": "off_session",
    })  # fmt: skip
    return {**subscription, "pending_setup_intent": intent["id"]}
