"""The details that a buyer enters on a session's page: who they are, where to, which options."""

from __future__ import annotations

from typing import Any

from tigerstripe import errors
from tigerstripe.checkout import cart, fields, taxing
from tigerstripe.checkout.shipping import chosen as chosen_shipping
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
ANYBODY = "buyer@example.com"
"""The e-mail address of a buyer who tells none; the real page asks until there is one."""


def chosen(work: Work, session: Record, params: Params) -> Record:
    """Return a session with the shipping and the promotion code that a buyer chose.

    Where they are is a choice, too, if the session is taxed by that.
    """
    rate, code = params.get("shipping_rate"), params.get("promotion_code")
    if rate is not None:
        session = {**session, "shipping_cost": chosen_shipping(session, rate)}
    if code is not None:
        session = _with_code(work, session, code)
    address = params.get("address") if taxing.is_on(session) else None
    if address is not None:
        details = session["customer_details"] or fields.DETAILS
        session = {**session, "customer_details": {**details, "address": _address(address)}}
    is_other = rate is not None or code is not None or address is not None
    return cart.priced(work, session) if is_other else session


def _with_code(work: Work, session: Record, typed: str) -> Record:
    """Return a session with the promotion code that a buyer typed; raises `Refused`."""
    if not session["allow_promotion_codes"]:
        message = "This Checkout Session does not take promotion codes."
        raise Refused(message, param="promotion_code")
    codes = registry.need("promotion_code")
    id = codes.active(work, typed)
    if id is None:
        raise Refused(f"This promotion code is invalid: {typed}", param="promotion_code")
    given = [{"promotion_code": id}]
    found = cart.redeemable(work, given, session["currency"], session["customer"])
    return {
        **session,
        "discounts": [{"coupon": None, "promotion_code": id}],
        PRIVATE: {**private(session), "discounts": found},
    }


def told(work: Work, session: Record, params: Params, method: Record | None) -> Record:
    """Return a session with the details of its buyer; raises `Refused` for missing ones."""
    billing = (method or {}).get("billing_details") or {}
    known = session["customer_details"] or {}
    email = params.get("email") or known.get("email") or billing.get("email") or ANYBODY
    errors.check_email(email, "email")
    name = params.get("name") or billing.get("name") or known.get("name")
    phone = params.get("phone") or (billing.get("phone") if _wants_phone(session) else None)
    if _wants_phone(session) and phone is None:
        raise errors.missing("phone")
    address = params.get("address") or billing.get("address") or known.get("address") or {}
    if session["billing_address_collection"] == "required" and not address.get("line1"):
        raise errors.missing("address[line1]")
    return {
        **session,
        "collected_information": {
            **(session["collected_information"] or fields.COLLECTED),
            "shipping_details": _shipping(session, params.get("shipping")),
        },
        "custom_fields": _filled(session["custom_fields"], params.get("custom_fields") or {}),
        "customer_details": {
            "address": _address(address),
            "business_name": None,
            "email": email,
            "individual_name": None,
            "name": name,
            "phone": phone,
            "tax_exempt": known.get("tax_exempt") or "none",
            "tax_ids": [],
        },
    }


def _address(given: Params) -> Record:
    return {part: given.get(part) for part in ADDRESS}


def _wants_phone(session: Record) -> bool:
    return bool(session["phone_number_collection"]["enabled"])


def _shipping(session: Record, given: Params | None) -> Record | None:
    """Return where to a buyer wants it sent; raises `Refused`."""
    collection = session["shipping_address_collection"]
    if given is None:
        if collection is not None:
            raise errors.missing("shipping[name]")
        return None
    address = given["address"]
    if collection is not None and address["country"] not in collection["allowed_countries"]:
        allowed = ", ".join(collection["allowed_countries"])
        raise Refused(
            f"{address['country']} is none of the countries that this is sent to: {allowed}",
            param="shipping[address][country]",
        )
    return {"address": _address(address), "name": given["name"]}


def _filled(custom_fields: list[Record], given: dict[str, Any]) -> list[Record]:
    """Return the custom fields with a buyer's answers; raises `Refused`."""
    for key in given:
        if key not in {field["key"] for field in custom_fields}:
            raise errors.unknown([f"custom_fields[{key}]"])
    return [_answered(field, given.get(field["key"])) for field in custom_fields]


def _answered(field: Record, value: str | None) -> Record:
    kind, at = field["type"], f"custom_fields[{field['key']}]"
    part = field[kind]
    value = part["default_value"] if value is None else value
    if value is None:
        if not field["optional"]:
            raise errors.missing(at)
        return field
    if kind == "dropdown":
        values = [option["value"] for option in part["options"]]
        if value not in values:
            raise errors.not_one_of(at, values)
    elif kind == "numeric" and not value.isdigit():
        raise Refused(f"Invalid number: {value}", param=at)
    else:
        least, most = part["minimum_length"] or 0, part["maximum_length"] or 255
        if not least <= len(value) <= most:
            raise Refused(f"{value!r} has to have {least} to {most} characters.", param=at)
    return {**field, kind: {**part, "value": value}}
