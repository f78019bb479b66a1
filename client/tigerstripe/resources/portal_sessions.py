"""Sessions of the billing portal: each opens it for one customer."""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.billing import self_service
from tigerstripe.errors import Refused
from tigerstripe.ids import letters
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Resource
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

OF_SUBSCRIPTIONS = (
    "subscription_cancel", "subscription_pause", "subscription_update",
    "subscription_update_confirm",
)  # fmt: skip

FEATURES = {"subscription_update_confirm": "subscription_update"}
"""The features that flows need, where they have not their names."""


class PortalSessions(Resource):
    """Portal sessions; the API makes them, and shows none again."""

    object = "billing_portal.session"
    table = "portal_sessions"
    prefix = "bps"
    has_metadata = False
    standard: frozenset[str] = frozenset(("create",))
    not_yet: tuple[str, ...] = (
        "after_expiration",
        "customer_account",
        "on_behalf_of",
    )

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new session."""
        if params.get("customer") is None:
            raise errors.missing("customer")
        customer = registry.need("customer").given(work, params["customer"], "customer")
        configuration = self._configuration(work, params.get("configuration"))
        return {
            "configuration": configuration["id"],
            "customer": customer["id"],
            "customer_account": None,
            "flow": _flow(work, customer, configuration, params.get("flow_data")),
            "locale": params.get("locale"),
            "on_behalf_of": None,
            "return_url": params.get("return_url") or configuration["default_return_url"],
            "url": f"https://billing.stripe.com/p/session/test_{letters(60)}",
        }

    def _configuration(self, work: Work, id: str | None) -> Record:
        """Return the configuration that is named, or the default; raises `Refused`."""
        configurations = registry.need("billing_portal.configuration")
        if id is None:
            found: Record = configurations.default(work)
        else:
            found = configurations.given(work, id, "configuration")
        if not found["active"]:
            raise Refused(
                f"The configuration {found['id']} is not active: use one that is.",
                param="configuration",
            )
        return found


def _flow(
    work: Work, customer: Record, configuration: Record, given: Params | None
) -> Record | None:
    """Return the flow of a session; raises `Refused` for one that its customer could not follow."""
    if given is None:
        return None
    kind: str = given["type"]
    flow: Record = {
        "after_completion": _after(given.get("after_completion") or {"type": "portal_homepage"}),
        **dict.fromkeys(OF_SUBSCRIPTIONS),
        "type": kind,
    }
    features = registry.need("billing_portal.configuration").features(configuration)
    self_service.check_enabled(features, FEATURES.get(kind, kind))
    if kind not in OF_SUBSCRIPTIONS:
        return flow
    at = f"flow_data[{kind}]"
    if given.get(kind) is None:
        raise errors.missing(at)
    wanted = given[kind]
    param = f"{at}[subscription]"
    subscription = self_service.own(work, customer["id"], wanted["subscription"], param)
    flow[kind] = {"subscription": subscription["id"]}
    try:
        if kind == "subscription_cancel":
            flow[kind] |= _cancel(work, subscription, wanted)
        elif kind == "subscription_update_confirm":
            flow[kind] |= _confirm(work, features, subscription, wanted)
        elif kind == "subscription_update":
            self_service.check_changeable(subscription)
    except Refused as refused:
        raise errors.under(refused, at) from None
    return flow


def _after(given: Params) -> Record:
    shown = {
        "hosted_confirmation": given.get("hosted_confirmation"),
        "redirect": given.get("redirect"),
        "type": given["type"],
    }
    if shown["type"] == "redirect" and shown["redirect"] is None:
        raise errors.missing("flow_data[after_completion][redirect]")
    return shown


def _cancel(work: Work, subscription: Record, wanted: Params) -> Record:
    """Return the offer that may keep a customer, if there is one; raises `Refused`."""
    if subscription["cancel_at"] is not None:
        id = subscription["id"]
        raise Refused(f"The subscription {id} is already set to be canceled at period end.")
    retention = wanted.get("retention")
    if retention is not None:
        coupon = retention["coupon_offer"]["coupon"]
        registry.need("coupon").usable(work, coupon, "retention[coupon_offer][coupon]")
    return {"retention": retention}


def _confirm(work: Work, features: Record, subscription: Record, wanted: Params) -> Record:
    """Return the change that a customer is to confirm; raises `Refused`."""
    self_service.check_changeable(subscription)
    given, discounts = wanted["items"], wanted.get("discounts")
    if len(given) != 1:
        raise errors.too_many("items", 1)
    [item] = given
    if item["id"] not in {one["id"] for one in subscription["items"]["data"]}:
        raise errors.no_such("subscription_item", item["id"], "items[0][id]")
    try:
        self_service.check_change(work, features, subscription, {**item, "discounts": discounts})
    except Refused as refused:
        raise errors.under(refused, "items[0]") from None
    names = ("coupon", "promotion_code")
    return {
        "discounts": [{n: one.get(n) for n in names} for one in discounts] if discounts else None,
        "items": [{name: item.get(name) for name in ("id", "price", "quantity")}],
    }


RESOURCE = PortalSessions()
