"""The lines of an invoice, with their descriptions.

Descriptions and parents are as recorded. A line is a part of its invoice's record. The private part
of the invoice keeps what no answer shows, by the line's id: the line's own tax rates.
"""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from tigerstripe import money
from tigerstripe.ids import new_id
from tigerstripe.objects.resource import private
from tigerstripe.records import Record
from tigerstripe.work.unit import PRIVATE, Work

TIMES = "\N{MULTIPLICATION SIGN}"
SHOWN_MAX = 10
"""How many lines an invoice shows; the rest has a list of its own."""
TAX_RATES = "tax_rates"


def line(invoice: str, currency: str, amount: int, **more: Any) -> Record:
    """Return a line; `more` are its description, parent, period, pricing and quantity."""
    quantity = more.get("quantity")
    return dict(
        sorted({
            "id": new_id("il", 24),
            "object": "line_item",
            "amount": amount,
            "currency": currency,
            "discount_amounts": [],
            "discountable": True,
            "discounts": [],
            "invoice": invoice,
            "livemode": False,
            "metadata": {},
            "pretax_credit_amounts": [],
            "quantity_decimal": None if quantity is None else str(quantity),
            "subtotal": amount,
            "taxes": [],
            **more,
        }.items(), key=_in_order)
    )  # fmt: skip


def _in_order(member: tuple[str, Any]) -> tuple[bool, bool, str]:
    name = member[0]
    return name != "id", name != "object", name


# --- What they are for ---


def of_subscription(
    subscription: str, item: str, invoice_item: str | None = None, credited: Record | None = None
) -> Record:
    """Return the parent of a subscription item's line; `credited` is the line that it reverses."""
    return {
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": invoice_item,
            "proration": invoice_item is not None,
            "proration_details": {"credited_items": credited},
            "subscription": subscription,
            "subscription_item": item,
        },
        "type": "subscription_item_details",
    }


def of_invoice_item(invoice_item: str, subscription: str | None = None) -> Record:
    """Return the parent of an item that a request put on an invoice."""
    return {
        "invoice_item_details": {
            "invoice_item": invoice_item,
            "proration": False,
            "proration_details": {"credited_items": None},
            "subscription": subscription,
        },
        "subscription_item_details": None,
        "type": "invoice_item_details",
    }


def pricing(price: Record, unit_amount: str | None) -> Record:
    """Return the price of a line's amount; no unit amount if several prices made it."""
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": unit_amount,
    }


# --- Words ---


def recurring(work: Work, price: Record, quantity: int, unit_amount: str | None) -> str:
    """Return the words of a period: `1 user x Basic (at $25.00 / month)`, with a true times sign.

    Without a unit amount there is none in the words.
    """
    what = _counted(work, price, quantity)
    if unit_amount is None:
        return what
    amount = _exact(unit_amount, price["currency"])
    count, interval = price["recurring"]["interval_count"], price["recurring"]["interval"]
    every = f"/ {interval}" if count == 1 else f"every {count} {interval}s"
    return f"{what} (at {amount} {every})"


def _exact(amount: str, currency: str) -> str:
    """Return an amount for words, with the decimals that it has beyond the smallest unit."""
    exact = Decimal(amount)
    if exact == exact.to_integral_value():
        return money.shown(int(exact), currency)
    sign = money.shown(0, currency).partition("0")[0]
    return f"{sign}{money.text(exact.scaleb(-money.places(currency)))}"


def free_trial(work: Work, price: Record, quantity: int | None) -> str:
    """Return the words of a trial."""
    return f"Free trial for {_counted(work, price, 1 if quantity is None else quantity)}"


def prorated(work: Work, price: Record, quantity: int, at: int, *, is_credit: bool) -> str:
    """Return the words of a part of a period, that is given back or still to come."""
    day = datetime.fromtimestamp(at, timezone.utc).strftime("%d %b %Y")
    name = product_name(work, price)
    many = f"{quantity} {TIMES} {name}" if quantity != 1 else name
    return f"{'Unused' if is_credit else 'Remaining'} time on {many} after {day}"


def _counted(work: Work, price: Record, quantity: int) -> str:
    product = work.get("products", price["product"]) or {}
    unit = product.get("unit_label")
    return f"{quantity} {f'{unit} ' if unit else ''}{TIMES} {product_name(work, price)}"


def product_name(work: Work, price: Record) -> str:
    """Return the name of a price's product; of a deleted product the id."""
    product = work.get("products", price["product"])
    return str(product["name"]) if product else str(price["product"])


# --- In an invoice ---


def all_of(invoice: Record) -> list[Record]:
    """Return all lines of an invoice, those that it does not show too."""
    return [*invoice["lines"]["data"], *private(invoice).get("more_lines", ())]


def with_lines(invoice: Record, lines: list[Record], rates: Record) -> Record:
    """Return an invoice that has these lines; `rates` has the tax rates of those with their own."""
    kept = {name: v for name, v in private(invoice).items() if name != "more_lines"}
    if len(lines) > SHOWN_MAX:
        kept["more_lines"] = lines[SHOWN_MAX:]
    kept[TAX_RATES] = {line["id"]: rates[line["id"]] for line in lines if rates.get(line["id"])}
    shown = {
        "object": "list",
        "data": lines[:SHOWN_MAX],
        "has_more": len(lines) > SHOWN_MAX,
        "total_count": len(lines),
        "url": f"/v1/invoices/{invoice['id']}/lines",
    }
    return {**invoice, "lines": shown, PRIVATE: kept}


def rates_of(invoice: Record) -> Record:
    """Return the tax rates of the lines that have their own, by the line's id."""
    found: Record = private(invoice).get(TAX_RATES, {})
    return found
