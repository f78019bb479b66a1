"""Test clocks: a separate time for the customers that are created on them."""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.billing import periods
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import due, registry
from tigerstripe.objects.resource import Ids, Resource, operation
from tigerstripe.records import Params, Record
from tigerstripe.work import acting
from tigerstripe.work.clock import LATEST, TEST_CLOCKS
from tigerstripe.work.log import Log
from tigerstripe.work.unit import Work

KEPT_S = 30 * 24 * 3600
READY = "ready"
CLOCKED = ("subscriptions", "invoices", "invoice_items", "subscription_schedules", "quotes")
"""The objects that go by the clock of their customer."""


class TestClocks(Resource):
    """Test clocks."""

    object = "test_helpers.test_clock"
    table = TEST_CLOCKS
    prefix = "clock"
    name = "test clock"
    param: str | None = "test_clock"
    has_metadata = False
    standard: frozenset[str] = frozenset(("create", "delete", "list", "retrieve"))

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new clock."""
        errors.check_range("frozen_time", params["frozen_time"], 0, LATEST)
        id = new_id(self.prefix, self.id_length)
        if params.get("customer") is not None:
            self._attach(work, id, params["customer"])
        return {
            "id": id,
            "deletes_after": work.now + KEPT_S,
            "frozen_time": params["frozen_time"],
            "name": params.get("name"),
            "status": READY,
            "status_details": {},
        }

    def _attach(self, work: Work, clock: str, id: str) -> None:
        """Let a customer go by a clock, once and for all; raises `Refused`."""
        customers = registry.need("customer")
        customer = customers.given(work, id, "customer")
        if customer["test_clock"] is not None:
            on = customer["test_clock"]
            raise Refused(f"{id} is on the clock {on} already, and stays there.")
        for table in CLOCKED:
            if work.find_by(table, "customer", id):
                raise Refused(
                    f"{id} has {table} that go by the account's clock: only a customer who has "
                    f"none can be put on a test clock.",
                    param="customer",
                )
        customers.save(work, customer, {**customer, "test_clock": clock})

    @operation("POST /v1/test_helpers/test_clocks/{test_clock}/advance")
    def advance(self, work: Work, ids: Ids, params: Params) -> Record:
        """Move a clock on, and do all that is due on the way before this is answered.

        The real one does it afterwards. What was interrupted is ended by the same request again.
        """
        target = params["frozen_time"]
        log = Log(work.scope)
        acting.act(work.scope, log, lambda first: self._begin(first, work, ids, target))
        due.run_until(work.scope, log, target, ids["test_clock"])
        clock = self.named(work, ids)
        done = {**clock, "frozen_time": target, "status": READY, "status_details": {}}
        return self.save(work, clock, done, "ready")

    def _begin(self, work: Work, of: Work, ids: Ids, target: int) -> Record:
        """Let a clock be on its way, in a commit before all that is due; raises `Refused`."""
        work.request_id, work.idempotency_key = of.request_id, of.idempotency_key
        clock = self.named(work, ids)
        details = {"advancing": {"target_frozen_time": target}}
        if clock["status"] != READY:
            if clock["status_details"] != details:
                raise _underway(clock)
            return clock
        _check_target(work, clock, target)
        advancing = {**clock, "status": "advancing", "status_details": details}
        return self.save(work, clock, advancing, "advancing")

    def drop(self, work: Work, record: Record) -> None:
        """Remove a clock, the customers on it, and the calendar of the clock."""
        customers = registry.need("customer")
        for customer in work.find_by(customers.table, "test_clock", record["id"]):
            there = work.get(customers.table, customer["id"]) or customer
            customers.drop(work.on_clock(record["id"]), there)
        due.cancel_all(work, "clock", record["id"])
        super().drop(work, record)


def _check_target(work: Work, clock: Record, target: int) -> None:
    """Raise `Refused` for a time that a clock cannot be advanced to."""
    now = clock["frozen_time"]
    errors.check_range("frozen_time", target, 0, LATEST)
    if target <= now:
        raise Refused(
            f"A test clock only goes on: it shows {now}, and frozen_time is {target}. Give a later "
            f"time.",
            param="frozen_time",
        )
    furthest, of = _furthest(work, clock)
    if target > furthest:
        raise Refused(
            f"A test clock goes on by two intervals of its shortest subscription at most, or by "
            f"two years without any: {clock['id']}, {of}, to {furthest}, and frozen_time is "
            f"{target}. Advance it in steps.",
            param="frozen_time",
        )


def _furthest(work: Work, clock: Record) -> tuple[int, str]:
    """Return how far a clock can be advanced at once, and which subscription says so."""
    now = clock["frozen_time"]
    furthest, of = periods.later(now, "year", 2), "without subscriptions"
    for id in due.ids_on(work.scope, clock["id"], "subscription"):
        subscription = work.get("subscriptions", id) or {"items": {"data": ()}}
        for item in subscription["items"]["data"]:
            recurring = item["price"]["recurring"]
            end = periods.later(now, recurring["interval"], 2 * recurring["interval_count"])
            if end < furthest:
                furthest, of = end, f"with {id}"
    return furthest, of


def _underway(clock: Record) -> Refused:
    """Return the refusal of an operation that must wait until a clock is ready."""
    target = clock["status_details"]["advancing"]["target_frozen_time"]
    return Refused(
        f"Test clock advancement underway - cannot perform modifications: {clock['id']} (to "
        f"{target}; if its process has ended, advance it to that time again)",
        status=429,
    )


RESOURCE = TestClocks()
