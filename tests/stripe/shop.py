"""What tests of checkout sessions have in common."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import stripe

import tigerstripe

Session = stripe.checkout.Session
HERE = {"success_url": "https://shop.test/thanks?id={CHECKOUT_SESSION_ID}"}


def paid(price: str, **params: Any) -> Any:
    """Return a new session in payment mode for two of a price."""
    items = [{"price": price, "quantity": 2}]
    return Session.create(**{"mode": "payment", "line_items": items, **HERE, **params})


def shipping_rate(name: str, amount: int) -> str:
    """Return the id of a new rate, in dollars."""
    fixed = {"amount": amount, "currency": "usd"}
    return stripe.ShippingRate.create(display_name=name, type="fixed_amount", fixed_amount=fixed).id


def completed_at_once(account: tigerstripe.Account, session: str) -> int:
    """Return how many of four connections, all at once, could complete a checkout session."""

    def complete(_: int) -> bool:
        with tigerstripe.connect(account.store.directory, namespace=account.name) as other:
            try:
                other.complete_checkout(session)
            except tigerstripe.Refused:
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        return sum(pool.map(complete, range(4)))
