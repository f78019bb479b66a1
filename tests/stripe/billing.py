"""Customers and invoices as tests of billing begin with them."""

from __future__ import annotations

from typing import Any

import stripe


def buyer(method: str | None = "pm_card_visa", **more: Any) -> Any:
    """Return a customer whose invoices a payment method pays, if one is given."""
    made = stripe.Customer.create(**more)
    if method is not None:
        attached = stripe.PaymentMethod.attach(method, customer=made.id)
        settings = {"default_payment_method": attached.id}
        return stripe.Customer.modify(made.id, invoice_settings=settings)
    return made


def invoice_of(
    account: Any, amount: int, *, customer: str | None = None, quantity: int = 1, **more: Any
) -> Any:
    """Return a finalized invoice of one line, by default of a customer with a card.

    `amount` is of one; discounts and tax rates are the line's, all else the invoice's.
    """
    of = customer or buyer().id
    of_line = {name: more.pop(name) for name in ("discounts", "tax_rates") if name in more}
    invoice = stripe.Invoice.create(customer=of, currency="usd", **more)
    unit = {"unit_amount_decimal": str(amount), "quantity": quantity, "currency": "usd"}
    stripe.InvoiceItem.create(customer=of, invoice=invoice.id, description="Mug", **unit, **of_line)
    return stripe.Invoice.finalize_invoice(invoice.id)


def calls_counted() -> Any:
    """Return a meter that sums the events `calls`."""
    return stripe.billing.Meter.create(
        display_name="Calls", event_name="calls", default_aggregation={"formula": "sum"}
    )


def price_of_calls() -> Any:
    """Return a monthly price of ten cents for each call that a meter counts."""
    return stripe.Price.create(
        currency="usd",
        unit_amount=10,
        product_data={"name": "Calls"},
        recurring={"interval": "month", "usage_type": "metered", "meter": calls_counted().id},
    )


def events_of(account: Any, *types: str) -> list[str]:
    """Return the types of an account's events, oldest first; a type may end in `*`."""
    wanted = {event["id"] for type in types for event in account.events(type)}
    return [event["type"] for event in account.events() if event["id"] in wanted]


def amounts(invoice: Any) -> list[int]:
    return [line.amount for line in invoice.lines.data]
