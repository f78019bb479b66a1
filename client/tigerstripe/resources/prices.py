"""Prices: the cost of a product; the money in one never changes.

A recurring price is also a plan of the same id: `plans` shows these records as plans.
"""

from __future__ import annotations

from typing import Any

from tigerstripe import errors, money
from tigerstripe.billing.plans import plan_of
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Filters, Inclusions, Resource, private
from tigerstripe.records import Params, Record
from tigerstripe.work.differences import previous_attributes
from tigerstripe.work.unit import PRIVATE, Work

NO_AMOUNT = "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set."
NO_PRODUCT = "You must specify either `product` or `product_data` when creating a price."
TWO_PRODUCTS = "You may only specify one of these parameters: product, product_data."
LONGEST = {"day": 1095, "week": 156, "month": 36, "year": 3}
"""How many of an interval a period may have at most, as the reference says: three years."""
LOOKUP_KEY = "price.lookup_key"
"""The kind of claim that a lookup key is."""


class Prices(Resource):
    """Prices."""

    object = "price"
    table = "prices"
    prefix = "price"
    param: str | None = "price"
    standard: frozenset[str] = Resource.standard | {"search"}
    filters: Filters = {
        "lookup_keys": lambda record, wanted: record["lookup_key"] in wanted,
        "recurring": lambda record, wanted: _has(record["recurring"], wanted),
    }
    searchable: frozenset[str] = frozenset(("active", "currency", "lookup_key", "product", "type"))

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new price; a product is made beside it, if there is to be one."""
        product, data = params.get("product"), params.get("product_data")
        if product is not None and data is not None:
            raise Refused(TWO_PRODUCTS)
        if product is None and data is None:
            raise Refused(NO_PRODUCT, code="parameter_missing", param="product")
        params = {**params, "currency": money.currency(params["currency"])}
        fields = {**_amounts(params), "id": params.get("id") or new_id("price", 24)}
        recurring = params.get("recurring")
        if recurring:
            check_meter(work, recurring, "recurring[meter]")
        fields |= {
            "active": params.get("active", True),
            "currency": params["currency"],
            "lookup_key": params.get("lookup_key"),
            "metadata": params.get("metadata"),
            "nickname": params.get("nickname"),
            "recurring": _recurring(recurring) if recurring else None,
            "tax_behavior": params.get("tax_behavior") or "unspecified",
            "transform_quantity": _transform(params.get("transform_quantity")),
            "type": "recurring" if recurring else "one_time",
        }
        if data is not None:
            product = registry.need("product").create(work, {}, data)["id"]
        else:
            registry.need("product").given(work, str(product), "product")
            work.touch("products", str(product))  # a deletion under way looks again
        fields["product"] = product
        self._take_lookup_key(work, fields["id"], fields["lookup_key"], params)
        return fields

    def add_for(self, work: Work, product: str, params: Params) -> Record:
        """Make the default price of a product that is being made."""
        params = {**params, "currency": money.currency(params["currency"])}
        recurring = params.get("recurring")
        return self.add(work, {
            **_amounts(params),
            "active": True,
            "currency": params["currency"],
            "lookup_key": None,
            "metadata": params.get("metadata"),
            "nickname": None,
            "product": product,
            "recurring": _recurring(recurring) if recurring else None,
            "tax_behavior": params.get("tax_behavior") or "unspecified",
            "transform_quantity": None,
            "type": "recurring" if recurring else "one_time",
        })  # fmt: skip

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return a price with another name, key or state; its amounts stay."""
        new = {**old}
        transfer = params.pop("transfer_lookup_key", False)
        options = params.pop("currency_options", None)
        new.update(params)
        if new["lookup_key"] != old["lookup_key"]:
            if old["lookup_key"]:
                work.release(LOOKUP_KEY, old["lookup_key"])
            wanted = {"transfer_lookup_key": transfer}
            self._take_lookup_key(work, old["id"], new["lookup_key"], wanted)
        if options is not None:
            kept = private(old)
            merged = {**kept["currency_options"], **_currency_options(options)}
            new[PRIVATE] = {**kept, "currency_options": merged}
        return new

    def add(self, work: Work, fields: Record) -> Record:
        """Store a new price, which is a plan too if it is recurring."""
        record = super().add(work, fields)
        if record["recurring"]:
            work.tell("plan.created", plan_of(record))
        return record

    def save(self, work: Work, old: Record, new: Record, event: str = "updated") -> Record:
        """Store a changed price, which is a plan too if it is recurring."""
        record = super().save(work, old, new, event)
        if record["recurring"] and record != old:
            before, after = plan_of(old), plan_of(record)
            previous = previous_attributes(before, after)
            if previous:
                work.tell("plan.updated", after, previous)
        return record

    def in_currency(self, price: Record, currency: str, param: str | None = None) -> Record:
        """Return a price's amounts in a currency; raises `Refused` if it has none in it."""
        if price["currency"] == currency:
            return {**price, **private(price)}
        options = private(price)["currency_options"]
        found: Record | None = options.get(currency)
        if found is None:
            supported = ", ".join(f"`{name}`" for name in (price["currency"], *options))
            raise Refused(
                f"The price specified supports currencies of {supported}. This doesn't match the "
                f"expected currency: `{currency}`.",
                param=param,
            )
        return found

    def _take_lookup_key(self, work: Work, id: str, key: str | None, params: Params) -> None:
        """Claim a lookup key, from another price if that is wanted."""
        if key is None:
            return
        holder = work.holder(LOOKUP_KEY, key)
        if holder is not None and holder != id:
            if not params.get("transfer_lookup_key"):
                message = f"A price (`{holder}`) already uses that lookup key."
                raise Refused(message, param="lookup_key")
            other = work.get(self.table, holder)
            if other is not None:
                self.save(work, other, {**other, "lookup_key": None})
        work.claim(LOOKUP_KEY, key, id)

    def _tiers(self, work: Work, record: Record, kept: Record) -> Any:
        return kept.get("tiers")

    def _options(self, work: Work, record: Record, kept: Record) -> Any:
        own = {
            "custom_unit_amount": record["custom_unit_amount"],
            "tax_behavior": record["tax_behavior"],
            "unit_amount": record["unit_amount"],
            "unit_amount_decimal": record["unit_amount_decimal"],
        }
        return {record["currency"]: own, **kept.get("currency_options", {})}

    included: Inclusions = {"tiers": _tiers, "currency_options": _options}


