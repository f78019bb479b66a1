"""Billing credits: the grants of a customer, and the usage that they pay for.

The rest of a grant is the sum of its credit balance transactions. Credits pay for metered lines
when an invoice is finalized: after discounts, before taxes.
"""

from __future__ import annotations

from tigerstripe.billing import items, lines
from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.records import Record
from tigerstripe.work.unit import Work

GRANT = "billing.credit_grant"
TRANSACTION = "billing.credit_balance_transaction"
KIND = "credit_balance_transaction"
"""The type of the amount that a credit takes off a line."""
NEVER = 1 << 62
"""When a grant without an end expires, in the order of grants."""


def left(work: Work, grant: Record) -> int:
    """Return the rest of a grant, whether it can be used now or not."""
    found = work.find_by(registry.need(TRANSACTION).table, "credit_grant", grant["id"])
    return sum(signed(one) for one in found)


def signed(transaction: Record) -> int:
    """Return the amount that a transaction adds to its grant; below 0 if it takes."""
    credit, debit = transaction["credit"], transaction["debit"]
    return int(credit["amount"]["monetary"]["value"] if credit else 0) - int(
        debit["amount"]["monetary"]["value"] if debit else 0
    )


def is_over(grant: Record, at: int) -> bool:
    """Tell whether a grant was voided, or has ended by a time."""
    ends = grant["expires_at"]
    return grant["voided_at"] is not None or (ends is not None and bool(ends <= at))


def is_usable(grant: Record, at: int) -> bool:
    """Tell whether a grant can be used at a time."""
    return not is_over(grant, at) and bool(grant["effective_at"] <= at)


def _order(grant: Record) -> tuple[int, int, bool, int, int]:
    """Return the key of a grant's order of use, as in Stripe's guide: the lowest first."""
    ends = grant["expires_at"]
    return (
        grant["priority"],
        NEVER if ends is None else ends,
        grant["category"] != "promotional",
        grant["effective_at"],
        grant["created"],
    )


def _covers(grant: Record, price: Record) -> bool:
    scope = grant["applicability_config"]["scope"]
    if scope.get("prices"):
        return any(one["id"] == price["id"] for one in scope["prices"])
    return items.is_metered(price)


def applied(work: Work, invoice: Record) -> Record | None:
    """Return an invoice after credits have paid metered lines; None if there are no credits.

    Its amounts are still those of before. What pays was granted by the end of the invoice's period,
    and not over then.
    """
    grants = work.find_by(registry.need(GRANT).table, "customer", invoice["customer"])
    ends = invoice["period_end"]
    usable = [grant for grant in grants if is_usable(grant, ends) and _is_in(grant, invoice)]
    if not usable:
        return None
    there = {grant["id"]: left(work, grant) for grant in usable}
    usable.sort(key=_order)
    paid = [_paid(work, line, usable, there) for line in lines.all_of(invoice)]
    return lines.with_lines(invoice, paid, lines.rates_of(invoice))


def _is_in(grant: Record, invoice: Record) -> bool:
    return bool(grant["amount"]["monetary"]["currency"] == invoice["currency"])


def _paid(work: Work, line: Record, grants: list[Record], there: dict[str, int]) -> Record:
    """Return a line with the credits used for it; `there` has the rest of each grant."""
    price = _price(work, line)
    owed = line["amount"] - sum(one["amount"] for one in line["discount_amounts"])
    taken = []
    for grant in grants if price is not None and items.is_metered(price) else ():
        amount = min(owed, there[grant["id"]])
        if amount <= 0 or not _covers(grant, price or {}):
            continue
        made = registry.need(TRANSACTION).debited(work, grant, amount, "credits_applied", line)
        taken.append({"amount": amount, KIND: made["id"], "type": KIND})
        there[grant["id"]] -= amount
        owed -= amount
    return {**line, "pretax_credit_amounts": [*line["pretax_credit_amounts"], *taken]}


def _price(work: Work, line: Record) -> Record | None:
    """Return the recurring price of a line, or None."""
    id = ((line["pricing"] or {}).get("price_details") or {}).get("price")
    price = work.get("prices", id or "")
    return price if price is not None and price["recurring"] is not None else None


def of_line(line: Record) -> list[Record]:
    """Return the sum of credits used for a line."""
    return [one for one in line["pretax_credit_amounts"] if one["type"] == KIND]


def of_all(of: list[Record]) -> list[Record]:
    """Return the amount of each credit used for lines."""
    return [one for line in of for one in of_line(line)]


def given_back(work: Work, invoice: Record) -> None:
    """Give the credits back that have paid for an invoice, which is void.

    Those of a grant that is over expire at once.
    """
    transactions = registry.need(TRANSACTION)
    for line in lines.all_of(invoice):
        for one in of_line(line):
            debit = transactions.given(work, one[KIND], KIND)
            grant = registry.need(GRANT).given(work, debit["credit_grant"], "credit_grant")
            transactions.credited(
                work, grant, one["amount"], "credits_application_invoice_voided", line
            )
            if is_over(grant, work.now):
                transactions.debited(work, grant, one["amount"], "credits_expired")


def customer_of(transaction: Record) -> str:
    """Return the customer of a transaction."""
    return str(private(transaction)["customer"])
