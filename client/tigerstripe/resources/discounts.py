"""Discounts of other objects: created with these, and found when they are expanded."""

from __future__ import annotations

from tigerstripe.billing.discounts import TABLE
from tigerstripe.objects.resource import Resource


class Discounts(Resource):
    """Discounts."""

    object = "discount"
    table = TABLE
    prefix = "di"
    event: str | None = None
    standard: frozenset[str] = frozenset(("retrieve",))


RESOURCE = Discounts()
