"""Plans: recurring prices, in the shape that they had before there were prices."""

from __future__ import annotations

from typing import Any

from tigerstripe import errors
from tigerstripe.billing.plans import plan_of
from tigerstripe.ids import new_id
from tigerstripe.objects.resource import Ids, Inclusions, Resource, Tests
from tigerstripe.records import Params, Record
from tigerstripe.resources.prices import RESOURCE as PRICES
from tigerstripe.work.unit import Work


class Plans(Resource):
    """Plans; the records are those of prices."""

    object = "plan"
    table = "prices"
    prefix = "plan"
    param: str | None = "plan"
    standard: frozenset[str] = Resource.standard | {"delete"}
    shown: Tests = {"recurring": lambda recurring: recurring is not None}

    def view(self, work: Work, record: Record) -> Record:
        """Return a price as a plan."""
        return plan_of(record)

    def is_under(self, record: Record, ids: Ids) -> bool:
        """Tell whether a price is a plan."""
        return record["recurring"] is not None

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Make a price, and return it as a plan."""
        id = params.get("id") or new_id("plan", 24)
        if work.get(self.table, id) is not None:
            raise errors.already_exists("Plan")
        product = params.get("product")
        wanted = {
            "active": params.get("active", True),
            "billing_scheme": params.get("billing_scheme"),
            "currency": params["currency"],
            "id": id,
            "metadata": params.get("metadata"),
            "nickname": params.get("nickname"),
            "recurring": {
                name: params.get(name)
                for name in (
                    "interval",
                    "interval_count",
                    "meter",
                    "trial_period_days",
                    "usage_type",
                )
            },
            "tiers": params.get("tiers"),
            "tiers_mode": params.get("tiers_mode"),
            "transform_quantity": params.get("transform_usage"),
            "unit_amount": params.get("amount"),
            "unit_amount_decimal": params.get("amount_decimal"),
            "product_data" if isinstance(product, dict) else "product": product,
        }
        return plan_of(PRICES.create(work, {}, wanted))

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return the price as an update of the plan changes it."""
        params = dict(params)
        trial = params.pop("trial_period_days", ...)
        new = {**old, **params}
        if trial is not ...:
            new["recurring"] = {**old["recurring"], "trial_period_days": trial}
        return new

    def save(self, work: Work, old: Record, new: Record, event: str = "updated") -> Record:
        """Store the price, and return it as a plan."""
        return plan_of(PRICES.save(work, old, new, event))

    def drop(self, work: Work, record: Record) -> None:
        """Remove the price, and tell of both."""
        PRICES.drop(work, record)
        work.tell("plan.deleted", plan_of(record))

    def _tiers(self, work: Work, record: Record, kept: Record) -> Any:
        return kept.get("tiers")

    included: Inclusions = {"tiers": _tiers}


RESOURCE = Plans()
