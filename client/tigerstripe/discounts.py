"""Discounts: a coupon that somebody has redeemed, with its time."""

from __future__ import annotations

import calendar
from datetime import datetime, timezone
from typing import Any

from tigerstripe import registry
from tigerstripe.ids import new_id
from tigerstripe.work import Work

Record = dict[str, Any]
Params = dict[str, Any]

MEMBERS = (
    "checkout_session", "customer", "customer_account", "end", "invoice", "invoice_item",
    "promotion_code", "subscription", "subscription_item",
)  # fmt: skip
"""What is null where it does not say otherwise."""


def of_customer(work: Work, customer: str | None, params: Params) -> Record:
    """Return the discount that `coupon` or `promotion_code` gives a customer, from now on.

    The coupon, and the code, are redeemed once more by this work. Raises `Refused`.
    """
    id, code = params.get("coupon"), None
    if id is None:
        codes = registry.need("promotion_code")
        param = "promotion_code"
        found = codes.redeemed(work, params[param], param, customer)
        id, code = found["promotion"]["coupon"], found["id"]
    coupon = registry.need("coupon").redeemed(work, id, "coupon")
    months = coupon["duration_in_months"] if coupon["duration"] == "repeating" else None
    return discount(
        new_id("di", 24),
        coupon["id"],
        work.now,
        customer=customer,
        end=None if months is None else months_later(work.now, months),
        promotion_code=code,
    )


def discount(id: str, coupon: str, start: int, **more: Any) -> Record:
    """Return a discount; `more` is what it is of, and until when."""
    source = {"coupon": coupon, "type": "coupon"}
    members = {**dict.fromkeys(MEMBERS), "source": source, "start": start, **more}
    return {"id": id, "object": "discount", **dict(sorted(members.items()))}


def months_later(start: int, months: int) -> int:
    """Return the time some months later: the same day, or the last one of a shorter month."""
    at = datetime.fromtimestamp(start, timezone.utc)
    years, month = divmod(at.month - 1 + months, 12)
    year = at.year + years
    day = min(at.day, calendar.monthrange(year, month + 1)[1])
    return int(at.replace(year=year, month=month + 1, day=day).timestamp())
