"""Which module has the moves of an intent: those of a payment, or of a setup."""

from __future__ import annotations

from typing import Any

from tigerstripe.payments import confirming, setting_up


def of(intent: dict[str, Any]) -> Any:
    """Return what has `tried(work, intent, attempt)` and `authenticate(work, intent, succeed=)`."""
    return confirming if intent["object"] == confirming.OBJECT else setting_up
