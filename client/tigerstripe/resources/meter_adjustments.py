"""Meter event adjustments: an event that was an error is canceled."""

from __future__ import annotations

from tigerstripe import errors
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.objects.resource import Ids, Transient
from tigerstripe.records import Params, Record
from tigerstripe.resources.meter_events import IDENTIFIER
from tigerstripe.work.unit import Work

DAY_S = 24 * 3600


class MeterAdjustments(Transient):
    """Meter event adjustments; nothing is stored of them."""

    object = "billing.meter_event_adjustment"

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Take an event back, within a day of when it came; its identifier stays taken."""
        identifier = (params.get("cancel") or {}).get("identifier")
        if identifier is None:
            raise errors.missing("cancel[identifier]")
        events = registry.need("billing.meter_event")
        event = work.get(events.table, work.holder(IDENTIFIER, identifier) or "")
        if event is None or event["event_name"] != params["event_name"]:
            raise errors.no_such("billing meter event", identifier, "cancel[identifier]")
        if event["created"] < work.now - DAY_S:
            raise Refused(
                f"The event {identifier} came more than 24 hours ago: it cannot be canceled.",
                param="cancel[identifier]",
            )
        work.delete(events.table, event["id"])
        return {
            "object": self.object,
            "cancel": {"identifier": identifier},
            "event_name": params["event_name"],
            "livemode": False,
            "status": "complete",
            "type": params["type"],
        }


RESOURCE = MeterAdjustments()
