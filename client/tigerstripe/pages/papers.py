"""The look of invoices, credit notes and receipts."""

from __future__ import annotations

from datetime import datetime, timezone

from tigerstripe import money
from tigerstripe.pages.markup import Markup, element
from tigerstripe.pages.templates import alert, form, methods, page, rows
from tigerstripe.records import Record

Form = dict[str, str]
Pairs = list[tuple[str, str]]

NO_PDF = "The real one is a PDF; this page has the same in it."


def invoice(
    of: Record,
    lines: list[Record],
    types: list[str],
    receipt: str | None,
    given: Form,
    error: str | None,
) -> str:
    """Return the page on which a customer pays an invoice; no `types`: it is not to be paid."""
    remaining = money.shown(of["amount_remaining"], of["currency"])
    links = [("Download invoice", of["invoice_pdf"]), ("View receipt", receipt)]
    return page(
        f"Invoice {of['number']}",
        alert(error),
        element("p", _state(of)),
        _sum(of, lines),
        form(methods(types, given), button=f"Pay {remaining}") if types else None,
        [element("p", element("a", text, href=url)) for text, url in links if url],
    )


def document(of: Record, lines: list[Record]) -> str:
    """Return an invoice as it would be printed."""
    customer = [name for name in (of["customer_name"], of["customer_email"]) if name]
    return page(
        f"Invoice {of['number']}",
        element("p", NO_PDF),
        element("p", f"For {', '.join(customer)}") if customer else None,
        element("p", of["description"]) if of["description"] else None,
        element("p", _state(of)),
        _sum(of, lines),
        element("p", of["footer"]) if of["footer"] else None,
    )


def credit_note(of: Record, lines: list[Record]) -> str:
    """Return a credit note as it would be printed."""
    is_void = of["status"] == "void"
    return page(
        f"Credit note {of['number']}",
        element("p", NO_PDF),
        element("p", "Void: it takes nothing back.") if is_void else None,
        element("p", of["memo"]) if of["memo"] else None,
        rows([*_lines(lines, of["currency"]), *_between(of), ("Total", _amount(of, "total"))]),
    )


def receipt(charge: Record, paid: Record | None, lines: list[Record]) -> str:
    """Return the receipt of a charge, with the lines of the invoice that it paid."""
    pairs = [("Amount", _amount(charge, "amount")), ("Charge", charge["id"])]
    if charge["description"]:
        pairs.append(("For", charge["description"]))
    card = charge["payment_method_details"].get("card")
    if card:
        pairs.append(("Paid with", f"{card['brand'].capitalize()} …{card['last4']}"))
    if charge["amount_refunded"]:
        pairs.append(("Refunded", _amount(charge, "amount_refunded")))
    of = None
    if paid is not None:
        of = [element("h2", f"Invoice {paid['number']}"), _sum(paid, lines)]
    return page("Receipt", rows(pairs), of)


def _state(of: Record) -> str:
    """Return the words of how an invoice stands."""
    if of["status"] in ("paid", "void"):
        return str(of["status"]).capitalize()
    if of["due_date"] is None:
        return "To be paid"
    due = datetime.fromtimestamp(of["due_date"], timezone.utc)
    return f"Due {due.strftime('%d %B %Y')}"


def _sum(of: Record, lines: list[Record]) -> Markup:
    """Return an invoice's lines, and all that is added to them and taken off."""
    currency = of["currency"]
    pairs = [*_lines(lines, currency), *_between(of), ("Total", _amount(of, "total"))]
    balance = (of["ending_balance"] or 0) - of["starting_balance"]
    if balance:
        pairs.append(("Applied balance", _signed(-balance, currency)))
    for name, label in (("pre", "Credited"), ("post", "Credited after payment")):
        credited = of[f"{name}_payment_credit_notes_amount"]
        if credited:
            pairs.append((label, _signed(-credited, currency)))
    if of["amount_paid"]:
        pairs.append(("Amount paid", _amount(of, "amount_paid")))
    return rows([*pairs, ("Amount due", _amount(of, "amount_remaining"))])


def _lines(lines: list[Record], currency: str) -> Pairs:
    return [(_what(line), _signed(line["amount"], currency)) for line in lines]


def _what(line: Record) -> str:
    """Return the description of a line, with its quantity if that is not in it."""
    words, quantity = line["description"] or "Credit", line["quantity"]
    is_counted = quantity in (None, 1) or words.startswith(f"{quantity} ")
    return words if is_counted else f"{quantity} of {words}"


def _between(of: Record) -> Pairs:
    """Return the rows between the lines and the total: discounts, taxes on top, shipping."""
    off = of.get("total_discount_amounts", of.get("discount_amounts")) or []
    taxes = of["total_taxes"] or []
    on_top = sum(one["amount"] for one in taxes if one["tax_behavior"] == "exclusive")
    within = sum(one["amount"] for one in taxes if one["tax_behavior"] == "inclusive")
    pairs = (
        ("Discount", -sum(one["amount"] for one in off)),
        ("Shipping", of["amount_shipping"]),
        ("Tax", on_top),
        ("Tax, within the prices", within),
    )
    return [(name, _signed(amount, of["currency"])) for name, amount in pairs if amount]


def _amount(of: Record, name: str) -> str:
    return _signed(of[name], of["currency"])


def _signed(amount: int, currency: str) -> str:
    return f"{'-' if amount < 0 else ''}{money.shown(abs(amount), currency)}"
