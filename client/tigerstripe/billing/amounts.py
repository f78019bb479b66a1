"""The amounts of an invoice: its lines, less discounts in order, with taxes, and the balance.

    lines -> discounts of each line -> subtotal -> discounts of all -> credits -> taxes -> total
    total -> the customer's balance -> the amount due

As recorded, the subtotal includes the discounts of a line, and not those of the invoice.
"""

from __future__ import annotations

from decimal import Decimal

from tigerstripe import money
from tigerstripe.billing import discounts, granted, taxes
from tigerstripe.billing import lines as lines_of_invoices
from tigerstripe.billing.totals import Line, tax
from tigerstripe.records import Record
from tigerstripe.work.unit import Work

EXEMPT = ("exempt", "reverse")
"""The values of a customer's exemption from taxes."""


def priced(work: Work, invoice: Record) -> Record:
    """Return a draft with the amounts that its lines, discounts and tax rates come to."""
    lines, rates = lines_of_invoices.all_of(invoice), lines_of_invoices.rates_of(invoice)
    counted = [_counted(work, invoice, line, rates.get(line["id"])) for line in lines]
    currency = invoice["currency"]
    for line, one in zip(lines, counted, strict=True):
        for id in line["discounts"]:
            discounts.take(work, id, [one], currency)
    gross = [one.subtotal - one.discount for one in counted]
    for id in invoice["discounts"]:
        discounts.take(work, id, counted, currency)
    is_exempt = invoice["customer_tax_exempt"] in EXEMPT
    for line, one in zip(lines, counted, strict=True):
        one.credit = sum(credit["amount"] for credit in granted.of_line(line))
        tax(one, is_exempt)
    lines = [
        _shown(line, one, invoice["discounts"]) for line, one in zip(lines, counted, strict=True)
    ]
    invoice = lines_of_invoices.with_lines(invoice, lines, rates)
    total = sum(one.total for one in counted) + invoice["amount_shipping"]
    of_rates = summed_taxes(lines)
    off = summed_discounts(lines)
    return with_balance({
        **invoice,
        "subtotal": sum(gross),
        "subtotal_excluding_tax": sum(map(without_tax, counted, gross)),
        "total": total,
        "total_discount_amounts": off,
        "total_excluding_tax": total - sum(one["amount"] for one in of_rates),
        "total_pretax_credit_amounts": [
            *({**one, "type": "discount"} for one in off), *granted.of_all(lines),
        ],
        "total_taxes": of_rates,
    })  # fmt: skip


def with_balance(invoice: Record) -> Record:
    """Return a draft with the amount that is due, after its customer's balance.

    Too little to be charged waits on the balance for the next invoice.
    """
    due = balanced(invoice)[0]
    return {**invoice, "amount_due": due, "amount_remaining": due}


def balance_of(customer: Record, currency: str) -> int:
    """Return the part of a customer's balance that an invoice uses: 0 in another currency."""
    found: int = customer["balance"]
    return found if customer["currency"] in (None, currency) else 0


def balanced(invoice: Record) -> tuple[int, int]:
    """Return the amount due of an invoice, and the customer's balance after it."""
    total, balance = invoice["total"], invoice["starting_balance"]
    if total == 0:
        return 0, balance
    owed = total + balance
    if total < 0 or owed < money.MINIMUMS.get(invoice["currency"], 1):
        return 0, owed
    return owed, 0


def _counted(work: Work, invoice: Record, line: Record, own: list[str] | None) -> Line:
    rates = invoice["default_tax_rates"]
    if own is None and invoice["automatic_tax"]["enabled"]:
        rates = _automatic(work, invoice, line)
    elif own is not None:
        rates = [work.get("tax_rates", id) or {} for id in own]
    product = (line["pricing"] or {}).get("price_details", {}).get("product") or ""
    return Line(line["amount"], product, rates, is_discountable=line["discountable"])


def _automatic(work: Work, invoice: Record, line: Record) -> list[Record]:
    """Return the tax rate of where an invoice's customer is, inclusive if the price is."""
    id = (line["pricing"] or {}).get("price_details", {}).get("price") or ""
    behavior = (work.get("prices", id) or {}).get("tax_behavior")
    rate = taxes.rate_of(work, invoice["customer_address"], inclusive=behavior == "inclusive")
    return [] if rate is None else [rate]


def _shown(line: Record, counted: Line, of_all: list[str]) -> Record:
    """Return a line with the amounts of its discounts and taxes."""
    ids = [*line["discounts"], *of_all]
    off = [
        {"amount": amount, "discount": id}
        for id, amount in zip(ids, counted.discounts, strict=True)
        if amount
    ]
    return {
        **line,
        "discount_amounts": off,
        "pretax_credit_amounts": [
            *({**one, "type": "discount"} for one in off),
            *granted.of_line(line),
        ],
        "taxes": [of_rate(one) for one in counted.taxes],
    }


def of_rate(tax: Record) -> Record:
    """Return the amount of a tax rate in a line, as an invoice shows it."""
    rate = tax["rate"]
    return {
        "amount": tax["amount"],
        "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
        "tax_rate_details": {"tax_rate": rate["id"]},
        "taxability_reason": "not_available",
        "taxable_amount": tax["taxable_amount"],
        "type": "tax_rate_details",
    }


def summed_discounts(lines: list[Record]) -> list[Record]:
    """Return the amount of each discount in all lines."""
    found: dict[str, int] = {}
    for line in lines:
        for one in line["discount_amounts"]:
            found[one["discount"]] = found.get(one["discount"], 0) + one["amount"]
    return [{"amount": amount, "discount": id} for id, amount in found.items()]


def summed_taxes(lines: list[Record]) -> list[Record]:
    """Return the amount of each tax rate in all lines."""
    found: dict[str, Record] = {}
    for line in lines:
        for one in line["taxes"]:
            there = found.setdefault(
                one["tax_rate_details"]["tax_rate"], {**one, "amount": 0, "taxable_amount": 0}
            )
            there["amount"] += one["amount"]
            there["taxable_amount"] += one["taxable_amount"]
    return list(found.values())


def without_tax(line: Line, gross: int) -> int:
    """Return the cost of a line before shared discounts, without the tax in its price."""
    within = sum(Decimal(str(rate["percentage"])) for rate in line.rates if rate["inclusive"])
    return money.whole(Decimal(gross) / (1 + within / 100)) if within else gross
