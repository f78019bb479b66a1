"""The fields of a session about its page: how it looks, and what it asks the buyer."""

from __future__ import annotations

from typing import Any

from tigerstripe.checkout import taxing
from tigerstripe.ids import letters
from tigerstripe.objects import metadata
from tigerstripe.records import Params, Record

HOSTED, EMBEDDED = "hosted_page", "embedded_page"
UI_MODES = {"hosted": HOSTED, "embedded": EMBEDDED, "custom": "elements"}
"""The names of before dahlia, and those since."""

METHODS = ("card", "link")
"""The default types of payment methods."""
SETUP_METHODS = ("card", "klarna", "link", "us_bank_account")
"""The default types of payment methods for a setup, as recorded."""
BY_METHOD: dict[str, Record] = {
    "card": {"request_three_d_secure": "automatic"},
    "us_bank_account": {
        "financial_connections": {"permissions": ["payment_method"], "prefetch": []},
        "verification_method": "automatic",
    },
}
"""The options that types have by themselves."""
CONFIGURATION = "pmc_1TigerStripeDefault00000"
"""The account's only configuration of payment methods; no operation shows it yet."""

BRANDING: Record = {
    "background_color": "#ffffff",
    "border_style": "rounded",
    "button_color": "#0074d4",
    "display_name": "tigerstripe",
    "font_family": "default",
    "icon": None,
    "logo": None,
}
TEXTS = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
RENDERING = {"amount_tax_display": None, "template": None}
INVOICE_DATA = (
    "account_tax_ids", "custom_fields", "description", "footer", "issuer", "rendering_options",
)  # fmt: skip
COLLECTED: Record = {"business_name": None, "individual_name": None, "shipping_details": None}
"""The empty details of a known buyer."""
DETAILS: Record = {
    "address": None,
    "business_name": None,
    "email": None,
    "individual_name": None,
    "name": None,
    "phone": None,
    "tax_exempt": "none",
    "tax_ids": None,
}
"""The details of an unknown buyer."""
ECHOED = (
    "allow_promotion_codes", "allowed_payment_method_types", "billing_address_collection",
    "cancel_url", "client_reference_id", "customer_email", "integration_identifier", "locale",
    "origin_context", "permissions", "shipping_address_collection", "submit_type", "success_url",
    "wallet_options",
)  # fmt: skip


def page(params: Params, mode: str, version: str) -> Record:
    """Return the fields that come of a create's parameters alone."""
    get = params.get
    fields: Record = {name: get(name) for name in ECHOED}
    fields |= {
        "adaptive_pricing": {"enabled": _converts(get("adaptive_pricing"), mode, version)},
        "after_expiration": _recovery(get("after_expiration")),
        "automatic_tax": taxing.fields(bool((get("automatic_tax") or {}).get("enabled"))),
        "branding_settings": {**BRANDING, **(get("branding_settings") or {})},
        "consent": None,
        "consent_collection": _consents(get("consent_collection")),
        "currency_conversion": None,
        "custom_fields": [_custom_field(field) for field in get("custom_fields") or ()],
        "custom_text": {name: (get("custom_text") or {}).get(name) for name in TEXTS},
        "customer_account": None,
        "invoice_creation": _invoice_creation(get("invoice_creation"), mode),
        "managed_payments": {"enabled": False},
        "payment_method_collection": get("payment_method_collection")
        or ("if_required" if mode == "payment" else "always"),
        "phone_number_collection": get("phone_number_collection") or {"enabled": False},
        "saved_payment_method_options": _saved(get("saved_payment_method_options"), mode),
    }
    return fields | _methods(params) | _only_if_given(params)


def _only_if_given(params: Params) -> Record:
    """Return the fields that a session does not have unless they were given."""
    found: Record = {}
    if params.get("excluded_payment_method_types") is not None:
        found["excluded_payment_method_types"] = params["excluded_payment_method_types"]
    if params.get("name_collection") is not None:
        names = params["name_collection"].items()
        found["name_collection"] = {who: {"optional": False, **how} for who, how in names}
    if params.get("tax_id_collection") is not None:
        found["tax_id_collection"] = {"required": "never", **params["tax_id_collection"]}
    return found


