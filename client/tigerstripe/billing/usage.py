"""The usage of a metered price in a period: the sum of its meter's events.

If the price of an item changes in the middle of a period, flexible mode bills the usage before by
the old price, and classic mode does not bill it at all, as Stripe's page "Compare classic and
flexible billing mode" says. The private part of the subscription keeps the time of the change.
"""

from __future__ import annotations

from decimal import Decimal

from tigerstripe.billing import items, pending
from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.records import Record
from tigerstripe.work.unit import PRIVATE, Work

Used = tuple[Record, Decimal, tuple[int, int]]
"""An item at the price of then, how much of it was used, and from when until when."""

CHANGES = "usage"
"""By item, its earlier prices: until when, and whether the usage at each is billed."""


def of_item(work: Work, subscription: Record, item: Record, period: tuple[int, int]) -> list[Used]:
    """Return the usage of an item in a period, by price; the current price comes last.

    Of an older price nothing is told if nothing was used, of the current one if it is of no time:
    the price may have changed at the end of the period.
    """
    start, end = period
    found: list[Used] = []
    for change in private(subscription).get(CHANGES, {}).get(item["id"], ()):
        until = change["until"]
        if not start < until <= end:
            continue
        price = work.get("prices", change["price"])
        used = _events(work, subscription, price, (start, until)) if price else Decimal(0)
        if price is not None and used and change["is_billed"]:
            found.append(({**item, **items.priced(price)}, used, (start, until)))
        start = until
    if items.is_metered(item) and start < end:
        used = _events(work, subscription, item["price"], (start, end))
        found.append((item, used, (start, end)))
    return found


def _events(work: Work, subscription: Record, price: Record, period: tuple[int, int]) -> Decimal:
    meter = price["recurring"]["meter"]
    meters = registry.resource("billing.meter")
    if meter is None or meters is None:
        return Decimal(0)
    used: Decimal = meters.usage(work, meter, subscription["customer"], *period)  # type: ignore[attr-defined]
    return used


def changed(
    work: Work, subscription: Record, before: Record | None, later: Record | None
) -> Record:
    """Return a subscription that knows from when on a metered item has another price.

    What was used before is billed by the price of then if the item was metered already.
    """
    if later is None or not any(one and items.is_metered(one) for one in (before, later)):
        return subscription
    is_billed = before is not None and items.is_metered(before) and items.is_metered(later)
    now = {
        "is_billed": is_billed and subscription["billing_mode"]["type"] != "classic",
        "price": (before or later)["price"]["id"],
        "until": work.now,
    }
    all_changes = private(subscription).get(CHANGES, {})
    start = later["current_period_start"]
    kept = [one for one in all_changes.get(later["id"], ()) if one["until"] > start]
    changes = {**all_changes, later["id"]: [*kept, now]}
    return {**subscription, PRIVATE: {**private(subscription), CHANGES: changes}}


def left_behind(work: Work, subscription: Record, item: Record) -> list[Record]:
    """Return the invoice items, not stored, for the usage of an item that is removed.

    In classic mode there are none.
    """
    if subscription["billing_mode"]["type"] == "classic" or not items.is_metered(item):
        return []
    made = []
    for one, used, of in of_item(
        work, subscription, item, (item["current_period_start"], work.now)
    ):
        if used:
            line = items.line_of_usage(work, subscription, one, "", of, used)
            names = (
                "amount", "description", "discounts", "period", "pricing", "quantity",
                "quantity_decimal",
            )  # fmt: skip
            fields = {name: line[name] for name in names}
            made.append(pending.of_item(work, subscription, item, **fields))
    return made
