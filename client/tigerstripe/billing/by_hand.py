"""Invoices that requests make and change.

Fields that no request sets are as in every draft (`drafts`).
"""

from __future__ import annotations

from tigerstripe import money
from tigerstripe.billing import amounts, discounts, drafts, paying, shares, taxes
from tigerstripe.errors import Refused
from tigerstripe.objects import due, metadata, registry
from tigerstripe.objects.resource import private
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

NO_EMAIL = (
    "Missing email. In order to create invoices that are sent to the customer, the customer must "
    "have a valid email."
)
OWN = (
    "auto_advance", "custom_fields", "description", "effective_at", "footer", "metadata", "number",
    "statement_descriptor",
)  # fmt: skip
"""Parameters that are fields."""
OF_OPEN = (
    "auto_advance", "default_payment_method", "default_source", "description", "footer",
    "metadata", "payment_settings", "statement_descriptor",
)  # fmt: skip
"""Parameters that an invoice takes once it is finalized."""
SHARES = ("application_fee_amount", "on_behalf_of", "transfer_data")
"""Parameters that split the money of an invoice."""


def fields(work: Work, customer: Record, params: Params) -> Record:
    """Return the fields of a new invoice that a request gives; raises `Refused`."""
    method = params.get("collection_method") or "charge_automatically"
    currency = params.get("currency") or registry.need("customer").currency_of(work, customer)
    found: Record = {
        **{name: params[name] for name in OWN if name in params},
        "auto_advance": params.get("auto_advance") or False,
        "collection_method": method,
        "currency": money.currency(currency),
        "default_tax_rates": registry.need("tax_rate").all_given(
            work, params.get("default_tax_rates")
        ),
        "metadata": metadata.new(params.get("metadata")),
        "rendering": _rendering(params.get("rendering") or {}),
    }
    if method == "send_invoice":
        found.update(_sent(work, customer, params))
    elif params.get("days_until_due") is not None or params.get("due_date") is not None:
        raise Refused(
            "You can only specify due_date or days_until_due if collection_method is send_invoice.",
            param="due_date" if params.get("due_date") is not None else "days_until_due",
        )
    if found["auto_advance"]:
        found.update(drafts.advancing(work, is_draft=True))
    if params.get("automatically_finalizes_at") is not None:
        found["automatically_finalizes_at"] = params["automatically_finalizes_at"]
    found.update(_taxed(customer, params), **_paying(work, customer, params))
    found["discounts"] = _discounts(work, customer, found["currency"], params)
    subscription = _subscription(work, customer, params)
    return found if subscription is None else {**found, **subscription}


def shared(work: Work, invoice: Record, params: Params) -> Record:
    """Return an invoice with the shares that a request asks for; raises `Refused`."""
    if not any(name in params for name in SHARES):
        return invoice
    if params.get("on_behalf_of") is not None:
        registry.need("account").given(work, params["on_behalf_of"], "on_behalf_of")
    share = shares.of_invoice(work, params)
    return {
        **invoice,
        "on_behalf_of": params.get("on_behalf_of", invoice["on_behalf_of"]),
        PRIVATE: {**private(invoice), shares.SHARE: share},
    }


def changed(work: Work, old: Record, params: Params) -> Record:
    """Return an invoice as a request changes it; once it is finalized few can be changed."""
    is_draft = old["status"] == "draft"
    if not is_draft:
        _check_open(old, params)
    customer = registry.need("customer").given(work, old["customer"], "customer")
    new = {**old, **{name: params[name] for name in OWN if name in params}}
    new.update(_paying(work, customer, params), **_taxed(customer, params))
    if "default_tax_rates" in params:
        rates = registry.need("tax_rate").all_given(work, params["default_tax_rates"])
        new["default_tax_rates"] = rates
    if "discounts" in params:
        new["discounts"] = _discounts(work, customer, old["currency"], params)
    new["collection_method"] = params.get("collection_method", old["collection_method"])
    is_sent = new["collection_method"] == "send_invoice"
    if is_sent and any(params.get(name) is not None for name in ("days_until_due", "due_date")):
        new.update(_sent(work, customer, params))
    new["number"] = new["number"] or None
    new = shared(work, new, params)
    if not is_draft:
        return new
    _plan(work, old, new, params)
    return amounts.priced(work, new)


