"""Events: what one says, which webhook endpoints want it, and the delivery that each of them gets.

`Work.tell` makes them. A delivery is a record of the endpoint's account, made in the commit that
tells of the event; the event may be a connected account's. `tigerstripe.webhooks` sends it, from
the account in which it was made: a fork does not send what it has inherited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tigerstripe.facts import versions
from tigerstripe.ids import new_id
from tigerstripe.records import Record
from tigerstripe.work.scope import Scope

if TYPE_CHECKING:
    from tigerstripe.work.unit import Work


TABLE = "events"
ENDPOINTS = "webhooks"
DELIVERIES = "webhook_deliveries"

PENDING = "pending"
SENDING = "sending"
SUCCEEDED = "succeeded"
FAILED = "failed"
CANCELED = "canceled"


def made(work: Work, type: str, shown: Record, previous: Record | None) -> Record:
    """Return the event that tells of an object as it is shown; `previous`: what changed in it."""
    data = {"object": shown}
    if previous is not None:
        data["previous_attributes"] = previous
    account = work.scope.account
    return {
        "id": new_id("evt", 24),
        "object": "event",
        **({} if account is None else {"account": account}),
        "api_version": versions.newest(),
        "created": work.now,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": work.request_id, "idempotency_key": work.idempotency_key},
        "type": type,
    }


def endpoints(scope: Scope) -> list[Record]:
    """Return the enabled endpoints of an account; a connected account has its platform's."""
    return [e for e in scope.own(ENDPOINTS).list_namespace() if e["status"] == "enabled"]


def wants(endpoint: Record, event: Record) -> bool:
    """Tell whether an endpoint wants an event, by the event's type and account."""
    if is_connect(endpoint) != ("account" in event):
        return False
    return event["type"] in endpoint["enabled_events"] or "*" in endpoint["enabled_events"]


def is_connect(endpoint: Record) -> bool:
    """Tell whether an endpoint is for the events of connected accounts."""
    return bool(endpoint.get("_", {}).get("connect"))


def secret(endpoint: Record) -> str:
    """Return the secret that signs an endpoint's deliveries; a seed may give it as `secret`."""
    found: str = endpoint.get("_", endpoint).get("secret", "")
    return found


def is_own(scope: Scope, delivery: Record) -> bool:
    """Tell whether a delivery was made in this account, not in the origin of this fork."""
    return bool(delivery["namespace"] == scope.store.current_namespace)


def queued(scope: Scope, event: Record, endpoint: Record) -> Record:
    """Return the delivery of an event to an endpoint, not yet sent."""
    return {
        "id": new_id("whd", 24),
        "object": "webhook_delivery",
        "account": event.get("account"),
        "attempts": [],
        "created": event["created"],
        "endpoint": endpoint["id"],
        "event": event["id"],
        "event_type": event["type"],
        "namespace": scope.store.current_namespace,
        "next_attempt_at": 0,
        "sender": None,
        "status": PENDING,
        "url": endpoint["url"],
    }
