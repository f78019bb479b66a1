"""Payments of an invoice: its payment intent, and the customer's payment method."""

from __future__ import annotations

from tigerstripe.billing import shares
from tigerstripe.errors import Declined, Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import registry
from tigerstripe.objects.resource import private
from tigerstripe.payments import bank, confirming, hearing
from tigerstripe.payments.bank import Attempt
from tigerstripe.records import Record
from tigerstripe.work.unit import PRIVATE, Work

TABLE = "invoice_payments"
NOTHING_TO_PAY_WITH = (
    "This customer has no attached payment source or default payment method. Please consider "
    "adding a default payment method. For more information, visit "
    "https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority."
)
REASONS = {
    "subscription_create": "Subscription creation",
    "subscription_cycle": "Subscription update",
    "subscription_update": "Subscription update",
}
"""The description of an invoice's payment, as recorded, by the reason of the invoice."""
TYPES = ("acss_debit", "card", "cashapp", "link", "us_bank_account")
"""The payment method types of an invoice's payment, as recorded, of an account in dollars."""


def method_of(work: Work, invoice: Record) -> Record | None:
    """Return the payment method of an invoice: its own, its subscription's, or its customer's."""
    details = (invoice["parent"] or {}).get("subscription_details")
    subscription = work.get("subscriptions", details["subscription"]) if details else None
    customer = work.get("customers", invoice["customer"]) or {}
    settings = customer.get("invoice_settings") or {}
    of_subscription = subscription or {}
    for method, source in (
        (invoice["default_payment_method"], invoice["default_source"]),
        (of_subscription.get("default_payment_method"), of_subscription.get("default_source")),
        (settings.get("default_payment_method"), customer.get("default_source")),
    ):
        found = work.get("payment_methods", method) if method else None
        if found is None and source:
            found = registry.need("card").as_method(work, source)
        if found is not None:
            return found
    return None


def has_method(work: Work, subscription: Record) -> bool:
    """Tell whether a subscription's next invoice has something to be paid with."""
    own = {"default_payment_method": None, "default_source": None, "parent": None}
    of = {**own, "customer": subscription["customer"]}
    details = {"subscription_details": {"subscription": subscription["id"]}}
    return method_of(work, {**of, "parent": details}) is not None


def nothing() -> Refused:
    """Return the refusal, as recorded, of a payment without a payment method."""
    return Refused(NOTHING_TO_PAY_WITH, code="resource_missing")


# --- The intent ---


def with_intent(work: Work, invoice: Record) -> Record:
    """Return an invoice with the payment intent for its amount due."""
    intents = registry.need("payment_intent")
    is_of_subscription = invoice["billing_reason"] in REASONS
    intent = intents.make(work, {
        "amount": invoice["amount_remaining"],
        "capture_method": "automatic",
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "description": REASONS.get(invoice["billing_reason"], "Payment for Invoice"),
        "payment_details": {"order_reference": invoice["id"]},
        "payment_method_types": _types(invoice),
        "setup_future_usage": "off_session" if is_of_subscription else None,
        **shares.of_payment(invoice, invoice["amount_remaining"]),
    })  # fmt: skip
    return by(work, invoice, intent)


def by(work: Work, invoice: Record, intent: Record) -> Record:
    """Return an invoice that a payment intent pays, or is to pay; it hears of that."""
    hearing.belongs(work, intent, invoice)
    made = {
        "id": new_id("inpay", 24),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice["amount_remaining"],
        "created": work.now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }
    work.put(TABLE, made)
    kept = {**private(invoice), "intent": intent["id"], "payment": made["id"]}
    return {**invoice, PRIVATE: kept}


def _types(invoice: Record) -> list[str]:
    given = invoice["payment_settings"]["payment_method_types"]
    return given or [*TYPES] if invoice["currency"] == "usd" else given or ["card"]


def intent_of(work: Work, invoice: Record) -> Record | None:
    """Return the payment intent of an invoice, or None if nothing was due of it."""
    id = private(invoice).get("intent")
    return work.get("payment_intents", id) if id else None


