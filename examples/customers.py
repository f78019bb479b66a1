"""Actions of customers, each in its own process (crowd.py), which imports this module.

The first argument, a store, tells the process which account its Stripe code talks to.
"""

from __future__ import annotations

import stripe

from shop.checkout import customer_of
from tiger import Store


def register(_: Store, email: str) -> str:
    """Return the id of the customer with that address."""
    return customer_of(email).id


def give_out(_: Store, code: str) -> str:
    """Try to make a promotion code."""
    try:
        stripe.PromotionCode.create(promotion={"type": "coupon", "coupon": "summer"}, code=code)
    except stripe.InvalidRequestError:
        return "taken"
    return "given out"


def give_back(_: Store, customer: str, times: int) -> None:
    """Refund one cent, this many times."""
    for _ in range(times):
        stripe.Customer.create_balance_transaction(customer, amount=-1, currency="eur")
