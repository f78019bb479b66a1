"""Events: what happened, in the order in which it did; made by `Work.tell`."""

from __future__ import annotations

import fnmatch
from typing import Any

from tigerstripe.objects.resource import Record, Resource


def _is_of(record: Record, wanted: Any) -> bool:
    return fnmatch.fnmatchcase(record["type"], wanted)


class Events(Resource):
    """Events."""

    object = "event"
    table = "events"
    paths = ("/v1/events",)
    prefix = "evt"
    standard = frozenset(("list", "retrieve"))
    filters = {
        "type": _is_of,
        "types": lambda record, wanted: any(_is_of(record, one) for one in wanted),
    }


RESOURCE = Events()
