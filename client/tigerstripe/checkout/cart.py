"""The amounts of a session: its line items, discounts and shipping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tigerstripe import errors, money
from tigerstripe.billing import discounts, starting, terms
from tigerstripe.billing.totals import Line, discount, tax
from tigerstripe.checkout import customers, taxing
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

DISCOUNTS_MAX = 1
EXEMPT = ("exempt", "reverse")


def redeemable(
    work: Work,
    given: list[Params],
    currency: str,
    customer: str | None,
    *,
    most: int = DISCOUNTS_MAX,
) -> list[Record]:
    """Return the discounts that parameters name, with all that they say: coupons may be deleted.

    Raises `Refused` if one cannot be redeemed.
    """
    if len(given) > most:
        raise errors.too_many("discounts", most)
    coupons, codes = registry.need("coupon"), registry.need("promotion_code")
    found = []
    for place, wanted in enumerate(given):
        coupon, code = wanted.get("coupon"), wanted.get("promotion_code")
        if coupon is not None and code is not None:
            raise errors.one_may_be_given("coupon", "promotion_code")
        if coupon is None and code is None:
            raise errors.missing(f"discounts[{place}][coupon]")
        param, minimums = f"discounts[{place}][coupon]", {}
        if code is not None:
            param = f"discounts[{place}][promotion_code]"
            usable = codes.usable(work, code, param, customer)
            coupon, minimums = usable["promotion"]["coupon"], codes.minimums(usable)
        record = coupons.usable(work, coupon, param)
        found.append({
            "id": new_id("di", 24),
            "amount_off": coupons.amount_off(record, currency, param),
            "coupon": coupon,
            "duration": record["duration"],
            "minimums": minimums,
            "param": param,
            "percent_off": record["percent_off"],
            "products": (private(record)["applies_to"] or {}).get("products"),
            "promotion_code": code,
        })  # fmt: skip
    return found


def check_redeemable(work: Work, session: Record) -> None:
    """Raise `Refused` if a discount of a session cannot be redeemed any more."""
    given = [one for one in session["discounts"] or () if one["coupon"] or one["promotion_code"]]
    redeemable(work, given, session["currency"] or "", session["customer"])


def redeem(work: Work, session: Record, customer: str | None) -> None:
    """Redeem the discounts of a session by this work; raises `Refused` if one cannot be."""
    coupons, codes = registry.need("coupon"), registry.need("promotion_code")
    for one in private(session).get("discounts") or ():
        if one["promotion_code"] is not None:
            codes.redeemed(work, one["promotion_code"], one["param"], customer)
        coupons.redeemed(work, one["coupon"], one["param"])


def priced(work: Work, session: Record) -> Record:
    """Return a session with the amounts of its items, discounts and shipping.

    Raises `Refused` where the total is less or more than can be charged.
    """
    kept = private(session)
    if session["mode"] == "setup":
        return session
    lines = [_line(work, session, item) for item in kept["items"]]
    billed = _as_billed(kept["items"], lines)
    for one in kept["discounts"]:
        _check_minimum(one, sum(line.subtotal for line in lines), session["currency"])
        discount(billed, one["percent_off"], one["amount_off"], _among(one["products"]))
    is_exempt = _exemption(work, session) in EXEMPT
    for line in lines:
        tax(line, is_exempt)
    shipping = session["shipping_cost"]
    sent = shipping["amount_total"] if shipping else 0
    total = sum(line.total for line in lines) + sent
    _check_total(total, session)
    return {
        **session,
        "amount_subtotal": sum(line.subtotal for line in lines),
        "amount_total": total,
        "automatic_tax": taxing.stated(work, session),
        "total_details": {
            "amount_discount": sum(line.discount for line in lines),
            "amount_shipping": sent,
            "amount_tax": sum(line.tax for line in lines),
        },
        PRIVATE: {
            **kept,
            "items": [
                _counted(item, line, kept["discounts"])
                for item, line in zip(kept["items"], lines, strict=True)
            ],
        },
    }


def breakdown(work: Work, session: Record) -> Record:
    """Return the amount of each discount and each tax rate in all items."""
    items = private(session)["items"]
    off: dict[str, int] = {}
    taxes: dict[str, tuple[int, int]] = {}
    for item in items:
        for one in private(item)["discounts"]:
            off[one["discount"]] = off.get(one["discount"], 0) + one["amount"]
        for one in private(item)["taxes"]:
            amount, base = taxes.get(one["rate"], (0, 0))
            taxes[one["rate"]] = (amount + one["amount"], base + one["taxable_amount"])
    return {
        "discounts": [
            {"amount": amount, "discount": discount_object(session, id)}
            for id, amount in off.items()
        ],
        "taxes": [
            tax_amount(work, rate, amount, base) for rate, (amount, base) in taxes.items()
        ],
    }  # fmt: skip


def discount_object(session: Record, id: str) -> Record:
    """Return the discount of a session, or a quote, as the object that Stripe shows."""
    one = next(one for one in private(session)["discounts"] if one["id"] == id)
    is_session = session["object"] == "checkout.session"
    return discounts.discount_of(
        id,
        one["coupon"],
        session["created"],
        checkout_session=session["id"] if is_session else None,
        customer=session["customer"],
        promotion_code=one["promotion_code"],
    )


def tax_amount(work: Work, rate: str, amount: int, base: int) -> Record:
    """Return the amount of a tax rate, with the rate itself."""
    return {
        "amount": amount,
        "rate": work.get("tax_rates", rate),
        "taxability_reason": None,
        "taxable_amount": base,
    }


# --- Its parts ---


def _line(work: Work, session: Record, item: Record) -> Line:
    """Return the cost of an item; the first period of a recurring one may be free, or shorter."""
    kept = private(item)
    subtotal = kept["subtotal"]
    if kept["is_recurring"]:
        subtotal = 0 if private(session)["is_trial"] else _first_period(work, session, item)
    if taxing.is_on(session):
        return Line(subtotal, kept["product"], taxing.rates(work, session, item))
    rates = kept["tax_rates"] or private(session)["default_tax_rates"]
    return Line(subtotal, kept["product"], [work.get("tax_rates", rate) or {} for rate in rates])


def _as_billed(items: list[Record], lines: list[Line]) -> list[Line]:
    """Return lines in the order of an invoice: items sold once come first.

    So what the rounding of a discount leaves goes to the line that gets it there.
    """
    both = zip(items, lines, strict=True)
    return [line for _, line in sorted(both, key=lambda one: private(one[0])["is_recurring"])]


def _first_period(work: Work, session: Record, item: Record) -> int:
    """Return the price of a recurring item now: until the day of its renewal, a part of it.

    Raises `Refused` for such a day that cannot be.
    """
    subtotal: int = private(item)["subtotal"]
    if not is_anchored(session):
        return subtotal
    data = private(session)["subscription_data"]
    work = customers.on_clock(work, session)
    first = next(one for one in private(session)["items"] if private(one)["is_recurring"])
    try:
        anchor = terms.anchor_of(work, data, None, _recurring(work, first))
    except Refused as refused:
        raise errors.under(refused, "subscription_data") from None
    is_free = data.get("proration_behavior") == "none"
    parts = starting.divided(
        subtotal, anchor, _recurring(work, item), work.now, anchor, is_free=is_free
    )
    return sum(amount for _, _, amount in parts)


def _recurring(work: Work, item: Record) -> Record:
    found: Record = registry.need("price").given(work, item["price"], "price")["recurring"]
    return found


def is_anchored(session: Record) -> bool:
    """Tell whether a session's subscription is renewed on a day that it names."""
    data = private(session).get("subscription_data") or {}
    names = ("billing_cycle_anchor", "billing_cycle_anchor_config")
    return any(data.get(name) is not None for name in names)


