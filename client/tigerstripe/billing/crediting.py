"""The lines of a credit note, with their discounts and taxes.

A line of the invoice is credited by quantity or by amount, together with the same part of its
discounts, billing credits and taxes. So after all parts of a line are credited, exactly that line
is credited. A note may also have lines of its own, which are as the request says.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tigerstripe import errors, money
from tigerstripe.billing import amounts, granted
from tigerstripe.billing import lines as lines_of_invoices
from tigerstripe.billing.totals import Line, tax
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

ONLY_CUSTOM = ("description", "tax_rates", "unit_amount", "unit_amount_decimal")
ONLY_OF_INVOICE = ("amount", "invoice_line_item")


def lines(work: Work, invoice: Record, before: list[Record], given: list[Params]) -> list[Record]:
    """Return the lines that a request gives a credit note; raises `Refused`.

    `before` has the lines of the invoice's other credit notes, as far as those are not void.
    """
    made: list[Record] = []
    for place, wanted in enumerate(given):
        at = f"lines[{place}]"
        kind = wanted["type"]
        for name in ONLY_OF_INVOICE if kind == "custom_line_item" else ONLY_CUSTOM:
            if wanted.get(name) is not None:
                raise Refused(f"`{name}` is not for a {kind}.", param=f"{at}[{name}]")
        if wanted.get("tax_amounts") and wanted.get("tax_rates"):
            raise errors.only_one_of("tax_amounts", "tax_rates")
        if kind == "custom_line_item":
            made.append(_custom(work, invoice, wanted, at))
        else:
            made.append(_of_invoice(work, invoice, [*before, *made], wanted, at))
    return made


def of_amount(work: Work, invoice: Record, amount: int) -> Record:
    """Return the one line of a credit note that says no more than its amount."""
    return _custom(work, invoice, {"description": None, "unit_amount": amount}, "")


def totals(work: Work, invoice: Record, lines: list[Record]) -> Record:
    """Return the fields of a credit note that its lines add up to."""
    of_all = {*invoice["discounts"]}
    gross = [line["amount"] - _off(line, of_all) for line in lines]
    taxes = amounts.summed_taxes(lines)
    off = amounts.summed_discounts(lines)
    total = sum(_net(line) + _on_top(line) for line in lines)
    return {
        "amount": total,
        "discount_amount": sum(one["amount"] for one in off),
        "discount_amounts": off,
        "pretax_credit_amounts": [
            *({**one, "type": "discount"} for one in off),
            *granted.of_all(lines),
        ],
        "subtotal": sum(gross),
        "subtotal_excluding_tax": sum(
            amounts.without_tax(Line(0, "", line["tax_rates"]), one)
            for line, one in zip(lines, gross, strict=True)
        ),
        "total": total,
        "total_excluding_tax": total - sum(one["amount"] for one in taxes),
        "total_taxes": taxes,
    }


def _off(line: Record, of_all: set[str]) -> int:
    """Return the sum of a line's own discounts, without those of the whole invoice."""
    own = (one for one in line["discount_amounts"] if one["discount"] not in of_all)
    return sum(one["amount"] for one in own)


def _net(line: Record) -> int:
    """Return the amount of a line before taxes."""
    credits = sum(one["amount"] for one in granted.of_line(line))
    return int(line["amount"] - line["discount_amount"] - credits)


def _on_top(line: Record) -> int:
    return sum(one["amount"] for one in line["taxes"] if one["tax_behavior"] == "exclusive")


# --- A line of the note's own ---


def _custom(work: Work, invoice: Record, wanted: Params, at: str) -> Record:
    if "description" not in wanted:
        raise errors.missing(f"{at}[description]")
    unit = _unit(wanted, at)
    quantity = _quantity(wanted, at)
    amount = money.whole(unit * quantity)
    rates = registry.need("tax_rate")
    counted = Line(amount, "", [
        rates.given(work, id, f"{at}[tax_rates][{place}]")
        for place, id in enumerate(wanted.get("tax_rates") or ())
    ])  # fmt: skip
    tax(counted, invoice["customer_tax_exempt"] in amounts.EXEMPT)
    exact = money.text(unit)
    return _line(
        wanted,
        amount=amount,
        description=wanted["description"],
        quantity=quantity,
        tax_rates=counted.rates,
        taxes=_given_taxes(work, wanted, at) or [amounts.of_rate(one) for one in counted.taxes],
        unit_amount=int(unit) if unit == int(unit) else None,
        unit_amount_decimal=exact,
    )


def _unit(wanted: Params, at: str) -> Decimal:
    whole, exact = wanted.get("unit_amount"), wanted.get("unit_amount_decimal")
    if whole is not None and exact is not None:
        raise errors.only_one_of("unit_amount", "unit_amount_decimal")
    if exact is not None:
        return money.decimal(exact, f"{at}[unit_amount_decimal]")
    if whole is None:
        raise errors.missing(f"{at}[unit_amount]")
    return Decimal(whole)


