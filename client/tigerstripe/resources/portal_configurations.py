"""Configurations of the billing portal: what customers can do there by themselves."""

from __future__ import annotations

import copy

from tigerstripe.differences import merged
from tigerstripe.errors import Refused
from tigerstripe.ids import letters
from tigerstripe.resource import Params, Record, Resource
from tigerstripe.work import Work

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
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}
"""What each feature is where nothing is said of it."""
DEFAULT = {
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
    paths = ("/v1/billing_portal/configurations",)
    prefix = "bpc"
    name = "configuration"
    param = "configuration"

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new configuration."""
        profile = params.get("business_profile") or {}
        login = (params.get("login_page") or {}).get("enabled") or False
        return {
            "active": True,
            "application": None,
            "business_profile": {name: profile.get(name) for name in PROFILE},
            "default_return_url": params.get("default_return_url"),
            "features": _features(OFF, params["features"]),
            "is_default": False,
            "login_page": _login_page(login),
            "metadata": params.get("metadata"),
            "name": params.get("name"),
            "updated": work.now,
        }

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return a configuration with other parts; what is not named of them stays."""
        if params.get("active") is False and old["is_default"]:
            raise Refused("The default configuration cannot be deactivated.", param="active")
        new = {**old, **params}
        if params.get("business_profile") is not None:
            new["business_profile"] = {**old["business_profile"], **params["business_profile"]}
        if params.get("features") is not None:
            new["features"] = _features(old["features"], params["features"])
        if params.get("login_page") is not None:
            is_on = params["login_page"]["enabled"]
            is_same = is_on == old["login_page"]["enabled"]
            new["login_page"] = old["login_page"] if is_same else _login_page(is_on)
        return {**new, "updated": work.now} if new != old else old

    def default(self, work: Work) -> Record:
        """Return the account's default configuration; it is made when it is first asked for."""
        id = work.holder("portal", "default")  # of two that make it, the other reads it
        if id is not None:
            return self.given(work, id, "configuration")
        fields = self.new(work, {"features": DEFAULT})
        made = self.add(work, {**fields, "is_default": True})
        work.claim("portal", "default", made["id"])
        return made


def _features(old: Record, given: Params) -> Record:
    """Return features with what is given of them; lists that are unset are empty."""
    given = {name: one for name, one in given.items() if one is not None}
    new = merged(copy.deepcopy(old), given)
    for part in (new["customer_update"], new["subscription_update"]):
        for name in ("allowed_updates", "default_allowed_updates"):
            if name in part:
                part[name] = part[name] or []
    reasons = new["subscription_cancel"]["cancellation_reason"]
    if reasons["enabled"] and not reasons["options"]:
        reasons["options"] = [*REASONS]
    return new


def _login_page(is_on: bool) -> Record:
    url = f"https://billing.stripe.com/p/login/test_{letters(14)}" if is_on else None
    return {"enabled": is_on, "url": url}


RESOURCE = PortalConfigurations()
