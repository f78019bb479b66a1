"""The fields of a quote, and those that it must have to be an offer."""

from __future__ import annotations

from typing import Any

from tigerstripe import errors
from tigerstripe.billing import shares, taxes, terms
from tigerstripe.checkout import taxing
from tigerstripe.errors import Refused
from tigerstripe.objects import metadata, registry
from tigerstripe.objects.resource import private
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

TEXTS = ("description", "footer", "header")
OF_ONCE = ("application_fee_amount", "transfer_data[amount]")
OF_RECURRING = ("application_fee_percent", "transfer_data[amount_percent]")


def fields(work: Work, given: Params) -> Record:
    """Return the fields that come of a quote's parameters."""
    given = {name: value for name, value in given.items() if value is not None}
    tax = given.get("automatic_tax") or {"enabled": False}
    return {
        **{name: given.get(name) for name in TEXTS},
        "automatic_tax": taxing.fields(tax["enabled"]),
        "collection_method": given.get("collection_method") or "charge_automatically",
        "default_tax_rates": taxing.named_rates(
            work, given.get("default_tax_rates"), "default_tax_rates"
        ),
        "invoice_settings": _invoice_settings(given.get("invoice_settings") or {}),
        "subscription_data": _subscription_data(work, given.get("subscription_data") or {}),
    }


def shared(work: Work, given: Params) -> Record:
    """Return the fields that split the money; raises `Refused`."""
    percents = {"amount": None, "amount_percent": None}
    data = given.get("transfer_data")
    shared = {**given, "transfer_data": data and {**percents, **data}}
    names = ("application_fee_percent", "on_behalf_of")
    found = {**dict.fromkeys(names), **shares.of_subscription(work, shared)}
    fee = given.get("application_fee_amount")
    return {**found, "application_fee_amount": fee, "transfer_data": shared["transfer_data"]}


def _invoice_settings(given: Params) -> Record:
    names = ("custom_fields", "days_until_due", "description", "footer")
    return {**{name: given.get(name) for name in names}, "issuer": {"type": "self"}}


def _subscription_data(work: Work, given: Params) -> Record:
    effective = given.get("effective_date")
    if effective == "current_period_end":
        raise errors.not_built_parameter("subscription_data[effective_date]=current_period_end")
    days = given.get("trial_period_days")
    if days is not None and days < 0:
        raise errors.too_small("subscription_data[trial_period_days]", 0)
    mode: dict[str, Any] = terms.mode(work, given.get("billing_mode"))
    return {
        "billing_mode": {name: mode[name] for name in ("flexible", "type")},
        "description": given.get("description"),
        "effective_date": effective,
        "metadata": metadata.new(given.get("metadata")),
        "trial_period_days": days,
    }


def check_whole(work: Work, quote: Record) -> None:
    """Raise `Refused` for a draft that is not complete enough for an offer."""
    if not private(quote)["items"]:
        raise Refused("A quote must have line items before it can be finalized.")
    if quote["customer"] is None:
        raise Refused("A quote must have a customer before it can be finalized.", param="customer")
    is_sent = quote["collection_method"] == "send_invoice"
    if is_sent and quote["invoice_settings"]["days_until_due"] is None:
        raise errors.missing("invoice_settings[days_until_due]")
    taxes.check(quote, registry.need("customer").given(work, quote["customer"], "customer"))
    _check_shares(quote)


def _check_shares(quote: Record) -> None:
    """Raise `Refused` for a share that an invoice alone has, or a subscription alone."""
    is_recurring = quote["computed"]["recurring"] is not None
    given = {
        **quote,
        **{f"transfer_data[{n}]": v for n, v in (quote["transfer_data"] or {}).items()},
    }
    for name in OF_ONCE if is_recurring else OF_RECURRING:
        if given.get(name) is not None:
            wanted = "no line item" if is_recurring else "at least one line item"
            message = f"{name} is for quotes with {wanted} that has a recurring price."
            raise Refused(message, param=name)
