"""The billing service, as the shop sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

Object = dict[str, Any]
"""What the service answers with: a customer, a price, an invoice."""

Lines = Mapping[str, int]
"""What is bought: how many of each price."""


class BillingError(Exception):
    """The service refuses."""


class Billing(Protocol):
    """What the shop asks of the service."""

    def ensure_customer(self, email: str) -> Object:
        """Return the customer of that address, a new one if need be."""

    def prices(self) -> Iterator[Object]:
        """Yield all that is for sale, newest first."""

    def open_session(
        self, customer: str, lines: Lines, *, reference: str, coupon: str | None = None
    ) -> Object:
        """Return a page on which the customer can pay; the same `reference`, the same page."""

    def refund(self, reference: str) -> Object:
        """Give the money of a session back."""

    def subscribe(self, customer: str, price: str) -> Object:
        """Begin a subscription, and bill its first month."""

    def cancel(self, subscription: str) -> Object:
        """End a subscription."""

    def invoices(self, customer: str) -> Iterator[Object]:
        """Yield all invoices of a customer, newest first."""

    def deliveries(self) -> Iterator[Object]:
        """Yield the webhooks that come, for ever; each goes to one process only."""

    def acknowledge(self, delivery: Object, error: str | None = None) -> None:
        """Say that a webhook was dealt with, or why not: then it comes again."""

    def read_webhook(self, payload: str, signature: str) -> Object:
        """Return the event in a webhook; `BillingError` if the service did not send it."""