def _quantity(wanted: Params, at: str) -> int:
    quantity: int = wanted.get("quantity", 1)
    if quantity < 1:
        raise errors.too_small(f"{at}[quantity]", 1)
    return quantity


# --- A part of the invoice's line ---


def _of_invoice(
    work: Work, invoice: Record, before: list[Record], wanted: Params, at: str
) -> Record:
    id = wanted.get("invoice_line_item")
    if id is None:
        raise errors.missing(f"{at}[invoice_line_item]")
    line = next((one for one in lines_of_invoices.all_of(invoice) if one["id"] == id), None)
    if line is None:
        raise errors.no_such("invoice line item", id, f"{at}[invoice_line_item]")
    earlier = [one for one in before if one.get("invoice_line_item") == id]
    taken = sum(one["amount"] for one in earlier)
    quantity, amount = _taken(line, earlier, wanted, at)
    if not 0 < amount <= line["amount"] - taken:
        raise Refused(
            f"The line {id} has {line['amount'] - taken} left to credit, and not {amount}.",
            param=f"{at}[{'quantity' if quantity else 'amount'}]",
        )
    whole = line["amount"]
    off, credits = (
        [{**one, "amount": _part(one["amount"], whole, taken, amount)} for one in of]
        for of in (line["discount_amounts"], granted.of_line(line))
    )
    taxes = _given_taxes(work, wanted, at) or [
        {
            **one,
            "amount": _part(one["amount"], whole, taken, amount),
            "taxable_amount": _part(one["taxable_amount"], whole, taken, amount),
        }
        for one in line["taxes"]
    ]
    unit = Decimal(whole) / line["quantity"] if quantity else None
    return _line(
        wanted,
        amount=amount,
        description=line["description"],
        credits=credits,
        discount_amounts=[one for one in off if one["amount"]],
        invoice_line_item=id,
        quantity=quantity,
        tax_rates=[work.get("tax_rates", _rate(one)) for one in taxes],
        taxes=taxes,
        unit_amount=int(unit) if unit is not None and unit == int(unit) else None,
        unit_amount_decimal=None if unit is None else money.text(round(unit, 12)),
    )


def _taken(line: Record, earlier: list[Record], wanted: Params, at: str) -> tuple[int | None, int]:
    """Return how many, if that is how it is said, and how much of a line; raises `Refused`."""
    amount = wanted.get("amount")
    if amount is not None and wanted.get("quantity") is not None:
        raise errors.only_one_of("amount", "quantity")
    if amount is None and wanted.get("quantity") is None:
        raise errors.missing(f"{at}[amount]")
    if any((one["quantity"] is None) != (amount is not None) for one in earlier):
        how = "quantity" if amount is not None else "amount"
        raise Refused(
            f"The line {line['id']} was credited by {how} before: go on with `{how}`.", param=at
        )
    if amount is not None:
        return None, amount
    quantity = _quantity(wanted, at)
    before = sum(one["quantity"] for one in earlier)
    there = line["quantity"] or 0
    if quantity > there - before:
        raise Refused(
            f"The line {line['id']} has a quantity of {there - before} left to credit, and not "
            f"{quantity}.",
            param=f"{at}[quantity]",
        )
    return quantity, _part(line["amount"], there, before, quantity)


def _part(amount: int, whole: int, before: int, part: int) -> int:
    """Return the share of a part in an amount, so that all shares add up to the amount."""
    until = Decimal(amount) * (before + part) / whole
    return money.whole(until) - money.whole(Decimal(amount) * before / whole)


def _rate(tax: Record) -> str:
    rate: str = tax["tax_rate_details"]["tax_rate"]
    return rate


def _given_taxes(work: Work, wanted: Params, at: str) -> list[Record]:
    """Return the taxes that a request says itself."""
    rates = registry.need("tax_rate")
    return [
        amounts.of_rate({
            "amount": one["amount"],
            "rate": rates.given(work, one["tax_rate"], f"{at}[tax_amounts][{place}][tax_rate]"),
            "taxable_amount": one["taxable_amount"],
        })
        for place, one in enumerate(wanted.get("tax_amounts") or ())
    ]  # fmt: skip


def _line(wanted: Params, **fields: Any) -> Record:
    off, credits = fields.setdefault("discount_amounts", []), fields.pop("credits", [])
    return {
        "id": new_id("cnli", 24),
        "object": "credit_note_line_item",
        **dict(
            sorted({
                "discount_amount": sum(one["amount"] for one in off),
                "livemode": False,
                "metadata": wanted.get("metadata") or {},
                "pretax_credit_amounts": [{**one, "type": "discount"} for one in off] + credits,
                "type": wanted.get("type", "custom_line_item"),
                **fields,
            }.items())
        ),
    }  # fmt: skip


# --- In a note ---


def all_of(note: Record) -> list[Record]:
    """Return all lines of a credit note, those that it does not show too."""
    return [*note["lines"]["data"], *private(note).get("more_lines", ())]
