"""Shipping rates: the cost of shipping."""

from __future__ import annotations

from tigerstripe import errors, money
from tigerstripe.objects.resource import Filters, Resource
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work


class ShippingRates(Resource):
    """Shipping rates."""

    object = "shipping_rate"
    table = "shipping_rates"
    prefix = "shr"
    name = "shipping rate"
    param: str | None = "shipping_rate_token"
    event: str | None = None  # Stripe tells nothing of them
    filters: Filters = {"currency": "fixed_amount.currency"}

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new rate."""
        fixed = params.get("fixed_amount")
        if fixed is None:
            raise errors.missing("fixed_amount")
        options = fixed.get("currency_options")
        amount = {
            "amount": fixed["amount"],
            "currency": money.currency(fixed["currency"], "fixed_amount[currency]"),
        }
        if options:
            amount["currency_options"] = _options(options)
        return {
            "active": True,
            "delivery_estimate": _estimate(params.get("delivery_estimate")),
            "display_name": params["display_name"],
            "fixed_amount": amount,
            "metadata": params.get("metadata"),
            "tax_behavior": params.get("tax_behavior") or "unspecified",
            "tax_code": params.get("tax_code"),
            "type": params.get("type") or "fixed_amount",
        }

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return a rate with other options; its amount stays."""
        params = dict(params)
        fixed = params.pop("fixed_amount", None)
        new = {**old, **params}
        if fixed and fixed.get("currency_options"):
            there = old["fixed_amount"].get("currency_options", {})
            options = {**there, **_options(fixed["currency_options"])}
            new["fixed_amount"] = {**old["fixed_amount"], "currency_options": options}
        return new


def _options(given: Params) -> Record:
    return {
        money.currency(name, "fixed_amount[currency_options]"): {
            "amount": option.get("amount"),
            "tax_behavior": option.get("tax_behavior") or "unspecified",
        }
        for name, option in given.items()
    }


def _estimate(given: Params | None) -> Record | None:
    if given is None:
        return None
    return {"maximum": given.get("maximum"), "minimum": given.get("minimum")}


RESOURCE = ShippingRates()