def with_default(work: Work, subscription: Record, invoice: Record) -> Record:
    """Return a subscription with the method that paid as its default, if its settings say so."""
    intent = intent_of(work, invoice)
    settings = subscription["payment_settings"]
    if intent is None or settings["save_default_payment_method"] != "on_subscription":
        return subscription
    return {**subscription, "default_payment_method": intent["payment_method"]}


def is_with_bank(work: Work, invoice: Record) -> bool:
    """Tell whether the payment of an invoice is under way, as a debit is for days."""
    intent = intent_of(work, invoice)
    return intent is not None and intent["status"] == "processing"


def tried(
    work: Work,
    invoice: Record,
    method: Record | None,
    *,
    off_session: bool,
    page: str | None = None,
) -> tuple[Record, Record, Declined | None]:
    """Ask the bank for the amount due; return the invoice, its intent, and the error of a decline.

    `page` is the address of the page on which its customer pays it, if they do. Raises `Refused`
    where there is nothing to pay with.
    """
    intent = intent_of(work, invoice)
    if intent is None or intent["status"] == "canceled":
        invoice = with_intent(work, invoice)
        intent = intent_of(work, invoice)
        assert intent is not None
    method = method or method_of(work, invoice)
    if method is None:
        raise nothing()
    options = intent["payment_method_options"].get(method["type"]) or {}
    attempt = Attempt(
        method,
        off_session=off_session,
        options=options,
        return_url=page,
        mandate_data=bank.BY_WEB if page is not None else None,
    )
    intent = {**intent, "payment_method": method["id"]}
    done, declined = confirming.tried(work, intent, attempt)
    return invoice, done, declined


def was_paid(work: Work, invoice: Record, intent: Record) -> None:
    """Note the payment of an invoice as paid."""
    payment = work.get(TABLE, private(invoice)["payment"])
    assert payment is not None, invoice
    transitions = {**payment["status_transitions"], "paid_at": work.now}
    new = {
        **payment,
        "amount_paid": intent["amount_received"],
        "status": "paid",
        "status_transitions": transitions,
    }
    work.put(TABLE, new)
    work.tell("invoice_payment.paid", new)


def ask_for(work: Work, invoice: Record) -> None:
    """Reduce the payment of an invoice to the amount that remains; cancel it if that is nothing.

    Raises `Refused` if a bank is about to pay what remained before.
    """
    intent = intent_of(work, invoice)
    if intent is None or intent["status"] in ("canceled", "succeeded"):
        return
    if is_with_bank(work, invoice):
        raise Refused(
            f"The payment of this invoice, {intent['id']}, is with the bank: what remains to be "
            f"paid cannot change before it has succeeded or failed."
        )
    remaining = invoice["amount_remaining"]
    if not remaining:
        cancel(work, invoice)
        return
    work.put("payment_intents", {**intent, "amount": remaining})
    payment = work.get(TABLE, private(invoice)["payment"])
    assert payment is not None, invoice
    work.put(TABLE, {**payment, "amount_requested": remaining})


def cancel(work: Work, invoice: Record) -> None:
    """Give up the payment of an invoice, if one is under way."""
    intent = intent_of(work, invoice)
    if intent is None or intent["status"] in ("canceled", "succeeded"):
        return
    registry.need("payment_intent").given_up(work, intent, "void_invoice")
    payment = work.get(TABLE, private(invoice)["payment"])
    if payment is not None:
        transitions = {**payment["status_transitions"], "canceled_at": work.now}
        work.put(TABLE, {**payment, "status": "canceled", "status_transitions": transitions})


def invoice_of(work: Work, intent: str) -> str | None:
    """Return the id of the invoice that a payment intent is to pay, or None."""
    object, _, id = (work.holder(hearing.OWNER, intent) or "").partition("/")
    return id if object == "invoice" else None


def given(work: Work, customer: str, id: str) -> str:
    """Return the id of a customer's payment method; raises `Refused` if it is not theirs."""
    method = registry.need("payment_method").given(work, id, "default_payment_method")
    if method["customer"] != customer:
        raise Refused(
            f"The customer does not have a payment method with the ID {id}. The payment method "
            f"must be attached to the customer.",
            code="resource_missing",
            param="default_payment_method",
        )
    return str(method["id"])
