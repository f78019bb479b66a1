"""What the parameters of a new session may be together."""

from __future__ import annotations

import re
from typing import Any

from tigerstripe import errors
from tigerstripe.errors import Refused
from tigerstripe.resource import Params
from tigerstripe.resources.customers import check_email
from tigerstripe.work import Work

CUSTOM_FIELDS_MAX = 3
EXPIRES_LEAST_S = 30 * 60
EXPIRES_MOST_S = 24 * 60 * 60

EXCLUDING = (
    ("customer", "customer_email"),
    ("allow_promotion_codes", "discounts"),
    ("allowed_payment_method_types", "payment_method_types"),
    ("customer", "customer_creation"),
)
ONLY_IN = {
    "payment_intent_data": ("payment",),
    "setup_intent_data": ("setup",),
    "subscription_data": ("subscription",),
    "customer_creation": ("payment", "setup"),
    "payment_method_collection": ("subscription",),
    "line_items": ("payment", "subscription"),
    "optional_items": ("payment", "subscription"),
    "discounts": ("payment", "subscription"),
    "allow_promotion_codes": ("payment", "subscription"),
    "shipping_options": ("payment",),
    "submit_type": ("payment", "subscription"),
}
"""The modes in which a parameter means something."""

NOT_YET = (
    "automatic_tax[enabled]",
    "automatic_tax[liability]",
    "branding_settings[icon]",
    "branding_settings[logo]",
    "customer_account",
    "invoice_creation[invoice_data][account_tax_ids]",
    "invoice_creation[invoice_data][issuer][account]",
    "managed_payments[enabled]",
    "payment_intent_data[application_fee_amount]",
    "payment_intent_data[on_behalf_of]",
    "payment_intent_data[transfer_data]",
    "payment_method_configuration",
    "setup_intent_data[on_behalf_of]",
    "subscription_data[application_fee_percent]",
    "subscription_data[billing_cycle_anchor]",
    "subscription_data[billing_cycle_anchor_config]",
    "subscription_data[invoice_settings][issuer][account]",
    "subscription_data[on_behalf_of]",
    "subscription_data[transfer_data]",
)
"""Parameters that need what is not built: taxes by place, files, connected accounts, prorations."""

_is_url = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://\S+\Z").match
_names = re.compile(r"[^\[\]]+").findall


def check(work: Work, params: Params) -> str:
    """Return the mode of a new session; raises `Refused` for what cannot be or is not built."""
    for name in NOT_YET:
        if at(params, name):
            raise errors.not_built_parameter(name)
    for place, item in enumerate(params.get("line_items") or ()):
        if item.get("dynamic_tax_rates"):
            raise errors.not_built_parameter(f"line_items[{place}][dynamic_tax_rates]")
    mode: str | None = params.get("mode")
    if mode is None:
        raise errors.missing("mode")
    for names in EXCLUDING:
        if all(params.get(name) is not None for name in names):
            raise errors.one_may_be_given(*names)
    check_mode(mode, params)
    _check_items(mode, params)
    if params.get("customer_update") is not None and params.get("customer") is None:
        message = "`customer_update` can only be used with `customer`."
        raise Refused(message, param="customer_update")
    check_email(params.get("customer_email"), "customer_email")
    _check_custom_fields(params.get("custom_fields") or [])
    _check_urls(params)
    _check_expiry(work.now, params.get("expires_at"))
    return mode


def check_mode(mode: str, params: Params) -> None:
    """Raise `Refused` for what means nothing in a mode."""
    for name, modes in ONLY_IN.items():
        if params.get(name) is not None and mode not in modes:
            raise Refused(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    if mode != "payment" and at(params, "invoice_creation[enabled]"):
        raise Refused(
            "You can only enable invoice creation when `mode` is set to `payment`.",
            param="invoice_creation",
        )


def _check_items(mode: str, params: Params) -> None:
    """Raise `Refused` for what is missing in a mode."""
    if mode != "setup" and not params.get("line_items"):
        message = f"The `line_items` parameter is required in {mode} mode."
        raise Refused(message, code="parameter_missing", param="line_items")
    if mode == "setup" and not _has_types(params) and params.get("currency") is None:
        raise errors.missing("currency")


def _check_custom_fields(given: list[Params]) -> None:
    """Raise `Refused` for too many fields, two of one key, and choices without any."""
    if len(given) > CUSTOM_FIELDS_MAX:
        raise errors.too_many("custom_fields", CUSTOM_FIELDS_MAX)
    keys = [field["key"] for field in given]
    for place, field in enumerate(given):
        at = f"custom_fields[{place}]"
        if field["key"] in keys[:place]:
            message = f"The key {field['key']} is that of another custom field already."
            raise Refused(message, param=f"{at}[key]")
        if field["type"] == "dropdown" and not field.get("dropdown"):
            raise errors.missing(f"{at}[dropdown]")


def _has_types(params: Params) -> bool:
    return bool(params.get("payment_method_types") or params.get("allowed_payment_method_types"))


def at(params: Any, name: str) -> Any:
    """Return what parameters have at a place, as `automatic_tax[enabled]`; None for nothing."""
    for step in _names(name):
        params = params.get(step) if isinstance(params, dict) else None
    return params


def _check_urls(params: Params) -> None:
    """Raise `Refused` for an address that is none, or is missing, or means nothing here."""
    mode = params.get("ui_mode") or "hosted_page"
    for name in ("success_url", "cancel_url", "return_url"):
        if params.get(name) is not None and not _is_url(params[name]):
            raise Refused("Not a valid URL", code="url_invalid", param=name)
    if mode in ("hosted", "hosted_page"):
        for name in ("return_url", "redirect_on_completion"):
            if params.get(name) is not None:
                raise Refused(f"You can not pass `{name}` when `ui_mode` is `{mode}`.", param=name)
        if params.get("success_url") is None:
            raise errors.missing("success_url")
        return
    for name in ("success_url", "cancel_url"):
        if params.get(name) is not None:
            raise Refused(f"You can not pass `{name}` when `ui_mode` is `{mode}`.", param=name)
    never = params.get("redirect_on_completion") == "never"
    if never and params.get("return_url") is not None:
        message = "You can not pass `return_url` when `redirect_on_completion` is `never`."
        raise Refused(message, param="return_url")
    if not never and params.get("return_url") is None:
        raise errors.missing("return_url")


def _check_expiry(now: int, expires_at: int | None) -> None:
    if expires_at is None:
        return
    bound = None
    if expires_at < now + EXPIRES_LEAST_S:
        bound = "at least 30 minutes"
    elif expires_at > now + EXPIRES_MOST_S:
        bound = "less than 24 hours"
    if bound is not None:
        message = f"The `expires_at` timestamp must be {bound} from Checkout Session creation."
        raise Refused(message, param="expires_at")
