"""The subscription or the invoice that a session creates beside its payment.

It is created once the buyer has paid, or has left a payment method for later. The intent that paid
belongs to the invoice, which from then on is told of everything that happens to it.
"""

from __future__ import annotations

from tigerstripe.billing import (
    amounts,
    collecting,
    discounts,
    drafts,
    issuing,
    pending,
    shares,
    starting,
)
from tigerstripe.checkout import customers, taxing
from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.payments import hearing
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import PRIVATE, Work

OF_SUBSCRIPTION = (
    "application_fee_percent", "billing_cycle_anchor", "billing_cycle_anchor_config", "description",
    "invoice_settings", "metadata", "on_behalf_of", "pending_invoice_item_interval",
    "proration_behavior", "transfer_data", "trial_end", "trial_period_days", "trial_settings",
)  # fmt: skip
"""Parameters of `subscription_data` that are those of the subscription."""
OF_INVOICE = ("custom_fields", "description", "footer", "metadata")
"""Parameters of `invoice_data` that are those of the invoice."""


def due(work: Work, session: Record) -> int:
    """Return the amount to be paid now; the customer's balance reduces that of a subscription.

    What is too little to be charged waits for the subscription's next invoice.
    """
    if session["mode"] != "subscription":
        return session["amount_total"] or 0
    customer = work.get("customers", customers.of(session) or "")
    total, currency = session["amount_total"], session["currency"]
    balance = 0 if customer is None else amounts.balance_of(customer, currency)
    return amounts.balanced({"currency": currency, "starting_balance": balance, "total": total})[0]


# --- A subscription ---


def first_payment(work: Work, session: Record, amount: int) -> Params:
    """Return the description of the payment that begins a subscription, as recorded.

    Whose it will be is what the subscription says.
    """
    data = private(session).get("subscription_data") or {}
    of = shares.of_subscription(work, data)
    share = {"fee": None, "fee_percent": of.get("application_fee_percent")}
    share["transfer"] = of.get("transfer_data")
    kept = {"on_behalf_of": of.get("on_behalf_of"), PRIVATE: {shares.SHARE: share}}
    return {
        "capture_method": "automatic",
        "description": "Subscription creation",
        "setup_future_usage": "off_session",
        **shares.of_payment(kept, amount),
    }


def subscribed(work: Work, session: Record, intent: Record | None) -> Record:
    """Begin the subscription of a session; return the session's fields about it.

    `intent` has paid for it, or is about to, or has set up what will; None: nothing is needed yet.
    Raises `Refused`.
    """
    work, customer = customers.on_clock(work, session), customers.given(work, session)
    params = _of_subscription(session)
    payment = None
    if intent is not None:
        params["default_payment_method"] = intent["payment_method"]
        payment = intent if intent["object"] == "payment_intent" else None
    began = private(session).get("pressed_at", work.now)
    made = starting.begun(work.at(began, work.clock), customer, params, payment, is_sold=True)
    if payment is not None:
        collecting.heard(work, made["latest_invoice"], payment)
        hearing.belongs(work, {"id": made["latest_invoice"]}, session)
    return {"invoice": made["latest_invoice"], "subscription": made["id"]}


def _of_subscription(session: Record) -> Params:
    """Return the parameters of a session's subscription."""
    kept = private(session)
    data = kept.get("subscription_data") or {}
    params = {name: data[name] for name in OF_SUBSCRIPTION if data.get(name) is not None}
    items = [as_given(item) for item in kept["items"] if private(item)["is_recurring"]]
    others = [as_given(item) for item in kept["items"] if not private(item)["is_recurring"]]
    return {
        **params,
        "add_invoice_items": others,
        "automatic_tax": {"enabled": taxing.is_on(session)},
        "billing_mode": kept["billing_mode"],
        "currency": session["currency"],
        "default_tax_rates": kept["default_tax_rates"],
        "discounts": _discounts(session),
        "items": items,
        "payment_behavior": "default_incomplete",
    }


def as_given(item: Record) -> Params:
    """Return an item of a session as one of a subscription or an invoice is asked for."""
    given = {"price": item["price"], "tax_rates": private(item)["tax_rates"]}
    return given if item["quantity"] is None else {**given, "quantity": item["quantity"]}


def _discounts(session: Record) -> list[Params]:
    given = session["discounts"] or ()
    named = ({name: id for name, id in one.items() if id is not None} for one in given)
    return [one for one in named if one]


# --- An invoice of a payment ---


def invoiced(work: Work, session: Record, intent: Record | None) -> str:
    """Make the invoice of a session that was paid, by an intent if anything was due; return its id.

    Its discounts are those of the session, redeemed already.
    """
    work, customer = customers.on_clock(work, session), customers.given(work, session)
    id = issuing.new_invoice_id()
    currency, data = session["currency"], session["invoice_creation"]["invoice_data"]
    content, rates = lines_of(work, customer, currency, private(session)["items"], id)
    draft = drafts.drawn_up(
        work,
        customer,
        currency,
        "manual",
        content,
        rates,
        id=id,
        automatic_tax=drafts.automatic_tax(session["automatic_tax"]),
        amount_shipping=session["total_details"]["amount_shipping"],
        discounts=_given(work, session, id),
        rendering=_rendering(data["rendering_options"] or {}),
        shipping_cost=session["shipping_cost"],
        shipping_details=session["collected_information"]["shipping_details"],
        **{name: data[name] for name in OF_INVOICE},
    )
    invoices = registry.need("invoice")
    collecting.receipted(work, invoices.add(work, draft), intent)
    return id


def lines_of(
    work: Work, customer: Record, currency: str, items: list[Record], invoice: str
) -> issuing.Content:
    """Return the lines of items sold once, which are invoice items of this invoice alone."""
    content, rates = [], {}
    resource = registry.need("invoiceitem")
    for place, item in enumerate(items):
        wanted = {**as_given(item), "currency": currency}
        made = resource.of_invoice(work, customer, wanted, f"line_items[{place}]", invoice)
        line = pending.line_of(made, invoice)
        content.append(line)
        rates[line["id"]] = private(item)["tax_rates"]
    return content, rates


def _rendering(given: Params) -> Record:
    return {
        "amount_tax_display": given.get("amount_tax_display"),
        "pdf": {"page_size": "auto"},
        "template": None,
        "template_version": None,
    }


def _given(work: Work, session: Record, invoice: str) -> list[str]:
    """Store the discounts of a session as those of its invoice; return their ids."""
    coupons = registry.need("coupon")
    found = private(session)["discounts"]
    for one in found:
        made = discounts.discount_of(
            one["id"],
            one["coupon"],
            session["created"],
            checkout_session=session["id"],
            customer=customers.of(session),
            invoice=invoice,
            promotion_code=one["promotion_code"],
        )
        terms = coupons.terms(work.get(coupons.table, one["coupon"]))
        work.put(discounts.TABLE, {**made, PRIVATE: terms})
    return [one["id"] for one in found]
