"""Events: what happened, in order. `Work.tell` creates them (`tigerstripe.work.events`)."""

from __future__ import annotations

import fnmatch
from typing import Any

from tigerstripe.objects.resource import Filters, Resource
from tigerstripe.records import Record


def _is_of(record: Record, wanted: Any) -> bool:
    return fnmatch.fnmatchcase(record["type"], wanted)


class Events(Resource):
    """Events."""

    object = "event"
    table = "events"
    prefix = "evt"
    standard: frozenset[str] = frozenset(("list", "retrieve"))
    filters: Filters = {
        "type": _is_of,
        "types": lambda record, wanted: any(_is_of(record, one) for one in wanted),
    }


RESOURCE = Events()