def _check_open(old: Record, params: Params) -> None:
    """Raise `Refused` for parameters that cannot change a finalized invoice."""
    is_over = old["status"] in ("paid", "void")
    takes = ("metadata",) if is_over else OF_OPEN
    fixed = [name for name in params if name not in takes]
    if fixed:
        raise Refused(
            f"Finalized invoices can't be updated in this way: {fixed[0]} of an invoice that is "
            f"{old['status']}.",
            code="invoice_not_editable",
            param=fixed[0],
        )


def _plan(work: Work, old: Record, new: Record, params: Params) -> None:
    """Let time go on with a draft as its changed fields say."""
    at = params.get("automatically_finalizes_at", old["automatically_finalizes_at"])
    if new["auto_advance"] and not old["auto_advance"] and at is None:
        at = work.now + drafts.DRAFT_S
    if not new["auto_advance"] and old["auto_advance"]:
        at = None
    new["automatically_finalizes_at"] = at
    if at is None:
        due.cancel(work, old["id"])
    else:
        due.schedule(work, "invoice", old["id"], at)


def _taxed(customer: Record, params: Params) -> Record:
    """Return whether taxes are reckoned automatically, if a request says so; raises `Refused`."""
    if not params.get("automatic_tax"):
        return {}
    found = {"automatic_tax": drafts.automatic_tax(params["automatic_tax"])}
    taxes.check(found, customer)
    return found


def _discounts(work: Work, customer: Record, currency: str, params: Params) -> list[str]:
    """Return the ids of an invoice's discounts: those given, else its customer's."""
    if params.get("discounts") is not None:
        return discounts.all_redeemed(
            work, params["discounts"], "discounts", customer["id"], currency,
        )  # fmt: skip
    if "discounts" in params or customer["discount"] is None:
        return []
    return discounts.current(work, [customer["discount"]["id"]], work.now)


def _sent(work: Work, customer: Record, params: Params) -> Record:
    """Return the fields of an invoice that its customer is sent; raises `Refused`."""
    if customer["email"] is None:
        raise Refused(NO_EMAIL)
    days, date = params.get("days_until_due"), params.get("due_date")
    if days is None and date is None:
        raise Refused(
            "You must specify a value for either `days_until_due` or `due_date` when "
            "`collection_method` is `send_invoice`."
        )
    if date is not None and date < work.now:
        raise Refused("`due_date` must be in the future.", param="due_date")
    return {"due_date": date if date is not None else work.now + (days or 0) * drafts.DAY_S}


def _paying(work: Work, customer: Record, params: Params) -> Record:
    """Return the payment method and settings that a request gives an invoice; raises `Refused`."""
    fields: Record = {}
    for name in ("default_payment_method", "default_source"):
        if name in params:
            fields[name] = params[name]
    method = params.get("default_payment_method")
    if method is not None:
        fields["default_payment_method"] = paying.given(work, customer["id"], method)
    settings = params.get("payment_settings")
    if settings is not None:
        fields["payment_settings"] = {
            "default_mandate": settings.get("default_mandate"),
            "payment_method_options": settings.get("payment_method_options"),
            "payment_method_types": settings.get("payment_method_types") or None,
        }
    return fields


def _rendering(given: Params) -> Record:
    return {
        "amount_tax_display": given.get("amount_tax_display"),
        "pdf": {"page_size": (given.get("pdf") or {}).get("page_size") or "auto"},
        "template": None,
        "template_version": None,
    }


def _subscription(work: Work, customer: Record, params: Params) -> Record | None:
    """Return the fields of an invoice that is made for a subscription by hand."""
    id = params.get("subscription")
    if id is None:
        return None
    subscription = registry.need("subscription").given(work, id, "subscription")
    if subscription["customer"] != customer["id"]:
        raise Refused(
            f"The subscription {id} does not belong to the customer {customer['id']}.",
            param="subscription",
        )
    start = min(item["current_period_start"] for item in subscription["items"]["data"])
    return {
        "currency": subscription["currency"],
        "parent": drafts.of_subscription(subscription),
        "period_start": start,
    }
