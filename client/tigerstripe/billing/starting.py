"""How a subscription begins: its terms, its first period, and the invoice of that."""

from __future__ import annotations

from typing import Any

from tigerstripe import discounts, registry
from tigerstripe.billing import (
    collecting,
    cycles,
    issuing,
    paying,
    pending,
    periods,
    proration,
    terms,
)
from tigerstripe.errors import Declined, Refused
from tigerstripe.ids import new_id
from tigerstripe.resource import ordered
from tigerstripe.work import Work

Record = dict[str, Any]
Params = dict[str, Any]

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
) -> Record:
    """Return a subscription of the parameters of a create, with its first invoice; told of.

    `by` is a payment intent that pays the invoice already; prices of what `is_sold` so may have
    been deactivated since. Raises `Refused`, with nothing done, and of `error_if_incomplete` where
    the bank declines.
    """
    subscription = terms.drawn_up(work, customer, params, is_sold=is_sold)
    work.put("subscriptions", subscription)
    id = issuing.new_invoice_id()
    is_trial = subscription["status"] == "trialing"
    content = _content(work, subscription, params, id, is_trial=is_trial)
    period = (work.now, work.now)
    invoice = issuing.invoice(work, subscription, "subscription_create", content, period, id=id)
    subscription = {**subscription, "latest_invoice": id}
    subscription["discounts"] = discounts.lasting(work, subscription["discounts"], work.now)
    if subscription["collection_method"] == "charge_automatically":
        subscription = _paid_for(work, subscription, invoice, params, by)
    subscription = ordered(subscription)
    work.put("subscriptions", subscription)
    registry.need("subscription_item").known(work, subscription)
    work.tell("customer.subscription.created", subscription)
    cycles.planned(work, subscription)
    work.touch("customers", customer["id"])  # whoever deletes it knows of this subscription
    return subscription


# --- Its first invoice ---


def _content(
    work: Work, subscription: Record, params: Params, id: str, *, is_trial: bool
) -> issuing.Content:
    """Return the lines of the first period, and of what is to be paid with it."""
    data = subscription["items"]["data"]
    content = issuing.of_period(work, subscription, data, id, is_trial=is_trial)
    if not is_trial:
        is_free = params.get("proration_behavior") == "none"
        content = _since_start(subscription, content, is_free=is_free)
    return issuing.both(added(work, subscription, params, id), content)


def _since_start(
    subscription: Record, content: issuing.Content, *, is_free: bool
) -> issuing.Content:
    """Return the lines of a first period, and of those since the subscription began."""
    items_of = {item["id"]: item for item in subscription["items"]["data"]}
    lines, rates = [], {}
    for line in content[0]:
        for part in _parts(subscription, items_of[_item_of(line)], line, is_free=is_free):
            lines.append(part)
            rates[part["id"]] = content[1].get(line["id"])
    return lines, rates


def _item_of(line: Record) -> str:
    found: str = line["parent"]["subscription_item_details"]["subscription_item"]
    return found


def _parts(subscription: Record, item: Record, line: Record, *, is_free: bool) -> list[Record]:
    """Return what an item costs from its subscription's start on, which may be long ago.

    That is a line for each period, shorter ones for their part of the price; in classic mode one
    line for all.
    """
    start, end = subscription["start_date"], item["current_period_end"]
    anchor, recurring = subscription["billing_cycle_anchor"], item["price"]["recurring"]
    parts = divided(line["amount"], anchor, recurring, start, end, is_free=is_free)
    if subscription["billing_mode"]["type"] == "classic" and len(parts) > 1:
        parts = [(start, end, sum(amount for _, _, amount in parts))]
    made: list[Record] = []
    for begins, ends, amount in parts:
        period = {"end": ends, "start": begins}
        own = line if not made else {**line, "id": new_id("il", 24)}
        made.append({**own, "amount": amount, "subtotal": amount, "period": period})
    return made


def divided(
    amount: int, anchor: int, recurring: Record, start: int, end: int, *, is_free: bool
) -> list[tuple[int, int, int]]:
    """Return the periods between two times, each with its start, its end, and what it costs.

    `amount` is what a whole one costs; one that is cut off costs its part of that, or is free.
    """
    parts = []
    at = start
    while at < end:
        whole = periods.period(anchor, recurring, at)
        part = proration.rounded(amount * proration.share(*whole, at))
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


def _paid_for(
    work: Work, subscription: Record, invoice: Record, params: Params, by: Record | None
) -> Record:
    """Return a subscription as its first invoice leaves it."""
    behavior = params.get("payment_behavior") or "allow_incomplete"
    is_trial = subscription["status"] == "trialing"
    done = "trialing" if is_trial else "active"
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
    is_paid = invoice["status"] == "paid" or paying.is_with_bank(work, invoice)
    return {**subscription, "status": done if is_paid else "incomplete"}


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
