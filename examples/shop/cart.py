"""A cart: what somebody wants to buy, and what it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

QUANTITY_MAX = 10


class Cart:
    """How many of each price are wanted."""

    def __init__(self, **lines: int) -> None:
        """Begin with these quantities."""
        self.lines: Counter[str] = Counter()
        for price, quantity in lines.items():
            self.add(price, quantity)

    def add(self, price: str, quantity: int = 1) -> None:
        """Put something in."""
        wanted = self.lines[price] + quantity
        if not 1 <= wanted <= QUANTITY_MAX:
            raise ValueError(f"{wanted} of {price}: 1 to {QUANTITY_MAX} of a kind fit in a cart")
        self.lines[price] = wanted

    def total(self, amounts: Mapping[str, int]) -> int:
        """Return the total in cents, given the price of one of each."""
        return sum(amounts[price] * quantity for price, quantity in self.lines.items())
