"""The items of a subscription: each has a price, a quantity, and a period that is paid for."""

from __future__ import annotations

from typing import Any

from tigerstripe import errors
from tigerstripe.billing import discounts, lines, periods, totals
from tigerstripe.billing.plans import plan_of
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import metadata, registry
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

MAX = 20
RECURRING = (
    "The price specified is set to `type=recurring` but this field only accepts prices with "
    "`type=one_time`."
)
ONE_TIME = (
    "The price specified is set to `type=one_time` but this field only accepts prices with "
    "`type=recurring`."
)
INTERVALS = (
    "Currency and interval fields must match across all plans on this subscription. Found mismatch "
    "in interval field."
)


def price_of(
    work: Work, given: Params, at: str, currency: str | None, *, is_sold: bool = False
) -> Record:
    """Return the recurring price that an item names or makes; raises `Refused`.

    `at` is where the item is in the request: `items[0]`, or nothing. One that `is_sold` already may
    have been deactivated since.
    """
    name = f"{at}[{{}}]" if at else "{}"
    named = [n for n in ("price", "plan", "price_data") if given.get(n) is not None]
    if len(named) > 1:
        raise errors.one_may_be_given(*(name.format(n) for n in named))
    if not named:
        raise errors.missing(name.format("price"))
    prices = registry.need("price")
    if named == ["price_data"]:
        try:
            data = {**given["price_data"], "active": False}
            price: Record = prices.add(work, prices.new(work, data))
        except Refused as refused:
            raise errors.under(refused, name.format("price_data")) from None
    elif named == ["plan"]:
        price = work.get("prices", given["plan"]) or {}
        if not price:
            raise errors.no_such("plan", given["plan"], "plan")
    else:
        price = prices.given(work, given["price"], name.format("price"))
        if not price["active"] and not is_sold:
            message = "The price specified is inactive. This field only accepts active prices."
            raise Refused(message, param=name.format("price"))
    if price["recurring"] is None:
        raise Refused(ONE_TIME, param=name.format(named[0]))
    if currency is not None:
        prices.in_currency(price, currency, name.format(named[0]))
    return price


def quantity_of(price: Record, given: Params, at: str, old: int | None = 1) -> int | None:
    """Return the quantity of an item; None if it is metered. Raises `Refused`."""
    param = f"{at}[quantity]" if at else "quantity"
    if is_metered(price):
        if given.get("quantity") is not None:
            raise Refused(
                f"Quantity should not be specified where usage_type is `metered`. Remove "
                f"`quantity` from `{at or 'the request'}`.",
                param=param,
            )
        return None
    quantity = given.get("quantity", old)
    if quantity is None:
        quantity = 1
    if quantity < 0:
        raise errors.too_small(param, 0)
    return int(quantity)


def is_metered(item_or_price: Record) -> bool:
    """Tell whether the cost of a price depends on usage."""
    price = item_or_price.get("price", item_or_price)
    return bool(price["recurring"]["usage_type"] == "metered")


def made(
    work: Work,
    subscription: Record,
    given: Params,
    at: str,
    period: tuple[int, int],
    price: Record | None = None,
) -> Record:
    """Return a new item of a subscription, of its price where that is known; raises `Refused`."""
    if price is None:
        price = price_of(work, given, at, subscription["currency"])
    id = new_id("si", 14)
    rates = registry.need("tax_rate")
    param = f"{at}[tax_rates]" if at else "tax_rates"
    return {
        "id": id,
        "object": "subscription_item",
        "billing_thresholds": given.get("billing_thresholds"),
        "created": work.now,
        "current_period_end": period[1],
        "current_period_start": period[0],
        "current_trial": None,
        "discounts": discounted(work, subscription, id, given, at),
        "metadata": metadata.new(given.get("metadata")),
        **priced(price),
        "quantity": quantity_of(price, given, at),
        "subscription": subscription["id"],
        "tax_rates": [
            rates.given(work, rate, f"{param}[{place}]")
            for place, rate in enumerate(given.get("tax_rates") or ())
        ],
    }  # fmt: skip


def discounted(work: Work, subscription: Record, id: str, given: Params, at: str) -> list[str]:
    """Return the ids of the discounts that a request gives an item; raises `Refused`."""
    return discounts.all_redeemed(
        work,
        given.get("discounts"),
        f"{at}[discounts]" if at else "discounts",
        subscription["customer"],
        subscription["currency"],
        subscription_item=id,
    )


def priced(price: Record) -> Record:
    """Return the fields of an item that are its price's; the plan is the same in an older shape."""
    plan = plan_of(price)
    return {name: _shown(of) for name, of in (("plan", plan), ("price", price))}


def _shown(record: Record) -> Record:
    return {name: value for name, value in record.items() if name != PRIVATE}


def listed(subscription: str, data: list[Record]) -> Record:
    """Return the list that items stand in."""
    return {
        "object": "list",
        "data": data,
        "has_more": False,
        "total_count": len(data),
        "url": f"/v1/subscription_items?subscription={subscription}",
    }