def new_id(mode: str) -> str:
    """Return the id of a new session."""
    return f"cs_test_{'c' if mode == 'setup' else 'a'}1{letters(56)}"


def url(id: str) -> str:
    """Return the address of the page of a session; the part after the # imitates the real one."""
    return f"https://checkout.stripe.com/c/pay/{id}#fid{letters(120)}"


def where(params: Params, id: str) -> Record:
    """Return the fields that say where the page is, and where it leads."""
    mode = UI_MODES.get(params.get("ui_mode") or HOSTED, params.get("ui_mode") or HOSTED)
    if mode == HOSTED:
        return {"client_secret": None, "ui_mode": mode, "url": url(id)}
    found = {
        "client_secret": f"{id}_secret_fid{letters(120)}",
        "return_url": params.get("return_url"),
        "ui_mode": mode,
        "url": None,
    }
    if mode == EMBEDDED:
        found["redirect_on_completion"] = params.get("redirect_on_completion") or "always"
    return found


def _converts(given: Params | None, mode: str, version: str) -> bool:
    """Tell whether prices are shown in the buyer's currency; of subscriptions since dahlia."""
    if given is not None and given.get("enabled") is not None:
        return bool(given["enabled"])
    return mode == "payment" or (mode == "subscription" and version >= "2026-03-25.dahlia")


def _recovery(given: Params | None) -> Record | None:
    recovery = (given or {}).get("recovery")
    if recovery is None:
        return None
    return {
        "recovery": {
            "allow_promotion_codes": recovery.get("allow_promotion_codes") or False,
            "enabled": recovery["enabled"],
            "expires_at": None,
            "url": None,
        }
    }


def _consents(given: Params | None) -> Record | None:
    names = ("payment_method_reuse_agreement", "promotions", "terms_of_service")
    return None if given is None else {name: given.get(name) for name in names}


def _custom_field(given: Params) -> Record:
    """Return a field that the buyer is to fill in; it has the part of its type alone."""
    kind = given["type"]
    part: dict[str, Any] = given.get(kind) or {}
    if kind == "dropdown":
        own: Record = {
            "default_value": part.get("default_value"),
            "options": part.get("options") or [],
        }
    else:
        own = {
            name: part.get(name) for name in ("default_value", "maximum_length", "minimum_length")
        }
    return dict(
        sorted({
            kind: {**own, "value": None},
            "key": given["key"],
            "label": given["label"],
            "optional": given.get("optional") or False,
            "type": kind,
        }.items())
    )  # fmt: skip


def _invoice_creation(given: Params | None, mode: str) -> Record | None:
    if mode != "payment":
        return None
    data = (given or {}).get("invoice_data") or {}
    shown: Record = {name: data.get(name) for name in INVOICE_DATA}
    if shown["rendering_options"] is not None:
        shown["rendering_options"] = {**RENDERING, **shown["rendering_options"]}
    return {
        "enabled": (given or {}).get("enabled", False),
        "invoice_data": {
            **shown,
            "metadata": metadata.new(data.get("metadata")),
        },
    }


def _saved(given: Params | None, mode: str) -> Record | None:
    if mode == "setup":
        return None
    return {
        "allow_redisplay_filters": ["always"],
        "payment_method_remove": "disabled",
        "payment_method_save": None,
        **(given or {}),
    }


def _methods(params: Params) -> Record:
    """Return the fields about the types of payment methods."""
    wanted = params.get("payment_method_types") or params.get("allowed_payment_method_types")
    excluded = params.get("excluded_payment_method_types") or ()
    usual = SETUP_METHODS if params.get("mode") == "setup" else METHODS
    types = [name for name in wanted or usual if name not in excluded]
    options = dict(params.get("payment_method_options") or {})
    for name, own in BY_METHOD.items():
        if name in types:
            options[name] = {**own, **options.get(name, {})}
    configuration = None if params.get("payment_method_types") else CONFIGURATION
    return {
        "payment_method_configuration_details": configuration
        and {"id": configuration, "parent": None},
        "payment_method_options": options,
        "payment_method_types": types,
    }
