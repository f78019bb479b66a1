"""Meters: the sum of the events of a name, by customer and period."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from tigerstripe.errors import Refused
from tigerstripe.objects import listing, registry
from tigerstripe.objects.resource import Ids, Resource, operation
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

HOUR_S = 3600
MINUTE_S = 60
WINDOWS = {"day": 24 * HOUR_S, "hour": HOUR_S}
"""By the name of a window: how long it is, in seconds; windows begin at UTC's."""
NAME = "meter_event_name"
"""The kind of claim that an active meter has on its events' name."""

FORMULAS: dict[str, Callable[[Sequence[Record]], Decimal]] = {
    "count": lambda events: Decimal(len(events)),
    "last": lambda events: _value(max(events, key=_when)) if events else Decimal(0),
    "sum": lambda events: sum(map(_value, events), Decimal(0)),
}
"""By formula: the result of events; of two at the same time, the later stored one is the last."""


class Meters(Resource):
    """Meters; of those that are active each has a name of events of its own."""

    object = "billing.meter"
    table = "meters"
    prefix = "mtr_test"
    id_length = 36
    name = "billing meter"
    has_metadata = False
    told: frozenset[str] = frozenset(("created", "updated"))
    not_yet: tuple[str, ...] = ("event_time_window",)

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new meter, which is active."""
        by_id = {"event_payload_key": "stripe_customer_id", "type": "by_id"}
        return {
            "customer_mapping": params.get("customer_mapping") or by_id,
            "default_aggregation": params["default_aggregation"],
            "display_name": params["display_name"],
            "event_name": params["event_name"],
            "event_time_window": None,
            "status": "active",
            "status_transitions": {"deactivated_at": None},
            "updated": work.now,
            "value_settings": params.get("value_settings") or {"event_payload_key": "value"},
        }

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Make a meter; its events may come from now on."""
        self._check_free(work, params["event_name"])
        made = super().create(work, ids, params)
        work.claim(NAME, made["event_name"], made["id"])
        return made

    def _check_free(self, work: Work, name: str) -> None:
        if work.holder(NAME, name) is not None:
            message = f"There is an active meter with the event_name {name} already."
            raise Refused(message, param="event_name")

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return a meter with another name to show."""
        return {**old, **params, "updated": work.now}

    @operation("POST /v1/billing/meters/{id}/deactivate")
    def deactivate(self, work: Work, ids: Ids, params: Params) -> Record:
        """Let a meter take no events any more; another one may have its name then."""
        meter = self.named(work, ids)
        if meter["status"] != "active":
            raise Refused(f"Meter {meter['id']} is not active.")
        work.release(NAME, meter["event_name"])
        return self._moved(work, meter, "inactive", work.now, "deactivated")

    @operation("POST /v1/billing/meters/{id}/reactivate")
    def reactivate(self, work: Work, ids: Ids, params: Params) -> Record:
        """Let a meter take events again."""
        meter = self.named(work, ids)
        if meter["status"] == "active":
            raise Refused(f"Meter {meter['id']} is active already.")
        self._check_free(work, meter["event_name"])
        work.claim(NAME, meter["event_name"], meter["id"])
        return self._moved(work, meter, "active", None, "reactivated")

    def _moved(
        self, work: Work, meter: Record, status: str, deactivated_at: int | None, event: str
    ) -> Record:
        transitions = {"deactivated_at": deactivated_at}
        new = {**meter, "status": status, "status_transitions": transitions, "updated": work.now}
        return self.move(work, new, event)

    def of_events(self, work: Work, name: str) -> Record:
        """Return the active meter of the events of a name; raises `Refused` if there is none."""
        id = work.holder(NAME, name)
        found = work.get(self.table, id) if id is not None else None
        if found is None:
            message = f'No active meter found for event name "{name}".'
            raise Refused(message, code="resource_missing", param="event_name")
        return found

    # --- What was used ---

    def usage(self, work: Work, id: str, customer: str, start: int, end: int) -> Decimal:
        """Return the usage of a customer from `start` on, before `end`, in seconds.

        By the meter's own formula: the sum of the values, the last of them, or how many events.
        Nothing was used of a meter that is not there. Cost: all events of the customer's.
        """
        meter = work.get(self.table, id)
        if meter is None:
            return Decimal(0)
        return _formula(meter)(list(_within(self._events(work, id, customer), start, end)))

    def _events(self, work: Work, id: str, customer: str) -> list[Record]:
        """Return the events of a customer's, the one that came last first."""
        return work.find_by(registry.need("billing.meter_event").table, "of", of(id, customer))

    @operation("GET /v1/billing/meters/{id}/event_summaries")
    def summaries(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return the usage of a customer, in all or by windows, the latest first, without zeros."""
        meter = self.named(work, ids)
        customer = registry.need("customer").given(work, params["customer"], "customer")["id"]
        start, end = params["start_time"], params["end_time"]
        window = params.get("value_grouping_window")
        step = WINDOWS[window] if window else end - start
        for name in ("start_time", "end_time"):
            _check_aligned(name, params[name], WINDOWS[window] if window else MINUTE_S, window)
        if start >= end:
            raise Refused("end_time must be later than start_time.", param="end_time")
        events = self._events(work, meter["id"], customer)
        found: list[Record] = []
        for begin in range(start, end, step):
            some = list(_within(events, begin, begin + step))
            if some:
                found.append(_summary(meter, customer, begin, begin + step, _formula(meter)(some)))
        return listing.cut(found[::-1], params, "billing meter event summary")


def of(meter: str, customer: str) -> str:
    """Return the value of `of` in a customer's events, by which the store finds them."""
    return f"{meter}/{customer}"


def _formula(meter: Record) -> Callable[[Sequence[Record]], Decimal]:
    return FORMULAS[meter["default_aggregation"]["formula"]]


def _value(event: Record) -> Decimal:
    return Decimal(event["value"])


def _when(event: Record) -> int:
    return int(event["timestamp"])


def _within(events: list[Record], start: int, end: int) -> Iterator[Record]:
    return (event for event in events if start <= event["timestamp"] < end)


def _check_aligned(name: str, at: int, step: int, window: str | None) -> None:
    if at % step:
        what = window or "minute"
        raise Refused(f"{name} must be aligned with {what} boundaries, in UTC: {at}.", param=name)


def _summary(meter: Record, customer: str, start: int, end: int, value: Decimal) -> Record:
    what = f"{meter['id']}/{customer}/{start}/{end}".encode()
    return {
        "id": f"mtrusg_test_{hashlib.blake2b(what, digest_size=18).hexdigest()}",
        "object": "billing.meter_event_summary",
        "aggregated_value": int(value) if value == value.to_integral_value() else float(value),
        "end_time": end,
        "livemode": False,
        "meter": meter["id"],
        "start_time": start,
    }


RESOURCE = Meters()
