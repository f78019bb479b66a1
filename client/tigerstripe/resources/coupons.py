"""Coupons: a percentage or an amount off, for a time, and up to a number of redemptions."""

from __future__ import annotations

from typing import Any

from tigerstripe import errors, money
from tigerstripe.errors import Refused
from tigerstripe.ids import letters
from tigerstripe.objects.resource import Inclusions, Resource, private
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work


class Coupons(Resource):
    """Coupons."""

    object = "coupon"
    table = "coupons"
    prefix = ""
    param: str | None = "coupon"
    standard: frozenset[str] = Resource.standard | {"delete"}

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new coupon."""
        self._check(work, params)
        amount, percent = params.get("amount_off"), params.get("percent_off")
        currency = params.get("currency") if amount is not None else None
        applies_to = params.get("applies_to")
        for place, product in enumerate((applies_to or {}).get("products") or ()):
            if work.get("products", product) is None:
                param = f"applies_to[products][{place}]"
                raise errors.no_such("product", product, param)
        duration = params.get("duration") or "once"
        options = params.get("currency_options") or {}
        return {
            "id": params.get("id") or letters(8),
            "amount_off": amount,
            "currency": money.currency(currency) if currency else None,
            "duration": duration,
            "duration_in_months": params.get("duration_in_months"),
            "max_redemptions": params.get("max_redemptions"),
            "metadata": params.get("metadata"),
            "name": params.get("name"),
            "percent_off": percent,
            "redeem_by": params.get("redeem_by"),
            "times_redeemed": 0,
            "valid": True,
            PRIVATE: {"applies_to": applies_to, "currency_options": options},
        }

    def _check(self, work: Work, params: Params) -> None:
        amount, percent = params.get("amount_off"), params.get("percent_off")
        if amount is None and percent is None:
            message = "Must provide percent_off or amount_off."
            raise Refused(message, code="parameter_missing")
        if amount is not None and percent is not None:
            raise errors.only_one_of("percent_off", "amount_off")
        if percent is not None and params.get("currency_options"):
            raise Refused(
                "You may only specify one of these parameters: currency_options, percent_off.",
                param="currency_options",
            )
        if percent is not None:
            _check_percent(percent)
        if amount is not None and amount < 1:
            raise errors.too_small("amount_off", 1)
        if amount is not None and not params.get("currency"):
            raise Refused("You must pass currency when passing amount_off", param="currency")
        if params.get("duration") == "repeating" and not params.get("duration_in_months"):
            raise Refused(
                "The duration_in_months param must be set when creating a coupon with a repeating "
                "duration",
                param="duration",
            )
        if params.get("max_redemptions") is not None and params["max_redemptions"] < 1:
            raise errors.too_small("max_redemptions", 1)
        redeem_by = params.get("redeem_by")
        if redeem_by is not None and redeem_by <= work.now:
            raise Refused(
                f"The parameter `redeem_by` expects a unix timestamp representing a date and time "
                f"in the future. You specified the value `{redeem_by}` which is in the past.",
                param="redeem_by",
            )

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return a coupon with another name or metadata; the rest of it never changes."""
        options = params.pop("currency_options", None)
        new = {**old, **params}
        if options:
            kept = private(old)
            merged = {**kept["currency_options"], **options}
            new[PRIVATE] = {**kept, "currency_options": merged}
        return new

    def view(self, work: Work, record: Record) -> Record:
        """Return a coupon as it is now: redeemable or not any more."""
        redeem_by = record["redeem_by"]
        if record["valid"] and redeem_by is not None and redeem_by <= work.now:
            return {**record, "valid": False}
        return record

    def usable(self, work: Work, id: str, param: str) -> Record:
        """Return a coupon that a parameter names; raises `Refused` if it cannot be redeemed."""
        coupon = self.view(work, self.given(work, id, param))
        if not coupon["valid"]:
            most = coupon["max_redemptions"]
            is_used_up = most is not None and coupon["times_redeemed"] >= most
            message = f"Coupon {id} is used up and cannot be applied."
            message = message if is_used_up else f"Coupon expired: {id}"
            raise Refused(message, code="coupon_expired", param=param)
        return coupon

    def redeemed(self, work: Work, id: str, param: str) -> Record:
        """Return a coupon, redeemed once more by this work; raises `Refused` if it cannot be."""
        coupon = self.usable(work, id, param)
        times = coupon["times_redeemed"] + 1
        most = coupon["max_redemptions"]
        changed = {**coupon, "times_redeemed": times, "valid": most is None or times < most}
        work.put(self.table, changed)
        return changed

    def amount_off(self, coupon: Record, currency: str, param: str) -> int | None:
        """Return the amount off of a coupon in a currency, None if it is a percentage.

        Raises `Refused` if it has no amount in that currency.
        """
        if coupon["amount_off"] is None or coupon["currency"] == currency:
            amount: int | None = coupon["amount_off"]
            return amount
        option = private(coupon)["currency_options"].get(currency)
        if option is None:
            raise Refused(
                f"The coupon {coupon['id']} takes off an amount in {coupon['currency']}, but this "
                f"is in {currency}; use a coupon with an amount in {currency}, or a percentage.",
                param=param,
            )
        return int(option["amount_off"])

    def terms(self, coupon: Record) -> Record:
        """Return the terms of a coupon, which its discounts keep, because it may be deleted."""
        kept = private(coupon)
        amounts = {name: option["amount_off"] for name, option in kept["currency_options"].items()}
        if coupon["amount_off"] is not None:
            amounts[coupon["currency"]] = coupon["amount_off"]
        return {
            "amounts": amounts,
            "duration": coupon["duration"],
            "percent_off": coupon["percent_off"],
            "products": (kept["applies_to"] or {}).get("products"),
        }

    def _applies_to(self, work: Work, record: Record, kept: Record) -> Any:
        return kept.get("applies_to")

    def _currency_options(self, work: Work, record: Record, kept: Record) -> Any:
        found = dict(kept.get("currency_options") or {})
        if record["currency"]:
            found[record["currency"]] = {"amount_off": record["amount_off"]}
        return found or None

    included: Inclusions = {"applies_to": _applies_to, "currency_options": _currency_options}


def _check_percent(percent: float) -> None:
    if not 0.01 <= percent <= 100:
        bound = "greater than or equal to 0.01" if percent < 1 else "less than or equal to 100"
        message = f"This value must be {bound} (it currently is '{percent}')."
        raise Refused(message, param="percent_off")


RESOURCE = Coupons()
