"""Configurations of the billing portal: the changes that customers may make there."""

from __future__ import annotations

import copy
from typing import Any

from tigerstripe import errors
from tigerstripe.errors import Refused
from tigerstripe.ids import letters
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Inclusions, Resource, private
from tigerstripe.records import Params, Record
from tigerstripe.work.differences import merged
from tigerstripe.work.unit import PRIVATE, Work

NO_METHODS = "Cannot enable subscription updates while payment method update is disabled."
PRODUCTS_MAX = 10
PROFILE = ("headline", "privacy_policy_url", "terms_of_service_url")
REASONS = (
    "too_expensive", "missing_features", "switched_service", "unused", "customer_service",
    "too_complex", "low_quality", "other",
)  # fmt: skip
OFF: Record = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "options": []},
        "enabled": False,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {
        "duration": {"interval_options": [], "type": "indefinite"},
        "enabled": False,
    },
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "products": None,
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}
"""The defaults of the features."""
DEFAULT: Record = {
    "customer_update": {"allowed_updates": ["email", "address", "phone"], "enabled": True},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": True, "options": [*REASONS]},
        "enabled": True,
    },
}
"""The features of the account's default, which is there when it is first needed."""


class PortalConfigurations(Resource):
    """Configurations of the billing portal."""

    object = "billing_portal.configuration"
    table = "portal_configurations"
    prefix = "bpc"
    name = "configuration"
    param: str | None = "configuration"
    not_yet: tuple[str, ...] = ("features[subscription_pause][duration][interval_options]",)

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new configuration."""
        profile = params.get("business_profile") or {}
        login = (params.get("login_page") or {}).get("enabled") or False
        return {
            "active": True,
            "application": None,
            "business_profile": {name: profile.get(name) for name in PROFILE},
            "default_return_url": params.get("default_return_url"),
            **_kept(_features(work, OFF, params["features"])),
            "is_default": False,
            "login_page": _login_page(login),
            "metadata": params.get("metadata"),
            "name": params.get("name"),
            "updated": work.now,
        }

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return a configuration with other parts; members that are not named stay."""
        if params.get("active") is False and old["is_default"]:
            raise Refused("The default configuration cannot be deactivated.", param="active")
        new = {**old, **params}
        if params.get("business_profile") is not None:
            new["business_profile"] = {**old["business_profile"], **params["business_profile"]}
        if params.get("features") is not None:
            new |= _kept(_features(work, self.features(old), params["features"]))
        if params.get("login_page") is not None:
            is_on = params["login_page"]["enabled"]
            is_same = is_on == old["login_page"]["enabled"]
            new["login_page"] = old["login_page"] if is_same else _login_page(is_on)
        return {**new, "updated": work.now} if new != old else old

    def features(self, record: Record) -> Record:
        """Return the features of a configuration, with products that only expansions show."""
        found: Record = record["features"]
        update = {**found["subscription_update"], "products": private(record)["products"]}
        return {**found, "subscription_update": update}

    def _products(self, work: Work, record: Record, kept: Record) -> Any:
        return kept["products"]

    included: Inclusions = {"features.subscription_update.products": _products}

    def default(self, work: Work) -> Record:
        """Return the account's default configuration; it is made when it is first asked for."""
        id = work.holder("portal", "default")  # of two that make it, the other reads it
        if id is not None:
            return self.given(work, id, "configuration")
        fields = self.new(work, {"features": DEFAULT})
        made = self.add(work, {**fields, "is_default": True})
        work.claim("portal", "default", made["id"])
        return made


def _features(work: Work, old: Record, given: Params) -> Record:
    """Return features as parameters change them; unset lists are empty.

    Raises `Refused` for what does not go together.
    """
    given = {name: one for name, one in given.items() if one is not None}
    new = merged(copy.deepcopy(old), given)
    for part in (new["customer_update"], new["subscription_update"]):
        for name in ("allowed_updates", "default_allowed_updates"):
            if name in part:
                part[name] = part[name] or []
    reasons = new["subscription_cancel"]["cancellation_reason"]
    if reasons["enabled"] and not reasons["options"]:
        reasons["options"] = [*REASONS]
    update = new["subscription_update"]
    if update["enabled"] and not new["payment_method_update"]["enabled"]:
        raise Refused(NO_METHODS)
    update["products"] = _products(work, update) if update["products"] else None
    return new


def _kept(features: Record) -> Record:
    """Return the fields that a configuration has of its features."""
    update = dict(features["subscription_update"])
    products = update.pop("products")
    return {
        "features": {**features, "subscription_update": update},
        PRIVATE: {"products": products},
    }


def _products(work: Work, update: Record) -> list[Record]:
    """Return the products that subscriptions may be changed to; raises `Refused`."""
    at = "features[subscription_update][products]"
    if len(update["products"]) > PRODUCTS_MAX:
        raise errors.too_many(at, PRODUCTS_MAX)
    prices, products = registry.need("price"), registry.need("product")
    found = []
    for place, one in enumerate(update["products"]):
        product = products.given(work, one["product"], f"{at}[{place}][product]")
        for number, id in enumerate(one["prices"]):
            param = f"{at}[{place}][prices][{number}]"
            price = prices.given(work, id, param)
            if price["product"] != product["id"] or price["recurring"] is None:
                raise Refused(
                    f"The price {id} is no recurring price of the product {product['id']}.",
                    param=param,
                )
        usual = {"enabled": "quantity" in update["default_allowed_updates"]}
        limits = {"maximum": None, "minimum": 1, **(one.get("adjustable_quantity") or usual)}
        found.append({
            "adjustable_quantity": {name: limits[name] for name in sorted(limits)},
            "prices": one["prices"],
            "product": product["id"],
        })  # fmt: skip
    return found


def _login_page(is_on: bool) -> Record:
    url = f"https://billing.stripe.com/p/login/test_{letters(14)}" if is_on else None
    return {"enabled": is_on, "url": url}


RESOURCE = PortalConfigurations()
