"""Meter events of version 2 of the API: the same events, with times as text."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from tigerstripe import errors, keys
from tigerstripe.errors import Refused
from tigerstripe.ids import new_id
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Ids, Transient, operation
from tigerstripe.records import Params, Record
from tigerstripe.work.unit import Work

EVENTS_MAX = 100
"""How many events may come at once."""
SESSION_S = 15 * 60
"""How long a session's token is good, as it says; here it is the account's key, and lasts."""
WRITTEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class MeterStream(Transient):
    """Meter events of version 2; they are made by the resources of version 1."""

    object = "v2.billing.meter_event"

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Note that a customer used something."""
        made = registry.need("billing.meter_event").create(work, ids, _as_before(params))
        return {**made, "object": self.object, **_times(made, "created", "timestamp")}

    @operation("POST /v2/billing/meter_event_stream")
    def create_all(self, work: Work, ids: Ids, params: Params) -> Record:
        """Note many events, or none where one is refused; nothing is answered."""
        events = params["events"]
        if len(events) > EVENTS_MAX:
            raise errors.too_many("events", EVENTS_MAX)
        for place, event in enumerate(events):
            try:
                self.create(work, ids, event)
            except Refused as refused:
                raise errors.under(refused, f"events[{place}]") from None
        return {}

    @operation("POST /v2/billing/meter_event_session")
    def open_session(self, work: Work, ids: Ids, params: Params) -> Record:
        """Return the key that a stream of events is sent with."""
        if work.scope.account is not None:
            raise errors.not_built("POST", "/v2/billing/meter_event_session")
        times = {"created": work.now, "expires_at": work.now + SESSION_S}
        return {
            "id": new_id("bmes_test", 24),
            "object": "v2.billing.meter_event_session",
            "authentication_token": keys.secret_key(work.scope.store.current_namespace),
            "livemode": False,
            **_times(times, "created", "expires_at"),
        }

    @operation("POST /v2/billing/meter_event_adjustments")
    def adjust(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take an event back."""
        made = registry.need("billing.meter_event_adjustment").create(work, ids, params)
        return {
            **made,
            "id": new_id("mtr_event_adj_test", 24),
            "object": "v2.billing.meter_event_adjustment",
            **_times({"created": work.now}, "created"),
        }


def _as_before(params: Params) -> Params:
    """Return an event with its time in seconds; raises `Refused`."""
    given = params.get("timestamp")
    if given is None:
        return params
    try:
        if not WRITTEN.fullmatch(given):
            raise ValueError(given)
        at = datetime.fromisoformat(given.replace("Z", "+00:00"))
    except ValueError:
        message = f"Invalid timestamp: {given!r} is no time as `2027-01-15T12:00:00.000Z`."
        raise Refused(message, param="timestamp") from None
    return {**params, "timestamp": int(at.timestamp())}


def _times(record: Record, *names: str) -> Record:
    """Return times as version 2 writes them."""
    found = {name: datetime.fromtimestamp(record[name], timezone.utc) for name in names}
    return {name: f"{at:%Y-%m-%dT%H:%M:%S}.000Z" for name, at in found.items()}


RESOURCE = MeterStream()
