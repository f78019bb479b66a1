"""Payments as tests make them, and what they leave."""

from __future__ import annotations

from typing import Any

import stripe

CARD = {"payment_method_types": ["card"]}


def pay(method: str = "pm_card_visa", **more: Any) -> Any:
    """Pay 20 dollars at once."""
    params = {"amount": 2000, "currency": "usd", "payment_method": method, "confirm": True}
    return stripe.PaymentIntent.create(**{**params, "payment_method_types": ["card"], **more})


def told(account: Any) -> list[str]:
    return [event["type"] for event in account.events()]


def balance() -> tuple[int, int]:
    found = stripe.Balance.retrieve()
    return found.available[0].amount, found.pending[0].amount
