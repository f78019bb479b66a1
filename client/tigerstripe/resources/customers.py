"""Customers."""

from __future__ import annotations

import re
from typing import Any

from tigerstripe import errors, listing, registry
from tigerstripe.errors import Refused
from tigerstripe.ids import letters
from tigerstripe.resource import Ids, Params, Record, Resource, operation, private
from tigerstripe.work import PRIVATE, Work

_is_email = re.compile(r"[^@\s]+@[^@\s]+\Z").match

ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
SETTINGS = ("custom_fields", "default_payment_method", "footer", "rendering_options")
NOT_YET = ("payment_method", "source", "cash_balance")
"""Parameters that need resources which are not built; nothing is done where one is given."""


class Customers(Resource):
    """Customers."""

    object = "customer"
    table = "customers"
    paths = ("/v1/customers",)
    prefix = "cus"
    id_length = 14
    keeps_deleted = True
    standard = Resource.standard | {"delete", "search"}
    shown = {"test_clock": lambda test_clock: test_clock is None}
    searchable = frozenset(("created", "email", "name", "phone"))

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new customer; its tax ids are made beside it."""
        _check(params)
        get = params.get
        fields: Record = {
            "address": _filled(get("address"), ADDRESS),
            "balance": 0,
            "currency": None,
            "customer_account": None,
            "default_source": None,
            "delinquent": False,
            "description": get("description"),
            "discount": None,
            "email": get("email"),
            "invoice_prefix": get("invoice_prefix") or letters(8).upper(),
            "invoice_settings": _filled(get("invoice_settings") or {}, SETTINGS),
            "metadata": get("metadata"),
            "name": get("name"),
            "next_invoice_sequence": get("next_invoice_sequence") or 1,
            "phone": get("phone"),
            "preferred_locales": get("preferred_locales") or [],
            "shipping": _shipping(get("shipping")),
            "tax_exempt": get("tax_exempt") or "none",
            "test_clock": get("test_clock"),
        }
        for name in ("business_name", "individual_name"):
            if name in params:
                fields[name] = params[name]
        if get("tax"):
            fields[PRIVATE] = {"ip_address": params["tax"].get("ip_address")}
        if get("balance") or get("tax_id_data"):
            fields["id"] = f"{self.prefix}_{letters(self.id_length)}"
            _make_beside(work, fields, get("balance") or 0, get("tax_id_data") or ())
        return fields

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return a customer with other fields."""
        _check(params)
        changes = {name: value for name, value in params.items() if name not in ("tax", "balance")}
        if "address" in changes:
            changes["address"] = _filled(changes["address"], ADDRESS)
        if "shipping" in changes:
            changes["shipping"] = _shipping(changes["shipping"])
        if "invoice_settings" in changes:
            given = changes["invoice_settings"] or {}
            changes["invoice_settings"] = {**old["invoice_settings"], **given}
        if "preferred_locales" in changes:
            changes["preferred_locales"] = changes["preferred_locales"] or []
        if "tax_exempt" in changes:
            changes["tax_exempt"] = changes["tax_exempt"] or "none"
        new = {**old, **changes}
        if params.get("tax"):
            new[PRIVATE] = {**private(old), "ip_address": params["tax"].get("ip_address")}
        if params.get("balance") is not None and params["balance"] != old["balance"]:
            amount = params["balance"] - old["balance"]
            made = registry.need("customer_balance_transaction").adjust(
                work, old, amount, "adjustment"
            )
            new["balance"] = made["ending_balance"]
        return new

    def drop(self, work: Work, record: Record) -> None:
        """Remove a customer, and what is only theirs."""
        for tax_id in work.scope.table("tax_ids").find_by("customer", record["id"]):
            work.delete("tax_ids", tax_id["id"])
        super().drop(work, record)

    @operation("DELETE /v1/customers/{customer}/discount")
    def delete_discount(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take a customer's discount away."""
        customer = work.get(self.table, ids["customer"])
        if customer is None:
            raise self.missing(ids["customer"], "customer", in_path=True)
        discount = customer["discount"]
        if discount is None:
            message = f"No active discount for customer: {customer['id']}"
            raise Refused(message, status=404, code="resource_missing")
        self.save(work, customer, {**customer, "discount": None})
        work.tell("customer.discount.deleted", discount)
        return {**discount, "deleted": True}

    # --- What is only there when it is expanded ---

    def _tax(self, work: Work, record: Record, kept: Record) -> Record:
        return {
            "automatic_tax": "unrecognized_location",
            "ip_address": kept.get("ip_address"),
            "location": None,
            "provider": "stripe",
        }

    def _tax_ids(self, work: Work, record: Record, kept: Record) -> Record:
        return _inner(
            "tax_ids", record, work.scope.table("tax_ids").find_by("customer", record["id"])
        )

    included = {
        "cash_balance": lambda resource, work, record, kept: None,
        "invoice_credit_balance": lambda resource, work, record, kept: {},
        "sources": lambda resource, work, record, kept: _inner("sources", record, []),
        "subscriptions": lambda resource, work, record, kept: _inner("subscriptions", record, []),
        "tax": _tax,
        "tax_ids": _tax_ids,
    }


def _check(params: Params) -> None:
    """Raise `Refused` for what cannot be a customer's."""
    email = params.get("email")
    if email is not None and not _is_email(email):
        message = f"Invalid email address: {email}"
        raise Refused(message, code="email_invalid", param="email")
    for name in NOT_YET:
        if params.get(name) is not None:
            raise errors.not_built_parameter(name)
    if (params.get("invoice_settings") or {}).get("default_payment_method") is not None:
        raise errors.not_built_parameter("invoice_settings[default_payment_method]")
    shipping = params.get("shipping")
    if shipping is not None and not shipping.get("name"):
        raise errors.missing("shipping[name]")


def _filled(given: Params | None, names: tuple[str, ...]) -> Record | None:
    """Return a dict with all of its names, None for what was not given."""
    return None if given is None else {name: given.get(name) for name in names}


def _shipping(given: Params | None) -> Record | None:
    if given is None:
        return None
    address = _filled(given.get("address") or {}, ADDRESS)
    return {"address": address, "name": given.get("name"), "phone": given.get("phone")}


def _inner(name: str, customer: Record, data: list[Record]) -> Record:
    """Return a list that stands in a customer."""
    return {
        **listing.listed(data, False),
        "total_count": len(data),
        "url": f"/v1/customers/{customer['id']}/{name}",
    }


def _make_beside(work: Work, customer: Record, balance: int, tax_ids: Any) -> None:
    if balance:
        made = registry.need("customer_balance_transaction").adjust(
            work, customer, balance, "adjustment"
        )
        customer["balance"] = made["ending_balance"]
    if tax_ids:
        resource = registry.need("tax_id")
        for tax_id in tax_ids:
            resource.add(work, resource.of_customer(work, customer["id"], tax_id))


RESOURCE = Customers()
