"""The warehouse, as the shop sees it: it keeps the stock and the orders."""

from __future__ import annotations

from typing import Protocol

from shop.billing import Lines, Object


class OutOfStock(Exception):
    """There is not enough of something."""


class Warehouse(Protocol):
    """What the shop asks of it."""

    def place(self, order: str, customer: str, lines: Lines) -> Object:
        """Set aside all that an order needs, or raise `OutOfStock`; again is fine."""

    def order(self, order: str) -> Object:
        """Return an order."""

    def set_status(self, order: str, status: str) -> Object:
        """Note how an order stands: "paid", "shipped"."""

    def cancel(self, order: str) -> Object:
        """Put back what was set aside; again is fine."""
