"""Payment links: addresses that give each visitor a checkout session of the same goods."""

from __future__ import annotations

from typing import Any

from tigerstripe import errors
from tigerstripe.checkout import cart, fields, rules, taxing
from tigerstripe.checkout.shipping import shipping
from tigerstripe.errors import Refused
from tigerstripe.ids import letters
from tigerstripe.objects import listing, registry
from tigerstripe.objects.resource import Ids, Inclusions, Resource, operation, private
from tigerstripe.records import Params, Record
from tigerstripe.resources.checkout_items import RESOURCE as ITEMS
from tigerstripe.work.unit import PRIVATE, Work

ITEMS_MAX = 20
AS_OF_SESSIONS = (
    "billing_address_collection", "consent_collection", "custom_fields", "custom_text",
    "invoice_creation", "phone_number_collection", "shipping_address_collection",
)  # fmt: skip
"""Fields that a link has as its sessions have them."""
FOR_SESSIONS = (
    *AS_OF_SESSIONS, "allow_promotion_codes", "automatic_tax", "customer_creation",
    "name_collection", "optional_items", "payment_intent_data", "payment_method_collection",
    "payment_method_types", "submit_type", "subscription_data", "tax_id_collection",
)  # fmt: skip
"""Parameters of a link that are those of its sessions."""
SHARES = ("application_fee_amount", "application_fee_percent", "on_behalf_of", "transfer_data")
"""The fields that split the money of its sessions, which are parameters of a payment."""
ONLY_IN = {"application_fee_amount": "payment", "application_fee_percent": "subscription"}
"""The mode in which one of them means something."""
INTENT_DATA = (
    "capture_method", "description", "setup_future_usage", "statement_descriptor",
    "statement_descriptor_suffix", "transfer_group",
)  # fmt: skip


