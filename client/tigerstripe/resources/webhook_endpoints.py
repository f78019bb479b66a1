"""Webhook endpoints: where the events of an account are sent."""

from __future__ import annotations

from urllib.parse import urlsplit

from tigerstripe.errors import Refused
from tigerstripe.ids import letters
from tigerstripe.objects.resource import Ids, Resource, private
from tigerstripe.records import Params, Record
from tigerstripe.work.events import ENDPOINTS
from tigerstripe.work.unit import PRIVATE, Work

MOST = 16
"""The largest number of endpoints of an account, as in Stripe's test mode."""
SLOT = "webhook_endpoint"
"""The kind of the claims that bound their number; each endpoint holds one."""


class WebhookEndpoints(Resource):
    """Webhook endpoints."""

    object = "webhook_endpoint"
    table = ENDPOINTS
    prefix = "we"
    name = "webhook endpoint"
    param: str | None = "webhook_endpoint"
    event: str | None = None
    standard: frozenset[str] = Resource.standard | {"delete"}

    def new(self, work: Work, params: Params) -> Record:
        """Return the fields of a new endpoint; its slot is in the private part."""
        check_url(params["url"])
        check_events(params["enabled_events"])
        slot = next((n for n in range(MOST) if work.holder(SLOT, str(n)) is None), None)
        if slot is None:
            raise Refused(f"You have reached the maximum of {MOST} test webhook endpoints.")
        return {
            "api_version": params.get("api_version"),
            "application": None,
            "description": params.get("description"),
            "enabled_events": params["enabled_events"],
            "metadata": params.get("metadata"),
            "status": "enabled",
            "url": params["url"],
            PRIVATE: {
                "connect": params.get("connect", False),
                "secret": f"whsec_{letters(32)}",
                "slot": str(slot),
            },
        }

    def create(self, work: Work, ids: Ids, params: Params) -> Record:
        """Make an endpoint; only this answer has its secret."""
        record = super().create(work, ids, params)
        work.claim(SLOT, private(record)["slot"], record["id"])
        return dict(sorted({**record, "secret": private(record)["secret"]}.items(), key=_order))

    def change(self, work: Work, old: Record, params: Params) -> Record:
        """Return an endpoint as an update leaves it."""
        changes = dict(params)
        if "url" in changes:
            check_url(changes["url"])
        if "enabled_events" in changes:
            check_events(changes["enabled_events"])
        if "disabled" in changes:
            changes["status"] = "disabled" if changes.pop("disabled") else "enabled"
        return {**old, **changes}

    def drop(self, work: Work, record: Record) -> None:
        """Remove an endpoint; deliveries that wait for it are no longer sent."""
        work.release(SLOT, private(record)["slot"])
        super().drop(work, record)


def _order(item: tuple[str, object]) -> tuple[bool, str]:
    """Put `id` and `object` first, as in all answers, and the rest in order."""
    return item[0] not in ("id", "object"), item[0]


def check_url(url: str) -> None:
    """Raise `Refused` for a URL that cannot be sent to."""
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url or not url.isascii() or not url.isprintable() or " " in url:
        reason = "An explicit scheme (such as https) must be provided."
        message = f"Invalid URL: {reason}" if "://" not in url else "Not a valid URL"
        raise Refused(message, code="url_invalid", param="url")


def check_events(events: list[str]) -> None:
    """Raise `Refused` for no events, or for all of them and some beside."""
    if "*" in events and len(events) > 1:
        message = "Invalid enabled_events: `*` stands for all events, name no other beside it."
        raise Refused(message, param="enabled_events")


RESOURCE = WebhookEndpoints()
