"""The shop itself: what happens when somebody buys, and when the billing service reports."""

from __future__ import annotations

from typing import NamedTuple

from shop.billing import Billing, BillingError, Object
from shop.cart import Cart
from shop.warehouse import Warehouse


class Services(NamedTuple):
    """The services of others."""

    billing: Billing
    warehouse: Warehouse


class Shop:
    """Sells what is in stock."""

    def __init__(self, services: Services) -> None:
        """Sell by means of these services."""
        self.billing, self.warehouse = services

    def check_out(self, order: str, email: str, cart: Cart, coupon: str | None = None) -> Object:
        """Set aside what is in a cart, and return the page to pay on.

        `order` comes with the form: who clicks twice orders once.
        """
        customer = self.billing.ensure_customer(email)["id"]
        self.warehouse.place(order, customer, cart.lines)
        try:
            return self.billing.open_session(customer, cart.lines, reference=order, coupon=coupon)
        except BillingError:
            self.warehouse.cancel(order)
            raise

    def join(self, email: str) -> Object:
        """Begin a membership."""
        customer = self.billing.ensure_customer(email)["id"]
        return self.billing.subscribe(customer, "price_club")

    def give_back(self, order: str) -> Object:
        """Take an order back, and return the money."""
        refund = self.billing.refund(order)
        self.warehouse.cancel(order)
        return refund

    def spent(self, email: str) -> int:
        """Return what a customer has paid for the membership so far, in cents."""
        customer = self.billing.ensure_customer(email)["id"]
        return sum(invoice["amount_paid"] for invoice in self.billing.invoices(customer))

    def receive(self, payload: str, signature: str) -> None:
        """Act on a webhook. It may come twice."""
        event = self.billing.read_webhook(payload, signature)
        about = event["data"]["object"]
        if event["type"] == "checkout.session.completed":
            self.warehouse.set_status(about["client_reference_id"], "paid")
        elif event["type"] == "checkout.session.expired":
            self.warehouse.cancel(about["client_reference_id"])
        elif event["type"] == "invoice.payment_failed" and about["attempt_count"] > 1:
            self.billing.cancel(about["subscription"])