def as_of_now(work: Work, session: Record) -> Record:
    """Return a session with the amounts that it has now, of all that its buyer has told.

    A first period may have got shorter, and taxes go by the buyer's place. Raises `Refused` where
    that is missing.
    """
    if taxing.is_on(session) and taxing.place(work, session) is None:
        raise errors.missing("address[country]")
    return priced(work, session) if is_anchored(session) or taxing.is_on(session) else session


def _among(products: list[str] | None) -> Callable[[str], bool]:
    return lambda product: products is None or product in products


def _check_minimum(one: Record, subtotal: int, currency: str) -> None:
    """Raise `Refused` if a promotion code asks for a larger order, or one in another currency."""
    minimums = one["minimums"]
    if minimums and subtotal < minimums.get(currency, subtotal + 1):
        wanted = [f"{money.shown(least, of)} {of.upper()}" for of, least in minimums.items()]
        raise Refused(
            f"The promotion code {one['promotion_code']} is for orders of at least "
            f"{errors.listed(wanted)}; this one is of {money.shown(subtotal, currency)} "
            f"{currency.upper()}.",
            param=one["param"],
        )


def _exemption(work: Work, session: Record) -> str | None:
    customer = session["customer"] and work.get("customers", session["customer"])
    return customer["tax_exempt"] if customer else None


def _check_total(total: int, session: Record) -> None:
    """Raise `Refused` for an amount that cannot be charged; 0 is allowed.

    If the amount of a subscription is too small to charge, it waits for the next invoice.
    """
    currency = session["currency"]
    least = money.MINIMUMS.get(currency, 1)
    if session["mode"] == "payment" and 0 < total < least:
        raise Refused(
            f"The Checkout Session's total amount due must add up to at least "
            f"{money.shown(least, currency)} {currency.upper()}",
            code="amount_too_small",
        )
    if total > money.AMOUNT_MAX:
        most = money.shown(money.AMOUNT_MAX, currency)
        raise Refused(f"Amount must be no more than {most}", code="amount_too_large")


def _counted(item: Record, line: Line, given: list[Record]) -> Record:
    """Return an item with its amounts."""
    kept: dict[str, Any] = private(item)
    return {
        **item,
        "amount_discount": line.discount,
        "amount_subtotal": line.subtotal,
        "amount_tax": line.tax,
        "amount_total": line.total,
        PRIVATE: {
            **kept,
            "discounts": [
                {"amount": amount, "discount": one["id"]}
                for amount, one in zip(line.discounts, given, strict=True)
                if amount
            ],
            "taxes": [{**one, "rate": one["rate"]["id"]} for one in line.taxes],
        },
    }
