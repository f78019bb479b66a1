"""What leads to each event of billing."""

from __future__ import annotations

from tigerstripe.steps import (
    CUSTOMER,
    MONEY,
    NOTED,
    PRODUCT,
    Act,
    Step,
    attached,
)

DEFAULT = Step(
    "POST /v1/customers/${customer:id}",
    {"invoice_settings[default_payment_method]": "${method:id}"},
)

# --- Invoices ---

_OF = {"customer": "${customer:id}"}
ITEM = Step("POST /v1/invoiceitems", {**_OF, "amount": "2000", "currency": "usd"}, "item")
_WITH_ITEMS = {**_OF, "pending_invoice_items_behavior": "include"}
DRAFT = Step("POST /v1/invoices", _WITH_ITEMS, "invoice")
_SENT = {"collection_method": "send_invoice", "days_until_due": "7", "auto_advance": "true"}
TO_SEND = Step("POST /v1/invoices", {**_WITH_ITEMS, **_SENT}, "invoice")


def _invoice(what: str, error: str | None = None, **params: str) -> Step:
    """Return the request that does something to an invoice."""
    return Step(f"POST /v1/invoices/${{invoice:id}}/{what}", params, error=error)


OPEN = (CUSTOMER, ITEM, DRAFT, _invoice("finalize"))
PAID = (
    CUSTOMER,
    attached("pm_card_visa"),
    ITEM,
    DRAFT,
    _invoice("pay", payment_method="${method:id}"),
)


def _failed(method: str) -> tuple[Step, ...]:
    pay = _invoice("pay", "card_error", payment_method="${method:id}")
    return (CUSTOMER, attached(method), ITEM, DRAFT, pay)


NOTE = Step("POST /v1/credit_notes", {"invoice": "${invoice:id}", "amount": "500"}, "note")

# --- Subscriptions ---

_MONTHLY = {**MONEY, "unit_amount": "1500", "recurring[interval]": "month"}
MONTHLY = Step("POST /v1/prices", _MONTHLY, "price")


def _begun(**more: str) -> Step:
    items = {"items[0][price]": "${price:id}"}
    return Step("POST /v1/subscriptions", {**_OF, **items, **more}, "subscription")


def _changed(**params: str) -> Step:
    return Step("POST /v1/subscriptions/${subscription:id}", params)


_CARD = attached("pm_card_visa")
SUBSCRIBED = (CUSTOMER, _CARD, DEFAULT, PRODUCT, MONTHLY, _begun())
PENDING = (
    *SUBSCRIBED,
    attached("pm_card_chargeCustomerFail"),
    DEFAULT,
    _changed(
        payment_behavior="pending_if_incomplete",
        proration_behavior="always_invoice",
        **{"items[0][id]": "${subscription:items.data.0.id}", "items[0][quantity]": "3"},
    ),
)
_REST = Step("GET /v1/subscriptions/${subscription:id}", {}, "pending")

_METERS = "POST /v1/billing/meters"
METER = Step(
    _METERS,
    {"display_name": "Calls", "event_name": "calls", "default_aggregation[formula]": "sum"},
    "meter",
)
OFF = Step(f"{_METERS}/${{meter:id}}/deactivate", {})
"""So that the next meter may have the name."""
ON = Step(f"{_METERS}/${{meter:id}}/reactivate", {})

BILLING: dict[str, tuple[Step | Act, ...]] = {
    "billing.meter.created": (METER, OFF),
    "billing.meter.deactivated": (METER, OFF),
    "billing.meter.reactivated": (METER, OFF, ON, OFF),
    "billing.meter.updated": (
        METER, Step(f"{_METERS}/${{meter:id}}", {"display_name": "Tokens"}), OFF,
    ),
    "credit_note.created": (*OPEN, NOTE),
    "credit_note.updated": (*OPEN, NOTE, Step("POST /v1/credit_notes/${note:id}", NOTED)),
    "credit_note.voided": (*OPEN, NOTE, Step("POST /v1/credit_notes/${note:id}/void", {})),
    "customer.subscription.created": SUBSCRIBED,
    "customer.subscription.deleted": (
        *SUBSCRIBED, Step("DELETE /v1/subscriptions/${subscription:id}", {}),
    ),
    "customer.subscription.pending_update_applied": (
        *PENDING, _REST, _CARD,
        Step("POST /v1/invoices/${pending:latest_invoice}/pay", {"payment_method": "${method:id}"}),
    ),
    "customer.subscription.updated": (*SUBSCRIBED, _changed(**NOTED)),
    "invoice.created": (CUSTOMER, DRAFT),
    "invoice.deleted": (CUSTOMER, DRAFT, Step("DELETE /v1/invoices/${invoice:id}", {})),
    "invoice.finalized": OPEN,
    "invoice.marked_uncollectible": (*OPEN, _invoice("mark_uncollectible")),
    "invoice.paid": PAID,
    "invoice.payment_action_required": _failed("pm_card_authenticationRequired"),
    "invoice.payment_failed": _failed("pm_card_chargeCustomerFail"),
    "invoice.payment_succeeded": PAID,
    "invoice.sent": (CUSTOMER, ITEM, TO_SEND, _invoice("send")),
    "invoice.updated": (CUSTOMER, DRAFT, Step("POST /v1/invoices/${invoice:id}", NOTED)),
    "invoice.voided": (*OPEN, _invoice("void")),
    "invoice_payment.paid": PAID,
    "invoiceitem.created": (CUSTOMER, ITEM),
    "invoiceitem.deleted": (CUSTOMER, ITEM, Step("DELETE /v1/invoiceitems/${item:id}", {})),
}  # fmt: skip
"""The steps that lead to an event, by its type."""
