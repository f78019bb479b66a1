"""Meter events: how much a customer used, and when."""

from __future__ import annotations

import uuid
from decimal import Decimal, InvalidOperation

from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Ids, Resource
from tigerstripe.records import Params, Record
from tigerstripe.resources.meters import of
from tigerstripe.work.unit import Work

PAST_S = 35 * 24 * 3600
AHEAD_S = 5 * 60
"""How long ago an event may have been, and how far ahead, as Stripe's reference says."""
DIGITS = 15
"""The most digits that a value may have, behind the point too."""
IDENTIFIER = "meter_event"
"""The kind of claim that an event has on its identifier."""


class MeterEvents(Resource):
    """Meter events; each counts at once, and there is no list of them."""

    object = "billing.meter_event"
    table = "meter_events"
    prefix = "mtr_ev"
    event: str | None = None
    has_metadata = False
    standard: frozenset[str] = frozenset(("create",))

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Note that a customer used something.

        Stripe accepts any event, and reports errors later; here that is refused.
        """
        name, payload = params["event_name"], params["payload"]
        meter = registry.need("billing.meter").of_events(work, name)
        customer = self._customer(work, meter, payload)
        work = work.on_clock(customer["test_clock"])
        timestamp = params.get("timestamp", work.now)
        _check_time(work, timestamp)
        identifier = params.get("identifier") or str(uuid.uuid4())
        if work.holder(IDENTIFIER, identifier) is not None:
            raise Refused(f"An event already exists with identifier {identifier}.")
        id = new_id(self.prefix, 24)
        work.claim(IDENTIFIER, identifier, id)
        work.put(self.table, {
            "id": id,
            "created": work.now,
            "event_name": name,
            "of": of(meter["id"], customer["id"]),
            "timestamp": timestamp,
            "value": _value(meter, payload),
        })  # fmt: skip
        return {
            "object": self.object,
            "created": work.now,
            "event_name": name,
            "identifier": identifier,
            "livemode": False,
            "payload": payload,
            "timestamp": timestamp,
        }

    def _customer(self, work: Work, meter: Record, payload: Params) -> Record:
        """Return the customer of an event; raises `Refused`."""
        key = meter["customer_mapping"]["event_payload_key"]
        if payload.get(key) is None:
            message = f"The payload names no customer: give {key}, as meter {meter['id']} asks for."
            raise Refused(message, param=f"payload[{key}]")
        found: Record = registry.need("customer").given(work, payload[key], f"payload[{key}]")
        return found


def _check_time(work: Work, timestamp: int) -> None:
    if timestamp > work.now + AHEAD_S:
        message = f"The timestamp {timestamp} is more than 5 minutes ahead of now, {work.now}."
        raise Refused(message, param="timestamp")
    if timestamp < work.now - PAST_S:
        message = f"The timestamp {timestamp} is more than 35 days before now, {work.now}."
        raise Refused(message, param="timestamp")


def _value(meter: Record, payload: Params) -> str:
    """Return the amount used, as the text of a decimal; raises `Refused` if it is no number."""
    key = meter["value_settings"]["event_payload_key"]
    given = payload.get(key)
    if given is None and meter["default_aggregation"]["formula"] == "count":
        return "1"
    param = f"payload[{key}]"
    try:
        value = Decimal(str(given))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        message = f"The value {given!r} is no number: give {key}, as meter {meter['id']} asks for."
        raise Refused(message, param=param)
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    if max(len(digits) + max(exponent, 0), -exponent) > DIGITS:
        raise Refused(f"The value {given} has more than {DIGITS} digits.", param=param)
    return str(value)


RESOURCE = MeterEvents()
