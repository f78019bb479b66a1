"""What a change in the middle of a period gives back, and what is still to be paid for it.

To the second, of each item by itself, after its discounts, rounded half away from zero: what is
recorded agrees (8500 * 2578574 / 2592000 is 8456); no tie is recorded.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from tigerstripe import discounts, registry
from tigerstripe.billing import items, lines
from tigerstripe.ids import new_id
from tigerstripe.totals import Line
from tigerstripe.work import PRIVATE, Work

Record = dict[str, Any]


def changed(
    work: Work, subscription: Record, old: Record | None, new: Record | None, at: int
) -> list[Record]:
    """Return the invoice items of an item's change at a time, not stored: a credit, and a debit.

    No old item: it is added; no new one: it is taken away. What is metered is paid by what was
    used, and of a period that is over nothing is left.
    """
    made = []
    if old is not None and _has_rest(old, at):
        made.append(_part(work, subscription, old, at, is_credit=True))
    if new is not None and _has_rest(new, at):
        made.append(_part(work, subscription, new, at, is_credit=False))
    return made


def _has_rest(item: Record, at: int) -> bool:
    return at < item["current_period_end"] and not items.is_metered(item)


def _part(work: Work, subscription: Record, item: Record, at: int, *, is_credit: bool) -> Record:
    """Return the invoice item of what is left of an item's period."""
    start, end = item["current_period_start"], item["current_period_end"]
    whole = net(work, subscription, item)
    amount = rounded(Fraction(whole) * share(start, end, at))
    price = items.whole_price(work, item)
    quantity = item["quantity"]
    return {
        "id": new_id("ii", 24),
        "amount": -amount if is_credit else amount,
        "currency": subscription["currency"],
        "customer": subscription["customer"],
        "customer_account": None,
        "date": work.now,
        "description": lines.prorated(work, price, quantity, at, is_credit=is_credit),
        "discountable": False,
        "discounts": [],
        "invoice": None,
        "metadata": subscription["metadata"],
        "parent": {
            "subscription_details": {
                "subscription": subscription["id"],
                "subscription_item": item["id"],
            },
            "type": "subscription_details",
        },
        "period": {"end": end, "start": at},
        "pricing": lines.pricing(price, None),
        "proration": True,
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "tax_rates": item["tax_rates"],
        "test_clock": subscription["test_clock"],
        PRIVATE: {"credited": _credited(work, subscription, item) if is_credit else None},
    }


def share(start: int, end: int, at: int) -> Fraction:
    """Return which part of a period is left at a time."""
    return Fraction(min(max(end - at, 0), end - start), end - start)


def rounded(amount: Fraction) -> int:
    """Return an amount in whole units, rounded half away from zero."""
    whole = int(abs(amount) + Fraction(1, 2))
    return whole if amount >= 0 else -whole


def net(work: Work, subscription: Record, item: Record) -> int:
    """Return what a whole period of an item costs after its discounts and the subscription's."""
    currency = subscription["currency"]
    line = Line(items.cost(work, item, currency), item["price"]["product"])
    customer = work.get("customers", subscription["customer"]) or {}
    ids = [*item["discounts"], *subscription["discounts"]]
    if not subscription["discounts"] and customer.get("discount"):
        ids.append(customer["discount"]["id"])
    for id in discounts.lasting(work, ids, work.now):
        discounts.take(work, id, [line], currency)
    return line.subtotal - line.discount


def _credited(work: Work, subscription: Record, item: Record) -> Record | None:
    """Return which lines a credit undoes: those of the latest invoice that billed the item."""
    invoice = work.get("invoices", subscription["latest_invoice"] or "")
    if invoice is None:
        return None
    found = [line["id"] for line in lines.all_of(invoice) if _is_of(line, item["id"])]
    return {"invoice": invoice["id"], "invoice_line_items": found} if found else None


def _is_of(line: Record, item: str) -> bool:
    details = (line["parent"] or {}).get("subscription_item_details") or {}
    return details.get("subscription_item") == item and line["amount"] > 0


def stored(work: Work, made: list[Record]) -> None:
    """Store invoice items, which wait for the next invoice of their subscription."""
    resource = registry.need("invoiceitem")
    for fields in made:
        resource.add(work, fields)
