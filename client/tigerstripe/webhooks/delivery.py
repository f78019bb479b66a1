"""Delivery of webhooks: one process claims a delivery, sends it and notes the answer.

A claim is a guarded commit, so no two processes send the same delivery. If a process is killed
meanwhile, its claim ends after twice the time that an answer may take. Then another process sends
again, because nobody knows whether the first message arrived. A claim of another host is timed from
when it was first seen here, because the clocks of hosts differ. A delivery that failed is tried
again, as by Stripe: by `deliver` at each call, by `tigerd stripe serve` after growing pauses.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable

from tiger import AlreadyExists, Conflict
from tiger.system import os, time
from tigerstripe.facts import versions
from tigerstripe.records import Record
from tigerstripe.requests import addresses
from tigerstripe.requests.expansion import NONE
from tigerstripe.requests.shape import shaped
from tigerstripe.webhooks.sending import TIMEOUT_S, Answer, Send, signed
from tigerstripe.work import acting, clock, events
from tigerstripe.work.differences import previous_attributes
from tigerstripe.work.log import Log
from tigerstripe.work.scope import Scope
from tigerstripe.work.unit import PRIVATE, Work

ATTEMPTS_MAX = 8
FIRST_PAUSE_S = 1.0
LAST_PAUSE_S = 60.0
CLAIM_S = 2 * TIMEOUT_S
"""How long a claim holds; longer than any answer takes."""


def waiting(scope: Scope) -> list[Record]:
    """Return the deliveries that may be sent, oldest first."""
    found = scope.own(events.DELIVERIES).list_namespace()[::-1]
    return [r for r in found if events.is_own(scope, r) and _is_free(scope, r)]


def _is_free(scope: Scope, delivery: Record) -> bool:
    if delivery["status"] == events.SENDING:  # by a process that may have been killed
        return held_s(scope, delivery) < 0
    return bool(delivery["status"] == events.PENDING)


def held_s(scope: Scope, delivery: Record) -> float:
    """Return how many seconds a claim still holds; less than 0 if it does not any more.

    Notes when a claim of another host is seen first, for it holds from then on.
    """
    claim = delivery["sender"]
    if claim["host"] == scope.host:
        return float(claim["until"] - time.time())
    now, seen = time.monotonic(), scope.claims_seen
    first_at = seen.setdefault((delivery["id"], claim["until"]), now)
    for other, at in list(seen.items()):  # the oldest first: those that have long ended
        if now - at <= 2 * CLAIM_S:
            break
        seen.pop(other, None)
    return CLAIM_S - (now - first_at)


def deliver(
    scope: Scope, log: Log, id: str, send: Send, pages: Callable[[], str | None] | None = None
) -> Record | None:
    """Send a delivery and return it with the answer; None if another process has it.

    `pages` returns the address of the server of pages, which addresses in the event then lead to.
    An error that `send` raises is noted as a failure, and raised again.
    """
    delivery = _claimed(scope, log, id)
    if delivery is None or delivery["status"] != events.SENDING:
        return delivery
    began = time.monotonic()
    try:
        answer = _sent(scope, delivery, send, pages)
    except BaseException as error:
        answer = Answer(None, error=f"{type(error).__name__}: {error}")
        _conclude(scope, log, id, answer, time.monotonic() - began)
        raise
    return _conclude(scope, log, id, answer, time.monotonic() - began)


def _claimed(scope: Scope, log: Log, id: str) -> Record | None:
    """Claim a delivery, or cancel it if its endpoint or its event is gone."""
    work = Work(scope, clock.now(scope), versions.newest(), None, is_write=True)
    delivery = work.get(events.DELIVERIES, id)
    if delivery is None or not events.is_own(scope, delivery) or not _is_free(scope, delivery):
        return None
    endpoint = work.get(events.ENDPOINTS, delivery["endpoint"])
    of = work.inside(delivery["account"])  # whose the event is
    event = of.get(events.TABLE, delivery["event"])
    if endpoint is None or endpoint["status"] != "enabled" or event is None:
        delivery = {**delivery, "status": events.CANCELED, "sender": None}
        _settle(of, event)
    else:
        claim = {"host": scope.host, "process": os.getpid(), "until": time.time() + CLAIM_S}
        delivery = {**delivery, "status": events.SENDING, "sender": claim, "url": endpoint["url"]}
    work.put(events.DELIVERIES, delivery)
    try:
        work.commit(log)
    except (Conflict, AlreadyExists):
        return None
    return delivery


def _conclude(scope: Scope, log: Log, id: str, answer: Answer, duration_s: float) -> Record | None:
    """Note an attempt; None if the delivery is gone, as after a savepoint."""

    def conclude(work: Work) -> tuple[Record | None]:
        delivery = work.get(events.DELIVERIES, id)
        if delivery is None:
            return (None,)
        delivery = _attempted(delivery, answer, duration_s)
        work.put(events.DELIVERIES, delivery)
        if delivery["status"] == events.SUCCEEDED:
            of = work.inside(delivery["account"])
            _settle(of, of.get(events.TABLE, delivery["event"]))
        return (delivery,)

    return acting.act(scope, log, conclude)[0]


def _attempted(delivery: Record, answer: Answer, duration_s: float) -> Record:
    now = time.time()
    attempt = {"at": now, "duration_s": round(duration_s, 6), "process": os.getpid()}
    attempts = [*delivery["attempts"], {**attempt, **answer._asdict()}]
    if answer.status is not None and 200 <= answer.status < 300:
        status = events.SUCCEEDED
    else:
        status = events.PENDING if len(attempts) < ATTEMPTS_MAX else events.FAILED
    pause_s = min(FIRST_PAUSE_S * 2 ** (len(attempts) - 1), LAST_PAUSE_S)
    return {
        **delivery,
        "attempts": attempts,
        "next_attempt_at": now + pause_s if status == events.PENDING else None,
        "sender": None,
        "status": status,
    }


def _settle(work: Work, event: Record | None) -> None:
    """Count one pending webhook of an event less."""
    if event is not None:
        work.put(events.TABLE, {**event, "pending_webhooks": max(0, event["pending_webhooks"] - 1)})


# --- What is sent ---------------------------------------------------------------------------------


def _sent(
    scope: Scope, delivery: Record, send: Send, pages: Callable[[], str | None] | None
) -> Answer:
    endpoint = scope.table(events.ENDPOINTS).get(delivery["endpoint"], None)
    event = scope.inside(delivery["account"]).table(events.TABLE).get(delivery["event"], None)
    if endpoint is None or event is None:
        return Answer(None, error="the endpoint or the event was deleted meanwhile")
    shown = rendered(scope, event, endpoint["api_version"] or versions.newest())
    text = json.dumps(shown, indent=2)
    if pages is not None:
        text = addresses.local(text, pages, scope.store.current_namespace)
    body = text.encode()
    return send(endpoint["url"], signed(events.secret(endpoint), body), body)


def rendered(scope: Scope, event: Record, version: str) -> Record:
    """Return an event in the shape of an API version."""
    event = copy.deepcopy({name: value for name, value in event.items() if name != PRIVATE})
    if version == event["api_version"]:
        return event
    work = Work(scope, event["created"], version, "", is_write=False)
    now = event["data"]["object"]
    previous = event["data"].get("previous_attributes")
    event["data"]["object"] = shaped(work, now, NONE, "")
    if previous is not None:
        before = shaped(work, _merged(now, previous), NONE, "")
        event["data"]["previous_attributes"] = previous_attributes(before, event["data"]["object"])
    event["api_version"] = version
    return event


def _merged(now: Record, previous: Record) -> Record:
    """Return an object as it was before an event, from its state and the previous values."""
    merged = copy.deepcopy(now)
    for name, value in previous.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = _merged(merged[name], value) if both else value
    return merged
