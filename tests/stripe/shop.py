"""What tests of checkout sessions have in common."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

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


def refused(call: Any, *given: Any, **params: Any) -> stripe.InvalidRequestError:
    """Return the error that a call is refused with."""
    with pytest.raises(stripe.InvalidRequestError) as raised:
        call(*given, **params)
    return raised.value
