"""Test clocks: a time of their own for the customers that are made on them."""

from __future__ import annotations

from tigerstripe import registry
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.resource import Ids, Params, Record, Resource, operation
from tigerstripe.work import Work

KEPT_S = 30 * 24 * 3600


class Clocks(Resource):
    """Test clocks."""

    object = "test_helpers.test_clock"
    table = "test_clocks"
    paths = ("/v1/test_helpers/test_clocks",)
    prefix = "clock"
    name = "test clock"
    param = "test_clock"
    has_metadata = False
    standard = frozenset(("create", "delete", "list", "retrieve"))

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new clock."""
        id = new_id(self.prefix, self.id_length)
        if params.get("customer") is not None:
            self._attach(work, id, params["customer"])
        return {
            "id": id,
            "deletes_after": work.now + KEPT_S,
            "frozen_time": params["frozen_time"],
            "name": params.get("name"),
            "status": "ready",
            "status_details": {},
        }

    def _attach(self, work: Work, clock: str, id: str) -> None:
        """Let a customer go by a clock, once and for all; raises `Refused`."""
        customers = registry.need("customer")
        customer = customers.given(work, id, "customer")
        if customer["test_clock"] is not None:
            on = customer["test_clock"]
            raise Refused(f"{id} is on the clock {on} already, and stays there.")
        customers.save(work, customer, {**customer, "test_clock": clock})

    @operation("POST /v1/test_helpers/test_clocks/{test_clock}/advance")
    def advance(self, work: Work, ids: Ids, params: Params) -> Record:
        """Move a clock on; it is ready at once, while the real one advances for some seconds."""
        clock = self.named(work, ids)
        target = params["frozen_time"]
        if target <= clock["frozen_time"]:
            raise Refused(
                f"A test clock only goes on: it shows {clock['frozen_time']}, and frozen_time is "
                f"{target}. Give a later time.",
                param="frozen_time",
            )
        details = {"advancing": {"target_frozen_time": target}}
        advancing = {**clock, "status": "advancing", "status_details": details}
        self.save(work, clock, advancing, "advancing")
        return self.save(work, advancing, {**clock, "frozen_time": target}, "ready")

    def drop(self, work: Work, record: Record) -> None:
        """Remove a clock, and the customers on it."""
        customers = registry.need("customer")
        for customer in work.find_by(customers.table, "test_clock", record["id"]):
            customers.drop(work, work.get(customers.table, customer["id"]) or customer)
        super().drop(work, record)


RESOURCE = Clocks()
