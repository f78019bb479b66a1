"""Discounts: a coupon redeemed by somebody, with its time.

A discount keeps the terms of its coupon, which may be deleted while the discount still lasts.
"""

from __future__ import annotations

from typing import Any

from tigerstripe import errors
from tigerstripe.billing.periods import months_later
from tigerstripe.billing.totals import Line, discount
from tigerstripe.ids import new_id
from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

TABLE = "discounts"
MAX = 20
"""How many discounts an object may have."""
MEMBERS = (
    "checkout_session", "customer", "customer_account", "end", "invoice", "invoice_item",
    "promotion_code", "subscription", "subscription_item",
)  # fmt: skip
"""The fields that are null unless a discount sets them."""


def of_customer(work: Work, customer: str | None, params: Params) -> Record:
    """Return a customer's new discount by `coupon` or `promotion_code`, from now on.

    The coupon and the code are redeemed once more. Raises `Refused`.
    """
    made = redeemed(work, params, "{}", customer, None)
    return shown(made)


def all_redeemed(
    work: Work,
    given: list[Params] | None,
    param: str,
    customer: str | None,
    currency: str,
    **of: str | None,
) -> list[str]:
    """Make the discounts that a parameter names, and return their ids in its order.

    An existing one may be named by `discount`. `of` are the fields that say what new ones belong
    to. Raises `Refused`.
    """
    if given and len(given) > MAX:
        raise errors.too_many(param, MAX)
    ids = []
    for place, wanted in enumerate(given or ()):
        names = f"{param}[{place}][{{}}]"
        if wanted.get("discount") is not None:
            registry.need("discount").given(work, wanted["discount"], names.format("discount"))
            ids.append(wanted["discount"])
        else:
            ids.append(redeemed(work, wanted, names, customer, currency, **of)["id"])
    return ids


def redeemed(
    work: Work,
    wanted: Params,
    names: str,
    customer: str | None,
    currency: str | None,
    **of: str | None,
) -> Record:
    """Redeem a coupon or a promotion code, and return the discount.

    `names` is the pattern of parameters' names in errors. With a `currency`, the coupon must have
    an amount in it. Raises `Refused`.
    """
    coupon, code = wanted.get("coupon"), wanted.get("promotion_code")
    if coupon is not None and code is not None:
        raise errors.one_may_be_given("coupon", "promotion_code")
    if coupon is None and code is None:
        raise errors.missing(names.format("coupon"))
    param = names.format("coupon")
    if coupon is None:
        param = names.format("promotion_code")
        found = registry.need("promotion_code").redeemed(work, code, param, customer)
        coupon = found["promotion"]["coupon"]
    coupons = registry.need("coupon")
    terms = coupons.redeemed(work, coupon, param)
    if currency is not None:
        coupons.amount_off(terms, currency, param)
    months = terms["duration_in_months"] if terms["duration"] == "repeating" else None
    made = discount_of(
        new_id("di", 24),
        coupon,
        work.now,
        customer=customer,
        end=None if months is None else months_later(work.now, months),
        promotion_code=code,
        **of,
    )
    made[PRIVATE] = coupons.terms(terms)
    work.put(TABLE, made)
    return made


def discount_of(id: str, coupon: str, start: int, **more: Any) -> Record:
    """Return a discount; `more` are its owner and its end."""
    source = {"coupon": coupon, "type": "coupon"}
    members = {**dict.fromkeys(MEMBERS), "source": source, "start": start, **more}
    return {"id": id, "object": "discount", **dict(sorted(members.items()))}


def shown(made: Record) -> Record:
    """Return a discount as other objects contain it."""
    return {name: value for name, value in made.items() if name != PRIVATE}


def lasting(work: Work, ids: list[str], at: int) -> list[str]:
    """Return the discounts that last longer than one invoice, and still apply at a time."""
    return [id for id in current(work, ids, at) if not _is_once(work, id)]


def left(work: Work, ids: list[str], took: set[str]) -> list[str]:
    """Return the discounts that are left after an invoice that used those in `took`."""
    return [id for id in ids if not (id in took and _is_once(work, id))]


def current(work: Work, ids: list[str], at: int) -> list[str]:
    """Return the discounts that apply at a time."""
    found = ((id, work.get(TABLE, id)) for id in ids)
    return [id for id, one in found if one is not None and not _is_over(one, at)]


def _is_once(work: Work, id: str) -> bool:
    return bool(private(work.get(TABLE, id) or {}).get("duration") == "once")


def _is_over(one: Record, at: int) -> bool:
    return one["end"] is not None and bool(one["end"] <= at)


def take(work: Work, id: str, lines: list[Line], currency: str) -> None:
    """Take a discount off lines whose products it is for."""
    terms = private(work.get(TABLE, id) or {})
    amount = terms["amounts"].get(currency) if terms["amounts"] else None
    products = terms["products"]
    percent = terms["percent_off"] or 0
    discount(lines, percent, amount, lambda product: products is None or product in products)
