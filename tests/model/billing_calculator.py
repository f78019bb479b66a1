"""What billing comes to, worked out slowly and exactly: the tests hold the invoices to it.

Written from Stripe's documentation and recordings, and not from the code that it checks: it imports
nothing of it. All sums are exact fractions of the smallest unit until the one place where a line
is rounded: half away from zero, and a part of a period half down.

    cost(price, quantity)                what some of a price costs, tiers and packages included
    period(anchor, every, at)            from when until when is paid for
    part(amount, period, at)             what of an amount is left of a period
    bill(entries, coupons)               discounts in order, taxes, and the totals of an invoice
    settle(total, balance, minimum)      what is due of it, and the balance that it leaves
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from fractions import Fraction

Period = tuple[int, int]
"""From a second until another, which belongs to what follows."""


def rounded(amount: Fraction) -> int:
    """Return whole units: halves go away from zero."""
    if amount < 0:
        return -rounded(-amount)
    whole = amount.numerator // amount.denominator
    return whole + 1 if amount - whole >= Fraction(1, 2) else whole


# --- Prices ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tier:
    """A step of a price: so much for it, so much for each, up to a quantity (None: any)."""

    up_to: int | None
    unit: Fraction = Fraction(0)
    flat: Fraction = Fraction(0)


@dataclass(frozen=True)
class Price:
    """What one period of something costs."""

    every: tuple[str, int]
    unit: Fraction = Fraction(0)
    tiers: tuple[Tier, ...] = ()
    mode: str = ""
    """`graduated` or `volume`, where there are tiers."""
    pack: int = 1
    """How many are sold together."""
    rounds_up: bool = True
    """Whether a pack that is begun counts."""


def cost(price: Price, quantity: int) -> int:
    """Return what a quantity costs for one period."""
    packs = Fraction(quantity, price.pack)
    if packs.denominator != 1:
        packs = Fraction(packs.numerator // packs.denominator + (1 if price.rounds_up else 0))
    many = int(packs)
    if not price.tiers:
        return rounded(price.unit * many)
    if price.mode == "volume":
        reached = next(tier for tier in price.tiers if _holds(tier, many))
        return rounded(reached.flat + reached.unit * many)
    whole, first = Fraction(0), 1
    for tier in price.tiers:  # one unit after the other; the first tier is there without any
        last = many if tier.up_to is None else min(many, tier.up_to)
        units = sum(1 for _ in range(first, last + 1))
        if units or first == 1:
            whole += tier.flat + tier.unit * units
        first = max(first, last + 1)
        if _holds(tier, many):
            break
    return rounded(whole)


def _holds(tier: Tier, quantity: int) -> bool:
    return tier.up_to is None or quantity <= tier.up_to


# --- Periods --------------------------------------------------------------------------------------


def step(anchor: int, every: tuple[str, int], times: int) -> int:
    """Return the time some intervals after an anchor; the last day stands for those a month lacks.

    Days are of 24 hours and in UTC.
    """
    at = datetime.fromtimestamp(anchor, timezone.utc)
    interval, count = every
    if interval in ("day", "week"):
        days = times * count * (7 if interval == "week" else 1)
        return int((at + timedelta(days=days)).timestamp())
    months = at.year * 12 + at.month - 1 + times * count * (12 if interval == "year" else 1)
    year, month = divmod(months, 12)
    for day in range(at.day, 0, -1):
        try:
            return int(at.replace(year=year, month=month + 1, day=day).timestamp())
        except ValueError:
            continue  # that month has no such day
    raise AssertionError(anchor)


def period(anchor: int, every: tuple[str, int], at: int) -> Period:
    """Return the period that a time is in, by trying one after the other from the anchor on."""
    number = 0
    while step(anchor, every, number) > at:
        number -= 1
    while step(anchor, every, number + 1) <= at:
        number += 1
    return step(anchor, every, number), step(anchor, every, number + 1)


def part(amount: Fraction | int, of: Period, at: int) -> int:
    """Return what of an amount is left of a period at a time, to the second; halves go down."""
    start, end = of
    left = min(max(end - at, 0), end - start)
    exact = Fraction(amount) * Fraction(left, end - start)
    below = exact.numerator // exact.denominator
    return below + 1 if exact - below > Fraction(1, 2) else below


# --- Discounts and taxes --------------------------------------------------------------------------


@dataclass(frozen=True)
class Coupon:
    """A percentage or an amount off, of all or of some products."""

    name: str
    percent: Fraction | None = None
    amount: int = 0
    products: frozenset[str] | None = None
    duration: str = "forever"
    months: int = 0

    def is_for(self, product: str) -> bool:
        """Whether it is for a product."""
        return self.products is None or product in self.products


@dataclass(frozen=True)
class Rate:
    """A tax of so many per cent, within a price or on top of it."""

    name: str
    percent: Fraction
    inclusive: bool


@dataclass
class Entry:
    """A line of an invoice, and what becomes of it."""

    amount: int
    product: str = ""
    coupons: tuple[Coupon, ...] = ()
    """Its own, in order."""
    rates: tuple[Rate, ...] = ()
    is_discountable: bool = True
    off: dict[str, int] = field(default_factory=dict)
    """What each discount takes off, by its name."""
    taxes: dict[str, int] = field(default_factory=dict)
    """What each tax comes to, by its name."""

    @property
    def left(self) -> int:
        """What discounts leave."""
        return self.amount - sum(self.off.values())

    @property
    def on_top(self) -> int:
        """Taxes that its price does not have in it."""
        return sum(self.taxes[rate.name] for rate in self.rates if not rate.inclusive)


@dataclass(frozen=True)
class Bill:
    """What an invoice comes to."""

    subtotal: int
    total: int
    discounts: dict[str, int]
    taxes: dict[str, int]


def bill(
    entries: list[Entry], coupons: tuple[Coupon, ...] = (), *, is_exempt: bool = False
) -> Bill:
    """Take discounts off in order, line by line first, then put the taxes on."""
    for entry in entries:
        for coupon in entry.coupons:
            _take(coupon, [entry])
    subtotal = sum(entry.left for entry in entries)
    for coupon in coupons:
        _take(coupon, entries)
    for entry in entries:
        _tax(entry, is_exempt)
    return Bill(
        subtotal=subtotal,
        total=sum(entry.left + entry.on_top for entry in entries),
        discounts=_summed([entry.off for entry in entries]),
        taxes=_summed([entry.taxes for entry in entries]),
    )


def _take(coupon: Coupon, entries: list[Entry]) -> None:
    """Take a coupon off what is left; rounded once, and the last lines get what rounding leaves."""
    fit = [one for one in entries if one.is_discountable and coupon.is_for(one.product)]
    whole = sum(one.left for one in fit)
    off = min(coupon.amount, max(whole, 0))
    if coupon.percent is not None:
        off = rounded(coupon.percent / 100 * whole)
    reached = given = 0
    for one in fit:
        reached += one.left
        until = off * reached // whole if whole else 0
        one.off[coupon.name] = until - given
        given = until


def _tax(entry: Entry, is_exempt: bool) -> None:
    within = sum(rate.percent for rate in entry.rates if rate.inclusive)
    net = Fraction(entry.left) / (1 + Fraction(within) / 100)
    for rate in entry.rates:
        entry.taxes[rate.name] = 0 if is_exempt else rounded(net * rate.percent / 100)


def _summed(parts: list[dict[str, int]]) -> dict[str, int]:
    whole: dict[str, int] = {}
    for one in parts:
        for name, amount in one.items():
            whole[name] = whole.get(name, 0) + amount
    return {name: amount for name, amount in whole.items() if amount}


# --- The customer's balance -----------------------------------------------------------------------


def settle(total: int, balance: int, minimum: int) -> tuple[int, int]:
    """Return what is due of a total, and the customer's balance after it.

    A negative balance is the customer's money. What is too little to be charged is put on it.
    """
    if total == 0:
        return 0, balance
    owed = total + balance
    return (0, owed) if total < 0 or owed < minimum else (owed, 0)
