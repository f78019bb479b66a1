"""Which module has the moves of an intent: those of a payment, or of a setup."""

from __future__ import annotations

from typing import Any

from tigerstripe import registry
from tigerstripe.payments import confirming


def of(intent: dict[str, Any]) -> Any:
    """Return what has `tried(work, intent, attempt)` and `authenticate(work, intent, succeed=)`."""
    return confirming if intent["object"] == "payment_intent" else registry.need("setup_intent")