def check_together(subscription: Record, data: list[Record]) -> None:
    """Raise `Refused` for items that cannot be billed together.

    Since flexible billing they may have intervals of their own.
    """
    if len(data) > MAX:
        raise errors.too_many("items", MAX)
    prices = [item["price"]["id"] for item in data]
    twice = next((id for id in prices if prices.count(id) > 1), None)
    if twice is not None and subscription["billing_mode"]["type"] == "classic":
        raise Refused(
            f"Cannot add multiple subscription items with the same plan: {twice}",
            param="items",
        )
    intervals = {
        (item["price"]["recurring"]["interval"], item["price"]["recurring"]["interval_count"])
        for item in data
    }
    if len(intervals) > 1 and subscription["billing_mode"]["type"] == "classic":
        raise Refused(INTERVALS, param="items")
    shortest = min(intervals, key=_length)
    for one in intervals:
        if not _is_multiple(one, shortest):
            raise Refused(
                f"Each interval has to be a multiple of the shortest: {one[1]} {one[0]} is none of "
                f"{shortest[1]} {shortest[0]}.",
                param="items",
            )


def _length(interval: tuple[str, int]) -> int:
    """Return about how many days an interval has; for those of months, as many as order them."""
    days = {"day": 1, "week": 7, "month": 30, "year": 360}
    return days[interval[0]] * interval[1]


def _is_multiple(long: tuple[str, int], short: tuple[str, int]) -> bool:
    """Tell whether periods of one interval end with periods of another, as Stripe's page lists."""
    if {long[0], short[0]} & {"day", "week"} and {long[0], short[0]} & {"month", "year"}:
        return short == ("day", 1)
    return _length(long) % _length(short) == 0


def cost(work: Work, item: Record, currency: str, quantity: int | None = None) -> int:
    """Return the cost of an item for a whole period, before discounts and taxes."""
    price = whole_price(work, item)
    parts = registry.need("price").in_currency(price, currency)
    many = item["quantity"] if quantity is None else quantity
    return totals.cost(parts, price, many or 0)


def whole_price(work: Work, item: Record) -> Record:
    """Return the price of an item with its private part; its money never changes."""
    price: Record = work.get("prices", item["price"]["id"]) or item["price"]
    return price if PRIVATE in price else {**price, PRIVATE: {"currency_options": {}}}


def unit_amount(work: Work, item: Record, currency: str) -> str | None:
    """Return the unit amount of an item, as a decimal; None if it has tiers."""
    price = whole_price(work, item)
    found: str | None = registry.need("price").in_currency(price, currency)["unit_amount_decimal"]
    return found


def rates_of(item: Record) -> list[str]:
    """Return the ids of the tax rates that an item has of its own."""
    return [rate["id"] for rate in item["tax_rates"]]


def line_of(
    work: Work, subscription: Record, item: Record, invoice: str, period: tuple[int, int]
) -> Record:
    """Return the line of an item for a whole period, paid before it."""
    currency = subscription["currency"]
    price, quantity = whole_price(work, item), item["quantity"]
    unit = unit_amount(work, item, currency)
    return _line(
        work, subscription, item, invoice, period,
        amount=_of_short(subscription, item, period, cost(work, item, currency)),
        description=lines.recurring(work, {**price, "currency": currency}, quantity or 0, unit),
        pricing=lines.pricing(price, unit),
        quantity=quantity,
    )  # fmt: skip


def _of_short(subscription: Record, item: Record, period: tuple[int, int], amount: int) -> int:
    """Return the part of a price that is due for a period that may be shorter than others."""
    anchor, recurring = subscription["billing_cycle_anchor"], item["price"]["recurring"]
    whole = periods.period(anchor, recurring, period[0])
    return amount if whole == period else periods.left(amount, *whole, period[0])


def line_of_trial(
    work: Work, subscription: Record, item: Record, invoice: str, period: tuple[int, int]
) -> Record:
    """Return the line of an item that costs nothing yet."""
    price = whole_price(work, item)
    return _line(
        work, subscription, item, invoice, period,
        amount=0,
        description=lines.free_trial(work, price, item["quantity"]),
        pricing=lines.pricing(price, "0"),
        quantity=item["quantity"],
    )  # fmt: skip


def line_of_usage(
    work: Work,
    subscription: Record,
    item: Record,
    invoice: str,
    period: tuple[int, int],
    used: Any,
) -> Record:
    """Return the line of the usage in a period that is over."""
    currency = subscription["currency"]
    price = whole_price(work, item)
    parts = registry.need("price").in_currency(price, currency)
    unit = parts["unit_amount_decimal"]
    whole = int(used) if used == int(used) else None
    words = lines.recurring(work, {**price, "currency": currency}, int(used), unit)
    return {
        **_line(
            work, subscription, item, invoice, period,
            amount=totals.cost(parts, price, used),
            description=words,
            pricing=lines.pricing(price, unit),
            quantity=whole,
        ),
        "quantity_decimal": str(used),
    }  # fmt: skip


def _line(
    work: Work,
    subscription: Record,
    item: Record,
    invoice: str,
    period: tuple[int, int],
    **more: Any,
) -> Record:
    amount = more.pop("amount")
    return lines.line(
        invoice,
        subscription["currency"],
        amount,
        discounts=discounts.current(work, item["discounts"], work.now),
        parent=lines.of_subscription(subscription["id"], item["id"]),
        period={"end": period[1], "start": period[0]},
        **more,
    )


def terms(item: Record) -> tuple[str, int | None]:
    """Return the fields that identify a change of an item: its price and its quantity."""
    return item["price"]["id"], item["quantity"]
