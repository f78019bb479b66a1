"""Subscriptions as tests begin and read them."""

from __future__ import annotations

from typing import Any

import stripe

from tests.stripe.billing import buyer

T0 = 1_801_440_000  # the beginning of February 2027, in UTC


def recurring(interval: str, amount: int = 1000, **more: Any) -> str:
    """Return the id of a new price."""
    return stripe.Price.create(**{
        "currency": "usd",
        "unit_amount": amount,
        "product_data": {"name": "Plan"},
        "recurring": {"interval": interval},
        **more,
    }).id  # fmt: skip


def begin(price: str, customer: str | None = None, **more: Any) -> Any:
    """Return a new subscription to a price, with its first invoice."""
    of = customer or buyer().id
    items = more.pop("items", [{"price": price}])
    return stripe.Subscription.create(
        customer=of, items=items, expand=["latest_invoice.payments"], **more
    )


def again(subscription: Any) -> Any:
    return stripe.Subscription.retrieve(subscription.id, expand=["latest_invoice"])


def invoices(subscription: Any) -> list[Any]:
    """Return a subscription's invoices, oldest first."""
    return list(stripe.Invoice.list(subscription=subscription.id).data)[::-1]


def card(customer: str, method: str = "pm_card_visa") -> str:
    """Let a customer pay by another card from now on."""
    attached = stripe.PaymentMethod.attach(method, customer=customer).id
    stripe.Customer.modify(customer, invoice_settings={"default_payment_method": attached})
    return attached


def unpaid_change(subscription: Any) -> Any:
    """Return a subscription whose first item is to be three, once that is paid: its card fails."""
    card(subscription.customer, "pm_card_chargeCustomerFail")
    return stripe.Subscription.modify(
        subscription.id,
        items=[{"id": subscription["items"].data[0].id, "quantity": 3}],
        proration_behavior="always_invoice",
        payment_behavior="pending_if_incomplete",
        expand=["latest_invoice"],
    )


def told(account: Any) -> list[tuple[str, Any]]:
    """Return what was told of subscriptions: each event's type, and what was before."""
    return [
        (event["type"].removeprefix("customer.subscription."),
         event["data"].get("previous_attributes"))
        for event in account.events()
        if event["type"].startswith("customer.subscription.")
    ]  # fmt: skip
