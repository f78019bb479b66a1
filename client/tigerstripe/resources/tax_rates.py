"""Tax rates: a percentage on top of a price or within it."""

from __future__ import annotations

from tigerstripe.errors import Refused
from tigerstripe.objects.resource import Resource
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

NULLS = (
    "country", "description", "flat_amount", "jurisdiction", "jurisdiction_level", "state",
    "tax_type",
)  # fmt: skip
"""The fields that are null in a new one, unless others set them."""


class TaxRates(Resource):
    """Tax rates."""

    object = "tax_rate"
    table = "tax_rates"
    prefix = "txr"
    name = "tax rate"
    param: str | None = "tax_rate"

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new rate; its percentage never changes."""
        percentage = params["percentage"]
        if not 0 <= percentage <= 100:
            raise Refused("Percentage must be between 0 and 100", param="percentage")
        return {
            **dict.fromkeys(NULLS),
            "active": True,
            "effective_percentage": percentage,
            "rate_type": "percentage",
            **params,
        }

    def all_given(
        self, work: Work, ids: list[str] | None, param: str = "default_tax_rates"
    ) -> list[Record]:
        """Return the rates that a parameter names, in its order; raises `Refused`."""
        return [self.given(work, id, f"{param}[{place}]") for place, id in enumerate(ids or ())]


RESOURCE = TaxRates()
