"""What was used of a metered price in a period: the events of its meter."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tigerstripe import registry
from tigerstripe.work import Work

Record = dict[str, Any]


def of_item(work: Work, subscription: Record, item: Record, period: tuple[int, int]) -> Decimal:
    """Return how much of an item was used from a time until another; nothing without a meter."""
    meter = item["price"]["recurring"]["meter"]
    meters = registry.resource("billing.meter")
    if meter is None or meters is None:
        return Decimal(0)
    used: Decimal = meters.usage(work, meter, subscription["customer"], *period)  # type: ignore[attr-defined]
    return used
