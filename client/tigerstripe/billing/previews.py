"""Previews: the next invoice, made by the code that makes real ones.

A preview does what the request or the time would do, in a work of its own, and takes the invoice
from it; nothing of that work is written. So a preview cannot differ from the real invoice.
"""

from __future__ import annotations

from typing import Any

from tigerstripe import errors
from tigerstripe.billing import amounts, changing, cycles, granted, lines, standing, starting, terms
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import registry
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

OF_WAITING = ("automatic_tax", "currency", "discounts")
"""The fields of a preview of the items that wait."""
NOTHING = "No upcoming invoices for customer: {}"


def of(work: Work, params: Params) -> Record:
    """Return the preview that a request asks for; raises `Refused`."""
    for name, is_plain in (("preview_mode", "next"), ("on_behalf_of", None)):
        if params.get(name) not in (None, is_plain):
            raise errors.not_built_parameter(name)
    aside = work.aside()
    subscription = _subscription(aside, params)
    customer = _customer(aside, subscription, params)
    for place, item in enumerate(params.get("invoice_items") or ()):
        _add_item(aside, customer, item, place)
    details = params.get("subscription_details") or {}
    names = ("automatic_tax", "discounts")
    of_all: Params = {name: params[name] for name in names if name in params}
    if subscription is not None:
        invoice = _of_change(aside, subscription, {**details, **of_all})
    elif details.get("items"):
        of_all |= {"currency": params.get("currency")}
        invoice = _of_new(aside, customer, {**details, **of_all})
    else:
        invoice = _of_waiting(aside, customer, params)
    if invoice["status"] == "draft":  # credits pay when it is finalized
        credited = granted.applied(aside, invoice)
        invoice = invoice if credited is None else amounts.priced(aside, credited)
    return _shown(invoice)


def _subscription(work: Work, params: Params) -> Record | None:
    if params.get("subscription") is None:
        return None
    found: Record = registry.need("subscription").given(
        work, params["subscription"], "subscription"
    )
    return found


def _customer(work: Work, subscription: Record | None, params: Params) -> Record:
    customers = registry.need("customer")
    details = params.get("customer_details")
    id = params.get("customer") or (subscription and subscription["customer"])
    if subscription is not None and id != subscription["customer"]:
        raise Refused(
            f"The subscription {subscription['id']} is of the customer {subscription['customer']}.",
            param="customer",
        )
    if id is not None:
        found: Record = customers.given(work, id, "customer")
        if details:
            found = customers.update(work, {"customer": id}, {**details})
        return found
    if details is None:
        raise Refused(
            "You must either provide a `customer` or a `subscription` to the upcoming invoice "
            "endpoint."
        )
    made: Record = customers.create(work, {}, {**details})
    return made


def _add_item(work: Work, customer: Record, item: Params, place: int) -> None:
    resource = registry.need("invoiceitem")
    try:
        resource.add(work, resource.new(work, {**item, "customer": customer["id"]}))
    except Refused as refused:
        raise errors.under(refused, f"invoice_items[{place}]") from None


def _of_change(work: Work, subscription: Record, details: Params) -> Record:
    """Return the next invoice of a subscription, after the change that is asked about."""
    if "start_date" in details:
        raise errors.not_built_parameter("subscription_details[start_date]")
    if changing.anchor_of(details) not in (None, "now", "unchanged"):
        raise Refused(
            "The anchor of a subscription that is there can be `now` or `unchanged`.",
            param="subscription_details[billing_cycle_anchor]",
        )
    before = subscription["latest_invoice"]
    if details.get("cancel_now"):
        prorates = details.get("proration_behavior") != "none"
        how = {"invoice_now": True, "prorate": prorates}
        subscription = changing.canceled(work, subscription, how, {})
    elif details:
        subscription = registry.need("subscription").update(
            work, {"id": subscription["id"]}, {**details, "payment_behavior": "default_incomplete"}
        )
    if subscription["latest_invoice"] != before:
        found = work.get("invoices", subscription["latest_invoice"])
        assert found is not None
        return found
    return _of_renewal(work, subscription)


def _of_renewal(work: Work, subscription: Record) -> Record:
    """Return the invoice of a subscription's next period, or its last one; raises `Refused`."""
    before = subscription["latest_invoice"]
    if subscription["status"] not in cycles.OVER:
        at = min(terms.period_ends(subscription))
        ends_at = subscription["cancel_at"]
        if ends_at is not None and ends_at <= at:
            later = work.at(ends_at, work.clock)
            subscription = standing.canceled(later, subscription, is_planned=True)
        else:
            subscription = cycles.renewed(work.at(at, work.clock), subscription)
    if subscription["latest_invoice"] == before:
        raise Refused(
            NOTHING.format(subscription["customer"]), status=404, code="invoice_upcoming_none"
        )
    found = work.get("invoices", subscription["latest_invoice"])
    assert found is not None
    return found


def _of_new(work: Work, customer: Record, details: Params) -> Record:
    """Return the first invoice of a subscription that is not there yet."""
    wanted = {**details, "payment_behavior": "default_incomplete"}
    wanted["backdate_start_date"] = wanted.pop("start_date", None)
    wanted["billing_cycle_anchor"] = _anchor_of_new(details.get("billing_cycle_anchor"))
    made = starting.begun(work, customer, wanted)
    found = work.get("invoices", made["latest_invoice"] or "")
    return found or _of_renewal(work, made)


def _anchor_of_new(given: Any) -> int | None:
    """Return the time of the anchor that a request gives for a new subscription, or None."""
    if isinstance(given, dict):
        given = given.get("timestamp")
    return given if isinstance(given, int) else None


def _of_waiting(work: Work, customer: Record, params: Params) -> Record:
    """Return the invoice of a customer's waiting items; raises `Refused` if there are none."""
    invoices = registry.need("invoice")
    wanted = {"customer": customer["id"], "pending_invoice_items_behavior": "include"}
    wanted.update({name: params.get(name) for name in OF_WAITING})
    invoice: Record = invoices.new(work, {k: v for k, v in wanted.items() if v is not None})
    if not invoice["lines"]["data"]:
        raise Refused(NOTHING.format(customer["id"]), status=404, code="invoice_upcoming_none")
    return invoice


def _shown(invoice: Record) -> Record:
    """Return an invoice as a preview of itself: nobody has asked for its money."""
    id = f"upcoming_in_{new_id('', 24).lstrip('_')}"
    content = [
        {
            **line,
            "id": f"il_tmp_{line['id'][3:]}",
            "invoice": id,
            "pretax_credit_amounts": _provisional(line["pretax_credit_amounts"]),
        }
        for line in lines.all_of(invoice)
    ]
    shown = lines.with_lines({**invoice, "id": id}, content, {})
    return {
        **shown,
        "attempted": False,
        "auto_advance": True,
        "amount_paid": 0,
        "amount_remaining": invoice["amount_due"],
        "effective_at": None,
        "ending_balance": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "number": None,
        "status": "draft",
        "status_transitions": dict.fromkeys(invoice["status_transitions"]),
        "total_pretax_credit_amounts": _provisional(invoice["total_pretax_credit_amounts"]),
        "webhooks_delivered_at": None,
    }


def _provisional(taken: list[Record]) -> list[Record]:
    """Return the credits that would be used; their transactions do not exist yet."""
    return [{**one, granted.KIND: None} if granted.KIND in one else one for one in taken]