def _amounts(params: Params) -> Record:
    """Return the fields of the amount: fixed, chosen by the buyer, or tiers. Raises `Refused`."""
    tiers = params.get("tiers")
    custom = params.get("custom_unit_amount")
    scheme = params.get("billing_scheme") or ("tiered" if tiers else "per_unit")
    if params.get("unit_amount") is not None and params.get("unit_amount_decimal") is not None:
        raise errors.only_one_of("unit_amount", "unit_amount_decimal")
    amount, exact = money.both(
        params.get("unit_amount"), params.get("unit_amount_decimal"), "unit_amount"
    )
    if scheme == "tiered" and not tiers:
        raise errors.missing("tiers")
    if scheme == "per_unit" and exact is None and custom is None:
        raise Refused(NO_AMOUNT, code="parameter_missing")
    if exact is not None and exact.startswith("-"):
        raise errors.too_small("unit_amount", 0)
    return {
        "billing_scheme": scheme,
        "custom_unit_amount": _custom(custom),
        "tiers_mode": params.get("tiers_mode"),
        "unit_amount": amount,
        "unit_amount_decimal": exact,
        PRIVATE: {
            "tiers": [_tier(tier, place) for place, tier in enumerate(tiers)] if tiers else None,
            "currency_options": _currency_options(params.get("currency_options") or {}),
        },
    }


def _custom(given: Params | None) -> Record | None:
    if given is None or not given.get("enabled"):
        return None
    return {name: given.get(name) for name in ("maximum", "minimum", "preset")}


def _tier(tier: Params, place: int) -> Record:
    up_to = tier.get("up_to")
    at = f"tiers[{place}]"
    flat, flat_exact = money.both(tier.get("flat_amount"), tier.get("flat_amount_decimal"), at)
    unit, unit_exact = money.both(tier.get("unit_amount"), tier.get("unit_amount_decimal"), at)
    return {
        "flat_amount": flat,
        "flat_amount_decimal": flat_exact,
        "unit_amount": unit,
        "unit_amount_decimal": unit_exact,
        "up_to": None if up_to in (None, "inf") else up_to,
    }


def _currency_options(given: Params) -> Record:
    """Return the amounts in other currencies; raises `Refused` for an unknown currency."""
    options = {}
    for name, option in given.items():
        if name != name.lower():
            raise Refused(
                f"Currencies must be lowercase when used as keys in a map. Use `{name.lower()}` "
                f"instead of `{name}`.",
                param="currency_options",
            )
        currency = money.currency(name, "currency_options")
        amount, exact = money.both(
            option.get("unit_amount"), option.get("unit_amount_decimal"), "unit_amount"
        )
        options[currency] = {
            "custom_unit_amount": _custom(option.get("custom_unit_amount")),
            "tax_behavior": option.get("tax_behavior") or "unspecified",
            "unit_amount": amount,
            "unit_amount_decimal": exact,
        }
        if option.get("tiers"):
            options[currency]["tiers"] = [_tier(t, n) for n, t in enumerate(option["tiers"])]
    return options


def _transform(given: Params | None) -> Params | None:
    if given is not None:
        errors.check_range("transform_quantity[divide_by]", given["divide_by"], 1)
    return given


def _recurring(given: Params) -> Record:
    """Return how often something is paid; raises `Refused` for periods too long or too short."""
    count, days = given.get("interval_count"), given.get("trial_period_days")
    errors.check_range("recurring[interval_count]", count, 1, LONGEST[given["interval"]])
    errors.check_range("recurring[trial_period_days]", days, 0)
    return {
        "interval": given["interval"],
        "interval_count": 1 if count is None else count,
        "meter": given.get("meter"),
        "trial_period_days": days,
        "usage_type": given.get("usage_type") or "licensed",
    }


def check_meter(work: Work, recurring: Params, param: str) -> None:
    """Raise `Refused` for an unknown meter, and for a meter of a price that is not metered."""
    if recurring.get("meter") is None:
        return
    registry.need("billing.meter").given(work, recurring["meter"], param)
    if recurring.get("usage_type") != "metered":
        message = "A price with a meter is metered: set usage_type to metered."
        raise Refused(message, param=param)


def _has(recurring: Record | None, wanted: Params) -> bool:
    return recurring is not None and all(recurring.get(k) == v for k, v in wanted.items())


RESOURCE = Prices()
