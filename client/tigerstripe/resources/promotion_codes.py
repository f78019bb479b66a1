"""Promotion codes: customers type them to get a coupon; unique among the active ones."""

from __future__ import annotations

from typing import Any

from tigerstripe import errors, money
from tigerstripe.errors import Refused
from tigerstripe.ids import letters, new_id
from tigerstripe.objects.resource import Filters, Inclusions, Resource, private
from tigerstripe.records import Params, Record
from tigerstripe.resources.coupons import RESOURCE as COUPONS
from tigerstripe.work.unit import PRIVATE, Work

CODE = "promotion_code.code"
"""The kind of claim that reserves an active code."""


class PromotionCodes(Resource):
    """Promotion codes."""

    object = "promotion_code"
    table = "promotion_codes"
    prefix = "promo"
    name = "promotion code"
    param: str | None = "promotion_code"
    computed: frozenset[str] = frozenset(("active",))
    filters: Filters = {
        "code": lambda record, wanted: record["code"].casefold() == wanted.casefold(),
        "coupon": lambda record, wanted: record["promotion"]["coupon"] == wanted,
        "promotion": lambda record, wanted: record["promotion"]["coupon"] == wanted.get("coupon"),
    }

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new code for a `promotion` or, in older versions, a `coupon`."""
        coupon, param = _coupon(params)
        COUPONS.given(work, coupon, param)
        customer = params.get("customer")
        if customer is not None and work.get("customers", customer) is None:
            raise errors.no_such("customer", customer, "customer")
        expires_at = params.get("expires_at")
        if expires_at is not None and expires_at <= work.now:
            raise Refused(
                f"The parameter `expires_at` expects a unix timestamp representing a date and time "
                f"in the future. You specified the value `{expires_at}` which is in the past.",
                param="expires_at",
            )
        id = new_id(self.prefix, 24)
        code = params.get("code") or letters(8).upper()
        is_active = params.get("active", True)
        if is_active:
            self._claim(work, code, id)
        return {
            "id": id,
            "active": is_active,
            "code": code,
            "customer": customer,
            "customer_account": params.get("customer_account"),
            "expires_at": expires_at,
            "max_redemptions": params.get("max_redemptions"),
            "metadata": params.get("metadata"),
            "promotion": {"coupon": coupon, "type": "coupon"},
            "restrictions": _restrictions(params.get("restrictions") or {}),
            "times_redeemed": 0,
            PRIVATE: {"currency_options": _options(params.get("restrictions") or {})},
        }

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return a code with other metadata or restrictions, activated or deactivated."""
        restrictions = params.pop("restrictions", None)
        new = {**old, **params}
        if restrictions:
            options = {**private(old).get("currency_options", {}), **_options(restrictions)}
            new[PRIVATE] = {"currency_options": options}
        if new["active"] and not old["active"]:
            self._claim(work, old["code"], old["id"])
        elif old["active"] and not new["active"]:
            work.release(CODE, old["code"].casefold())
        return new

    def view(self, work: Work, record: Record) -> Record:
        """Return a code as it is now: inactive if it is expired, used up, or without its coupon."""
        if record["active"] and not self._is_usable(work, record):
            return {**record, "active": False}
        return record

    def usable(self, work: Work, id: str, param: str, customer: str | None) -> Record:
        """Return the code that a parameter names; raises `Refused` if a customer cannot use it."""
        code = self.view(work, self.given(work, id, param))
        if not code["active"]:
            raise Refused(f"The promotion code {id} is not active.", param=param)
        if code["customer"] is not None and code["customer"] != customer:
            message = f"The promotion code {id} is for another customer."
            raise Refused(message, param=param)
        return code

    def redeemed(self, work: Work, id: str, param: str, customer: str | None) -> Record:
        """Redeem a code once more, and return it; raises `Refused` if that is not possible.

        The coupon is redeemed apart.
        """
        code = self.usable(work, id, param, customer)
        changed = {**code, "times_redeemed": code["times_redeemed"] + 1}
        work.put(self.table, changed)
        return changed

    def active(self, work: Work, typed: str) -> str | None:
        """Return the id of the active code that a buyer typed, or None."""
        return work.holder(CODE, typed.casefold())

    def minimums(self, code: Record) -> dict[str, int]:
        """Return the smallest total of an order that a code is for, by currency."""
        options = private(code).get("currency_options", {})
        found = {name: option["minimum_amount"] for name, option in options.items()}
        restrictions = code["restrictions"]
        if restrictions["minimum_amount"] is not None:
            found[restrictions["minimum_amount_currency"]] = restrictions["minimum_amount"]
        return found

    def _minimums(self, work: Work, record: Record, kept: Record) -> Any:
        found = self.minimums({**record, PRIVATE: kept})
        return {name: {"minimum_amount": least} for name, least in found.items()} or None

    included: Inclusions = {"restrictions.currency_options": _minimums}

    def _is_usable(self, work: Work, record: Record) -> bool:
        if record["expires_at"] is not None and record["expires_at"] <= work.now:
            return False
        most = record["max_redemptions"]
        if most is not None and record["times_redeemed"] >= most:
            return False
        coupon = work.get(COUPONS.table, record["promotion"]["coupon"])
        return coupon is not None and bool(COUPONS.view(work, coupon)["valid"])

    def _claim(self, work: Work, code: str, id: str) -> None:
        holder = work.holder(CODE, code.casefold())
        there = work.get(self.table, holder) if holder else None
        if there is not None and self.view(work, there)["active"]:
            message = f"An active promotion code with `code: {code}` already exists."
            raise Refused(message, code="resource_already_exists")
        work.claim(CODE, code.casefold(), id)


def _coupon(params: Params) -> tuple[str, str]:
    """Return the coupon of a request, and the parameter that names it; raises `Refused`."""
    promotion = params.get("promotion")
    if promotion is not None:
        if not promotion.get("coupon"):
            message = "You must pass promotion.coupon when passing promotion"
            raise Refused(message, param="promotion")
        return str(promotion["coupon"]), "promotion[coupon]"
    if not params.get("coupon"):
        raise errors.missing("promotion")
    return str(params["coupon"]), "coupon"


def _options(given: Params) -> Record:
    """Return the minimums in other currencies; raises `Refused` for an unknown currency."""
    param = "restrictions[currency_options]"
    options = given.get("currency_options") or {}
    for name, option in options.items():
        if option.get("minimum_amount") is None:
            raise errors.missing(f"{param}[{name}][minimum_amount]")
    return {money.currency(name, param): option for name, option in options.items()}


def _restrictions(given: Params) -> Record:
    found: dict[str, Any] = {
        "first_time_transaction": given.get("first_time_transaction") or False,
        "minimum_amount": given.get("minimum_amount"),
        "minimum_amount_currency": given.get("minimum_amount_currency"),
    }
    if found["minimum_amount_currency"] is not None:
        found["minimum_amount_currency"] = money.currency(
            found["minimum_amount_currency"], "restrictions[minimum_amount_currency]"
        )
    if found["minimum_amount"] is not None and found["minimum_amount_currency"] is None:
        raise errors.missing("restrictions[minimum_amount_currency]")
    return found


RESOURCE = PromotionCodes()
