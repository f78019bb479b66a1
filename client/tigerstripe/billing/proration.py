"""Prorations: the credit and the debit for a change in the middle of a period.

Each item is prorated to the second, after its discounts, and rounded to the nearest cent: recorded
values agree (8500 * 2578574 / 2592000 is 8456). The differences between the billing modes are those
of Stripe's pages "Prorations" and "Compare classic and flexible billing mode". For an amount off in
classic mode, the numbers of the first page disagree with its words; the numbers are used.
"""

from __future__ import annotations

from tigerstripe.billing import billed, discounts, items, lines, pending, periods
from tigerstripe.billing.totals import Line
from tigerstripe.objects import registry
from tigerstripe.records import Record
from tigerstripe.work.unit import PRIVATE, Work


def credit(work: Work, subscription: Record, item: Record, at: int) -> list[Record]:
    """Return the invoice item that credits the rest of an item's period; not stored, or none.

    In flexible mode it is a part of the amount that was billed last, if its period is not over yet:
    usage, for one, is billed afterwards. In classic mode it is a part of the item's full price,
    whatever was billed. There is none for a metered item, which is paid by usage, nor after the end
    of the period.
    """
    if not _has_rest(item, at):
        return []
    if is_classic(subscription):
        own, of_all = billed.used_of(subscription, item["id"]) or _lasting(work, subscription, item)
        amount = _net_alone(work, subscription, item, [*own, *of_all])
        terms = _of_item(item)
    else:
        debit = billed.debit_of(subscription, item["id"])
        if debit is None or debit["end"] <= at:
            return []
        amount, terms = debit["amount"], debit
    part = _part(work, subscription, item, terms, amount, at, is_credit=True)
    return [{**part, PRIVATE: {"credited": _credited(work, subscription, item)}}]


def debit(work: Work, subscription: Record, item: Record, at: int) -> list[Record]:
    """Return the invoice item that charges the rest of an item's period; not stored, or none.

    It includes lasting discounts. An amount off the whole subscription is taken off each item in
    classic mode, and spread over the items by their cost in flexible mode.
    """
    if not _has_rest(item, at):
        return []
    own, of_all = _lasting(work, subscription, item)
    if is_classic(subscription):
        amount = _net_alone(work, subscription, item, [*own, *of_all])
    else:
        amount = _net_together(work, subscription, item)
    part = _part(work, subscription, item, _of_item(item), amount, at, is_credit=False)
    return [{**part, PRIVATE: {"used": {"own": own, "all": of_all}}}]


def _has_rest(item: Record, at: int) -> bool:
    return at < item["current_period_end"] and not items.is_metered(item)


def _of_item(item: Record) -> Record:
    return {
        "end": item["current_period_end"],
        "price": item["price"]["id"],
        "quantity": item["quantity"],
        "start": item["current_period_start"],
    }


def _part(
    work: Work,
    subscription: Record,
    item: Record,
    terms: Record,
    amount: int,
    at: int,
    *,
    is_credit: bool,
) -> Record:
    """Return the invoice item for the part of an amount that is left of its period at a time."""
    signed = -amount if is_credit else amount
    price = work.get("prices", terms["price"]) or item["price"]
    quantity = terms["quantity"]
    return pending.of_item(
        work,
        subscription,
        item,
        amount=periods.left(signed, terms["start"], terms["end"], at),
        description=lines.prorated(work, price, quantity, at, is_credit=is_credit),
        discountable=False,
        period={"end": terms["end"], "start": at},
        pricing=lines.pricing(price, None),
        proration=True,
        quantity=quantity,
        quantity_decimal=str(quantity),
    )


# --- The cost of a whole period after discounts ---


def is_classic(subscription: Record) -> bool:
    """Tell whether a subscription is billed in classic mode."""
    return bool(subscription["billing_mode"]["type"] == "classic")


def _lasting(work: Work, subscription: Record, item: Record) -> tuple[list[str], list[str]]:
    """Return the ids of an item's lasting discounts: its own, and those of the whole.

    Those of the whole are the subscription's, else its customer's.
    """
    customer = work.get("customers", subscription["customer"]) or {}
    of_all = subscription["discounts"]
    if not of_all and customer.get("discount"):
        of_all = [customer["discount"]["id"]]
    return (
        discounts.lasting(work, item["discounts"], work.now),
        discounts.lasting(work, of_all, work.now),
    )


def _line(work: Work, subscription: Record, item: Record) -> Line:
    return Line(items.cost(work, item, subscription["currency"]), item["price"]["product"])


def _net_together(work: Work, subscription: Record, item: Record) -> int:
    """Return the cost of an item, with its part of the discounts that all items share."""
    currency = subscription["currency"]
    data = subscription["items"]["data"]
    licensed = [one for one in data if not items.is_metered(one)]
    together = {one["id"]: _line(work, subscription, one) for one in licensed}
    for one in licensed:
        for id in _lasting(work, subscription, one)[0]:
            discounts.take(work, id, [together[one["id"]]], currency)
    for id in _lasting(work, subscription, item)[1]:
        discounts.take(work, id, list(together.values()), currency)
    line = together[item["id"]]
    return line.subtotal - line.discount


def _net_alone(work: Work, subscription: Record, item: Record, ids: list[str]) -> int:
    """Return the cost of an item by itself: shared discounts are taken off it in full."""
    line = _line(work, subscription, item)
    for id in ids:
        discounts.take(work, id, [line], subscription["currency"])
    return line.subtotal - line.discount


# --- The line that a credit reverses ---


def _credited(work: Work, subscription: Record, item: Record) -> Record | None:
    """Return the line that a credit reverses: the last one that billed the item, if any."""
    debit = billed.debit_of(subscription, item["id"])
    if debit is None:
        return None
    if "line" in debit:
        return {"invoice": debit["invoice"], "invoice_line_items": [debit["line"]]}
    waiting = work.get("invoice_items", debit["item"])
    invoice = work.get("invoices", (waiting or {}).get("invoice") or "")
    if invoice is None:
        return None
    found = [line["id"] for line in lines.all_of(invoice) if _is_of(line, debit["item"])]
    return {"invoice": invoice["id"], "invoice_line_items": found} if found else None


def _is_of(line: Record, invoice_item: str) -> bool:
    details = (line["parent"] or {}).get("subscription_item_details") or {}
    return details.get("invoice_item") == invoice_item


def stored(work: Work, made: list[Record]) -> None:
    """Store invoice items; they wait for the next invoice of their subscription."""
    resource = registry.need("invoiceitem")
    for fields in made:
        resource.add(work, fields)
