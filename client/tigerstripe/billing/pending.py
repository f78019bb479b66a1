"""Invoice items that wait for a customer's next invoice, and how they get onto it."""

from __future__ import annotations

from typing import Any

from tigerstripe.billing import lines
from tigerstripe.ids import new_id
from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.records import Record
from tigerstripe.work.unit import Work

TABLE = "invoice_items"


def waiting(work: Work, customer: Record, currency: str, subscription: str | None) -> list[Record]:
    """Return the items that a customer's next invoice takes, oldest first.

    The invoice of a subscription takes its own and those that are of none; another one leaves out
    what is of a subscription.
    """
    found = work.find_by(TABLE, "customer", customer["id"])
    takes = (None, subscription)
    return [
        work.get(TABLE, item["id"]) or item  # noted as read: another request may take it first
        for item in reversed(found)
        if item["invoice"] is None and item["currency"] == currency and _of(item) in takes
    ]


def _of(item: Record) -> str | None:
    details = (item["parent"] or {}).get("subscription_details")
    return details["subscription"] if details else None


def taken(
    work: Work, customer: Record, invoice: str, currency: str, subscription: str | None = None
) -> tuple[list[Record], Record]:
    """Return the lines of all items that wait, and their tax rates; they are the invoice's now."""
    items = registry.need("invoiceitem")
    content, rates = [], {}
    for item in waiting(work, customer, currency, subscription):
        items.save(work, item, {**item, "invoice": invoice})
        line = line_of(item, invoice)
        content.append(line)
        if item["tax_rates"]:
            rates[line["id"]] = [rate["id"] for rate in item["tax_rates"]]
    return content, rates


def of_item(work: Work, subscription: Record, item: Record, **own: Any) -> Record:
    """Return an invoice item for a subscription item, not stored; `own` are its other fields."""
    return {
        "id": new_id("ii", 24),
        "currency": subscription["currency"],
        "customer": subscription["customer"],
        "customer_account": None,
        "date": work.now,
        "discountable": True,
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
        "proration": False,
        "tax_rates": item["tax_rates"],
        "test_clock": subscription["test_clock"],
        **own,
    }


def line_of(item: Record, invoice: str) -> Record:
    """Return the line that an item comes to."""
    details = (item["parent"] or {}).get("subscription_details")
    if item["proration"] and details:
        parent = lines.of_subscription(
            details["subscription"],
            details["subscription_item"],
            item["id"],
            private(item).get("credited"),
        )
    else:
        parent = lines.of_invoice_item(item["id"], details and details["subscription"])
    return lines.line(
        invoice,
        item["currency"],
        item["amount"],
        description=item["description"],
        discountable=item["discountable"],
        discounts=item["discounts"],
        metadata=item["metadata"],
        parent=parent,
        period=item["period"],
        pricing=item["pricing"],
        quantity=item["quantity"],
        quantity_decimal=item["quantity_decimal"],
    )


def item_of(line: Record) -> str | None:
    """Return the invoice item that a line is of, or None."""
    parent = line["parent"] or {}
    details = parent.get("invoice_item_details") or parent.get("subscription_item_details") or {}
    found: str | None = details.get("invoice_item")
    return found


def let_go(work: Work, invoice: Record) -> None:
    """Let the items of a draft that is deleted wait again; those made for it alone go with it."""
    items = registry.need("invoiceitem")
    for found in work.find_by(TABLE, "invoice", invoice["id"]):
        item = work.get(TABLE, found["id"]) or found
        if private(item).get("is_of_invoice"):
            work.delete(TABLE, item["id"])
        else:
            items.save(work, item, {**item, "invoice": None})
