"""The rules for the parameters of a new session: which ones may be together."""

from __future__ import annotations

import re

from tigerstripe import errors
from tigerstripe.errors import Refused
from tigerstripe.records import Params
from tigerstripe.work.unit import Work

CUSTOM_FIELDS_MAX = 3
EXPIRES_LEAST_S = 30 * 60
EXPIRES_MOST_S = 24 * 60 * 60

EXCLUDING = (
    ("customer", "customer_email"),
    ("allow_promotion_codes", "discounts"),
    ("allowed_payment_method_types", "payment_method_types"),
    ("customer", "customer_creation"),
)
ONLY_IN: dict[str, tuple[str, ...]] = {
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

_is_url = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://\S+\Z").match


def check(work: Work, params: Params) -> str:
    """Return the mode of a new session; raises `Refused` for parameters that do not fit."""
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
    errors.check_email(params.get("customer_email"), "customer_email")
    _check_custom_fields(params.get("custom_fields") or [])
    _check_urls(params)
    _check_expiry(work.now, params.get("expires_at"))
    return mode


def check_mode(mode: str, params: Params) -> None:
    """Raise `Refused` for parameters without a meaning in the mode."""
    for name, modes in ONLY_IN.items():
        if params.get(name) is not None and mode not in modes:
            raise Refused(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    if mode != "payment" and (params.get("invoice_creation") or {}).get("enabled"):
        raise Refused(
            "You can only enable invoice creation when `mode` is set to `payment`.",
            param="invoice_creation",
        )


def _check_items(mode: str, params: Params) -> None:
    """Raise `Refused` for parameters that the mode needs and that are missing."""
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


def _check_urls(params: Params) -> None:
    """Raise `Refused` for an address that is invalid, or missing, or means nothing here."""
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