class PaymentLinks(Resource):
    """Payment links; their private part has the parameters that they are made of."""

    object = "payment_link"
    table = "payment_links"
    prefix = "plink"
    name = "payment link"
    param: str | None = "payment_link"
    has_created = False
    not_yet: tuple[str, ...] = (
        "automatic_tax[liability][account]",
        "managed_payments[enabled]",
        "payment_method_options",
    )

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new link; prices and products are made beside it."""
        _check(params)
        given = params["line_items"]
        if len(given) > ITEMS_MAX:
            raise errors.too_many("line_items", ITEMS_MAX)
        mode = "subscription" if any(_is_recurring(work, item) for item in given) else "payment"
        _check_shares(work, mode, params)
        rules.check_mode(mode, {n: v for n, v in params.items() if n in FOR_SESSIONS[-6:]})
        items = ITEMS.made(work, mode, params.get("currency"), given, [])
        own = {name: value for name, value in params.items() if name != "line_items"}
        return {
            **_shown(work, own, mode, items[0]["currency"]),
            "active": True,
            "application": None,
            "currency": items[0]["currency"],
            "metadata": params.get("metadata"),
            "url": f"https://buy.stripe.com/test_{letters(18)}",
            PRIVATE: {"given": own, "items": _priced(work, mode, items), "mode": mode},
        }

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return a link with other parameters, or quantities of its items."""
        _check(params)
        kept = private(old)
        _check_shares(work, kept["mode"], params)
        apart = ("active", "line_items", "metadata")
        given = {n: v for n, v in {**kept["given"], **params}.items() if n not in apart}
        items = kept["items"]
        if "line_items" in params:
            wanted = {item["id"]: item for item in params["line_items"]}
            for place, item in enumerate(params["line_items"]):
                if item["id"] not in {one["id"] for one in items}:
                    raise errors.no_such("line item", item["id"], f"line_items[{place}][id]")
            merged = [{**wanted.get(item["id"], {}), "id": item["id"]} for item in items]
            items = ITEMS.made(work, kept["mode"], old["currency"], merged, items)
        return {
            **old,
            **_shown(work, given, kept["mode"], old["currency"]),
            **{name: params[name] for name in ("active", "metadata") if name in params},
            "restrictions": _restrictions(given, old["restrictions"]),
            PRIVATE: {**kept, "given": given, "items": _priced(work, kept["mode"], items)},
        }

    @operation("GET /v1/payment_links/{payment_link}/line_items")
    def line_items(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return a page of a link's items, in the order in which they were given."""
        return listing.cut(ITEMS.view_of(work, self.named(work, ids)), params, "line item")

    def _line_items(self, work: Work, record: Record, kept: Record) -> Record:
        page = listing.cut(ITEMS.view_of(work, record), {}, "line item")
        return {**page, "url": f"/v1/payment_links/{record['id']}/line_items"}

    included: Inclusions = {"line_items": _line_items}

    # --- Its sessions ---

    def opened(self, work: Work, link: Record) -> Record:
        """Make the checkout session of somebody who opens a link that is active."""
        kept = private(link)
        sessions = registry.need("checkout.session")
        given = {n: v for n, v in kept["given"].items() if n in FOR_SESSIONS and v is not None}
        options = kept["given"].get("shipping_options")
        after = link["after_completion"]
        params = {
            **given,
            **({"shipping_options": options} if options else {}),
            "line_items": [_as_given(item) for item in kept["items"]],
            "metadata": link["metadata"],
            "mode": kept["mode"],
            "success_url": (after.get("redirect") or {"url": link["url"]})["url"],
        }
        shares = {name: link[name] for name in SHARES if link[name] is not None}
        data = "payment_intent_data"
        if kept["mode"] == "payment":
            params.pop("payment_method_collection", None)
        else:
            data = "subscription_data"
        if shares:
            params[data] = {**(params.get(data) or {}), **shares}
        fields = sessions.new(work, {name: v for name, v in params.items() if v != "auto"})
        made: Record = sessions.add(work, {**fields, "payment_link": link["id"]})
        return made

    def completed(self, work: Work, id: str) -> None:
        """Count a session that was completed; the last one of a link closes it."""
        link = work.get(self.table, id)
        if link is None or link["restrictions"] is None:
            return
        limits = link["restrictions"]["completed_sessions"]
        count = limits["count"] + 1
        new = {**link, "restrictions": {"completed_sessions": {**limits, "count": count}}}
        if count >= limits["limit"]:
            new["active"] = False
        self.save(work, link, new)


def _check(params: Params) -> None:
    after = params.get("after_completion")
    if after is not None and after["type"] == "redirect" and after.get("redirect") is None:
        raise errors.missing("after_completion[redirect]")


def _check_shares(work: Work, mode: str, params: Params) -> None:
    """Raise `Refused` for shares that mean nothing here, or are of accounts that are not there."""
    for name, only in ONLY_IN.items():
        if params.get(name) is not None and mode != only:
            raise Refused(f"`{name}` is for a payment link in `{only}` mode.", param=name)
    accounts, data = registry.need("account"), params.get("transfer_data")
    if params.get("on_behalf_of") is not None:
        accounts.given(work, params["on_behalf_of"], "on_behalf_of")
    if data is not None:
        accounts.given(work, data["destination"], "transfer_data[destination]")
        if data.get("amount") is not None and mode == "subscription":
            raise Refused(
                "A transfer of an amount is for a payment link in `payment` mode.",
                param="transfer_data[amount]",
            )


def _is_recurring(work: Work, item: Params) -> bool:
    if item.get("price_data") is not None:
        return item["price_data"].get("recurring") is not None
    price = work.get("prices", item.get("price") or "")
    return price is not None and price["recurring"] is not None


def _priced(work: Work, mode: str, items: list[Record]) -> list[Record]:
    """Return items with their amounts, without a buyer or a discount."""
    kept = {"items": items, "discounts": [], "is_trial": False, "default_tax_rates": []}
    no_tax = taxing.fields(is_on=False)
    cart_of = {
        "automatic_tax": no_tax,
        "customer": None,
        "mode": mode,
        "shipping_cost": None,
        PRIVATE: kept,
    }
    priced = cart.priced(work, {**cart_of, "currency": items[0]["currency"]})
    found: list[Record] = private(priced)["items"]
    return found


def _shown(work: Work, given: Params, mode: str, currency: str) -> Record:
    """Return the fields that come of a link's parameters."""
    given = {name: value for name, value in given.items() if value is not None}
    page = fields.page(given, mode, work.version)
    creation = "always" if mode == "subscription" else "if_required"
    rates = shipping(work, given.get("shipping_options"), currency)
    return {
        **{name: page[name] for name in AS_OF_SESSIONS},
        "after_completion": _after(given.get("after_completion")),
        "allow_promotion_codes": given.get("allow_promotion_codes") or False,
        **{name: given.get(name) for name in SHARES},
        "automatic_tax": {name: page["automatic_tax"][name] for name in ("enabled", "liability")},
        "billing_address_collection": given.get("billing_address_collection") or "auto",
        "customer_creation": given.get("customer_creation") or creation,
        "inactive_message": given.get("inactive_message"),
        "managed_payments": {"enabled": False},
        "optional_items": ITEMS.optional(work, currency, given.get("optional_items") or []) or None,
        "payment_intent_data": _intent_data(given.get("payment_intent_data")),
        "payment_method_collection": given.get("payment_method_collection") or "always",
        "payment_method_options": None,
        "payment_method_types": given.get("payment_method_types"),
        "restrictions": _restrictions(given, None),
        "shipping_options": rates["shipping_options"],
        "submit_type": given.get("submit_type") or "auto",
        "subscription_data": _subscription_data(given.get("subscription_data") or {}),
        "tax_id_collection": {
            "required": "never",
            **(given.get("tax_id_collection") or {"enabled": False}),
        },
    }


def _after(given: Params | None) -> Record:
    if given is not None and given["type"] == "redirect":
        return {"redirect": {"url": given["redirect"]["url"]}, "type": "redirect"}
    message = ((given or {}).get("hosted_confirmation") or {}).get("custom_message")
    return {"hosted_confirmation": {"custom_message": message}, "type": "hosted_confirmation"}


def _intent_data(given: Params | None) -> Record | None:
    if given is None:
        return None
    return {
        **{name: given.get(name) for name in INTENT_DATA},
        "metadata": given.get("metadata") or {},
    }


def _subscription_data(given: Params) -> Record:
    settings = given.get("invoice_settings") or {}
    return {
        "description": given.get("description"),
        "invoice_settings": {"issuer": {"type": "self"}, **settings},
        "metadata": given.get("metadata") or {},
        "trial_period_days": given.get("trial_period_days"),
        "trial_settings": given.get("trial_settings"),
    }


def _restrictions(given: Params, old: Record | None) -> Record | None:
    """Return how often a link may be used, and how often it was."""
    restrictions = given.get("restrictions")
    if restrictions is None:
        return None
    count = old["completed_sessions"]["count"] if old else 0
    limit = restrictions["completed_sessions"]["limit"]
    return {"completed_sessions": {"count": count, "limit": limit}}


def _as_given(item: Record) -> Params:
    """Return an item of a link as a parameter of a session."""
    adjustable: Any = item["adjustable_quantity"]
    given = {"price": item["price"], "quantity": item["quantity"]}
    rates = private(item)["tax_rates"]
    return {
        **given,
        **({"adjustable_quantity": adjustable} if adjustable else {}),
        **({"tax_rates": rates} if rates else {}),
    }


RESOURCE = PaymentLinks()
