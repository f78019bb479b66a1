"""The moves of an intent, by its kind (payment or setup), and those that the buyer makes."""

from __future__ import annotations

from typing import Any

from tigerstripe.errors import Declined
from tigerstripe.payments import confirming, setting_up
from tigerstripe.records import Record
from tigerstripe.work.unit import Work


def of(intent: Record) -> Any:
    """Return the module with `tried` and `authenticate` for an intent."""
    return confirming if intent["object"] == confirming.OBJECT else setting_up


def authenticated(work: Work, intent: Record, *, succeed: bool) -> None:
    """Let the buyer of an intent authenticate, or fail to; raises `Declined` if it is not paid."""
    done = of(intent).authenticate(work, intent, succeed=succeed)
    error = done.get("last_payment_error") or done.get("last_setup_error")
    if error is not None:
        raise Declined.of(error)
