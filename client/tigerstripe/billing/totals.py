"""The money of a sale: the cost of lines, discounts in order, then taxes.

Each discount is rounded once, half up, and spread over its lines so that they add up to it. Taxes
are rounded half up for each line and rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from tigerstripe import money
from tigerstripe.records import Record


@dataclass
class Line:
    """The cost of a quantity of one product."""

    subtotal: int
    """Before discounts and taxes; inclusive taxes are within it."""
    product: str
    rates: list[Record] = field(default_factory=list)
    """The tax rates."""
    is_discountable: bool = True
    discounts: list[int] = field(default_factory=list)
    """The amount of each discount, in order; 0 for those that do not apply."""
    credit: int = 0
    """The amount of billing credits, after discounts and before taxes."""
    taxes: list[Record] = field(default_factory=list)
    """The `amount` of each rate, with its `rate`, and the `taxable_amount`."""

    @property
    def discount(self) -> int:
        """The sum of all discounts."""
        return sum(self.discounts)

    @property
    def tax(self) -> int:
        """All taxes, those within the price too."""
        return sum(int(tax["amount"]) for tax in self.taxes)

    @property
    def total(self) -> int:
        """The amount to be paid."""
        on_top = sum(int(tax["amount"]) for tax in self.taxes if not tax["rate"]["inclusive"])
        return self.subtotal - self.discount - self.credit + on_top


def cost(amounts: Record, scheme: Record, quantity: int) -> int:
    """Return the cost of a quantity.

    `amounts` has the amounts in one currency (`unit_amount_decimal`, `tiers`), `scheme` is the
    price, which says how they are to be used.
    """
    transform = scheme["transform_quantity"]
    if transform:
        packs, rest = divmod(quantity, transform["divide_by"])
        quantity = packs + (1 if rest and transform["round"] == "up" else 0)
    tiers = amounts.get("tiers")
    if scheme["billing_scheme"] == "tiered" and tiers:
        return money.whole(_tiered(tiers, scheme["tiers_mode"], quantity))
    free = amounts.get("custom_unit_amount")
    if free:  # the buyer chooses; until then it is what the price proposes
        return int(free.get("preset") or 0)
    return money.whole(Decimal(amounts["unit_amount_decimal"] or 0) * quantity)


def _tiered(tiers: list[Record], mode: str | None, quantity: int) -> Decimal:
    """Return the cost by tiers: each part by its own tier, or all by the last tier reached."""
    total, below = Decimal(0), 0
    for tier in tiers:
        up_to = tier["up_to"]
        is_last = up_to is None or quantity <= up_to
        if mode == "graduated":
            part = (quantity if is_last else up_to) - below
            total += _of_tier(tier, part) if part or is_last else 0
            below = up_to or 0
        elif is_last:
            return _of_tier(tier, quantity)
        if is_last:
            break
    return total


def _of_tier(tier: Record, quantity: int) -> Decimal:
    flat, unit = tier["flat_amount_decimal"], tier["unit_amount_decimal"]
    return Decimal(flat or 0) + Decimal(unit or 0) * quantity


def discount(
    lines: Iterable[Line],
    percent: float | None,
    amount: int | None,
    applies: Callable[[str], bool],
) -> None:
    """Take a percentage or an amount off lines, after their earlier discounts.

    `applies` tells of a product's id whether the discount is for it.
    """
    lines = list(lines)
    left = [
        line.subtotal - line.discount if line.is_discountable and applies(line.product) else 0
        for line in lines
    ]
    whole = sum(left)
    if amount is not None:
        off = min(amount, whole)
    else:
        off = money.whole(whole * Decimal(str(percent)) / 100)
    for line, part in zip(lines, spread(off, left), strict=True):
        line.discounts.append(part)


def spread(amount: int, weights: list[int]) -> list[int]:
    """Return an amount in parts as the weights are; the parts are whole and add up to it.

    Each is rounded down, and the last ones get what that leaves: as Stripe's page on prorations
    spreads 500 over 1000 and 2000, 166 and 334.
    """
    whole = sum(weights)
    parts, reached, given = [], 0, 0
    for weight in weights:
        reached += weight
        until = amount * reached // whole if whole else 0
        parts.append(until - given)
        given = until
    return parts


def tax(line: Line, exempt: bool = False) -> None:
    """Add the taxes of its rates to a line, on the amount after discounts and credits."""
    left = Decimal(line.subtotal - line.discount - line.credit)
    within = sum((_share(rate) for rate in line.rates if rate["inclusive"]), Decimal(0))
    base = left / (1 + within)
    for rate in line.rates:
        amount = 0 if exempt else money.whole(base * _share(rate))
        line.taxes.append({"amount": amount, "rate": rate, "taxable_amount": money.whole(base)})


def _share(rate: Record) -> Decimal:
    return Decimal(str(rate["percentage"])) / 100
