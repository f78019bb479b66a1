"""Sessions of the billing portal: a customer's way to it."""

from __future__ import annotations

from tigerstripe import errors, registry
from tigerstripe.errors import Refused
from tigerstripe.ids import letters
from tigerstripe.resource import Params, Record, Resource
from tigerstripe.work import Work

OF_SUBSCRIPTIONS = (
    "subscription_cancel", "subscription_pause", "subscription_update",
    "subscription_update_confirm",
)  # fmt: skip


class PortalSessions(Resource):
    """Portal sessions; the API makes them, and shows none again."""

    object = "billing_portal.session"
    table = "portal_sessions"
    paths = ("/v1/billing_portal/sessions",)
    prefix = "bps"
    has_metadata = False
    standard = frozenset(("create",))
    not_yet = (
        "after_expiration",
        "customer_account",
        "on_behalf_of",
        *(f"flow_data[{kind}]" for kind in OF_SUBSCRIPTIONS),
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
            "flow": _flow(params.get("flow_data")),
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


def _flow(given: Params | None) -> Record | None:
    """Return what a customer is led to; raises `Refused`."""
    if given is None:
        return None
    kind = given["type"]
    if kind in OF_SUBSCRIPTIONS:
        raise errors.missing(f"flow_data[{kind}]")
    after = given.get("after_completion") or {"type": "portal_homepage"}
    shown = {
        "hosted_confirmation": after.get("hosted_confirmation"),
        "redirect": after.get("redirect"),
        "type": after["type"],
    }
    for name in ("hosted_confirmation", "redirect"):
        if after["type"] == name == "redirect" and shown[name] is None:
            raise errors.missing(f"flow_data[after_completion][{name}]")
    return {"after_completion": shown, **dict.fromkeys(OF_SUBSCRIPTIONS), "type": kind}


RESOURCE = PortalSessions()
