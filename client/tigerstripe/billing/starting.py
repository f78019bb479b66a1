"""The start of a subscription: its terms, its first period, and the invoice for that."""

from __future__ import annotations

from tigerstripe.billing import (
    billed,
    collecting,
    cycles,
    issuing,
    items,
    paying,
    pending,
    periods,
    proration,
    terms,
)
from tigerstripe.errors import Declined, Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import registry
from tigerstripe.objects.resource import ordered
from tigerstripe.payments import hearing
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

NEEDS_ACTION = (
    "Payment for this subscription requires additional user action before it can be completed "
    "successfully. Payment can be completed using the PaymentIntent associated with "
    "`subscription.latest_invoice`. For more details see: "
    "https://stripe.com/docs/billing/subscriptions/overview#requires-action"
)


def begun(
    work: Work,
    customer: Record,
    params: Params,
    by: Record | None = None,
    *,
    is_sold: bool = False,
    is_scheduled: bool = False,
) -> Record:
    """Return a subscription of the parameters of a create, with its first invoice; told of.

    `by` is a payment intent that pays the invoice already; prices of what `is_sold` so may have
    been deactivated since. What `is_scheduled` is active from the start: its invoice is a draft for
    an hour, as those of renewals. Raises `Refused`, with nothing done, and of `error_if_incomplete`
    where the bank declines.
    """
    subscription = terms.drawn_up(work, customer, params, is_sold=is_sold)
    if is_scheduled and subscription["status"] == "incomplete":
        subscription["status"] = "active"
    work.put("subscriptions", subscription)
    subscription = _invoiced(work, subscription, params)
    if subscription["collection_method"] == "charge_automatically" and not is_scheduled:
        subscription = _paid_for(work, subscription, params, by)
    subscription = ordered(subscription)
    work.put("subscriptions", subscription)
    registry.need("subscription_item").known(work, subscription)
    work.tell("customer.subscription.created", subscription)
    cycles.planned(work, subscription)
    work.touch("customers", customer["id"])  # its deletion knows of this subscription
    return subscription


# --- Its first invoice ---


def _invoiced(work: Work, subscription: Record, params: Params) -> Record:
    """Return a subscription with its first invoice; without one if there is nothing on it.

    So it is where what is metered is all that it has, and where a first period that is shorter
    than others, or began long ago, is not to be paid for.
    """
    id = issuing.new_invoice_id()
    content = added(work, subscription, params, id)
    if params.get("proration_behavior") != "none" or _begins_now(work, subscription):
        content = issuing.both(content, _content(work, subscription, id))
    if not content[0]:
        return subscription
    now = (work.now, work.now)
    invoice = issuing.invoice(work, subscription, "subscription_create", content, now, id=id)
    return {**billed.on_invoice(work, subscription, invoice), "latest_invoice": id}


def _begins_now(work: Work, subscription: Record) -> bool:
    """Tell whether the first period, or a trial, is one like others that begins at this moment."""
    is_trial = subscription["status"] == "trialing"
    return is_trial or bool(
        subscription["billing_cycle_anchor"] <= work.now <= subscription["start_date"]
    )


def _content(work: Work, subscription: Record, id: str) -> issuing.Content:
    """Return the lines of the first periods; those since the subscription's start come first."""
    data = subscription["items"]["data"]
    if subscription["status"] == "trialing":
        return issuing.of_period(work, subscription, data, id, is_trial=True)
    lines, rates = [], {}
    for item in data:
        own = issuing.of_period(work, subscription, [item], id)
        for line in _since_start(work, subscription, item, own[0]):
            lines.append(line)
            rates[line["id"]] = items.rates_of(item)
    return lines, rates


def _since_start(work: Work, subscription: Record, item: Record, own: list[Record]) -> list[Record]:
    """Return the lines of an item from its subscription's start on, which may be long ago.

    That is a line for each period, shorter ones for their part of the price; in classic mode one
    line for all. What is metered was not used yet.
    """
    start, end = subscription["start_date"], item["current_period_end"]
    if items.is_metered(item) or start >= item["current_period_start"]:
        return own
    anchor, recurring = subscription["billing_cycle_anchor"], item["price"]["recurring"]
    whole = items.cost(work, item, subscription["currency"])
    parts = divided(whole, anchor, recurring, start, end)
    if proration.is_classic(subscription):
        parts = [(start, end, sum(amount for _, _, amount in parts))]
    made: list[Record] = []
    for begins, ends, amount in parts:
        period = {"end": ends, "start": begins}
        line = own[0] if not made else {**own[0], "id": new_id("il", 24)}
        made.append({**line, "amount": amount, "subtotal": amount, "period": period})
    return made


def divided(
    amount: int, anchor: int, recurring: Record, start: int, end: int, *, is_free: bool = False
) -> list[tuple[int, int, int]]:
    """Return the periods between two times, each with its start, its end, and its cost.

    `amount` is what a whole one costs; one that is cut off costs its part of that, or is free.
    """
    parts = []
    at = start
    while at < end:
        whole = periods.period(anchor, recurring, at)
        part = periods.left(amount, *whole, at)
        parts.append((at, whole[1], 0 if is_free and at != whole[0] else part))
        at = whole[1]
    return parts


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


def _paid_for(work: Work, subscription: Record, params: Params, by: Record | None) -> Record:
    """Return a subscription as its first invoice, if it has one, leaves it."""
    behavior = params.get("payment_behavior") or "allow_incomplete"
    is_trial = subscription["status"] == "trialing"
    done = "trialing" if is_trial else "active"
    invoice = work.get("invoices", subscription["latest_invoice"] or "")
    if invoice is None:
        return with_setup(work, {**subscription, "status": done})
    needs_method = invoice["amount_due"] and behavior != "default_incomplete"
    if needs_method and paying.method_of(work, invoice) is None:
        raise paying.nothing()
    invoice = collecting.finalized(work, invoice, by)
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
    if invoice["status"] != "paid" and not paying.is_with_bank(work, invoice):
        return subscription
    return {**paying.with_default(work, subscription, invoice), "status": done}


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
    hearing.belongs(work, intent, subscription)
    return {**subscription, "pending_setup_intent": intent["id"]}
