"""Meter events of version 2 of the API: one at a time, many at once, and taken back."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.stripe.test_meters import NOON, meter, usage


@pytest.fixture
def metered(account: Any) -> tuple[Any, str, Any]:
    """Return a meter, a customer, and the client that has version 2."""
    account.freeze(NOON)
    customer = str(stripe.Customer.create(email="a@b.c").id)
    return meter(), customer, stripe.StripeClient(stripe.api_key)


def test_events_come_by_version_2(account, metered) -> None:
    made_of, customer, client = metered
    made = client.v2.billing.meter_events.create({
        "event_name": "calls",
        "identifier": "one",
        "payload": {"stripe_customer_id": customer, "value": "5"},
        "timestamp": "2027-01-15T11:59:00.000Z",
    })  # fmt: skip
    assert (made.object, made.identifier) == ("v2.billing.meter_event", "one")
    assert (made.created, made.timestamp) == (
        "2027-01-15T12:00:00.000Z", "2027-01-15T11:59:00.000Z",
    )  # fmt: skip
    assert made.payload.to_dict() == {"stripe_customer_id": customer, "value": "5"}
    assert usage(account, made_of, customer, NOON - 120, NOON + 60) == 5
    undone = client.v2.billing.meter_event_adjustments.create(
        {"event_name": "calls", "type": "cancel", "cancel": {"identifier": "one"}}
    )
    assert (undone.object, undone.status) == ("v2.billing.meter_event_adjustment", "complete")
    assert undone.cancel.identifier == "one"
    assert usage(account, made_of, customer, NOON - 120, NOON + 60) == 0


def test_events_come_in_a_stream(account, metered) -> None:
    made_of, customer, client = metered
    session = client.v2.billing.meter_event_session.create()
    assert session.expires_at == "2027-01-15T12:15:00.000Z"
    stream = stripe.StripeClient(session.authentication_token).v2.billing.meter_event_stream
    payload = {"stripe_customer_id": customer, "value": "2"}
    events = [{"event_name": "calls", "payload": payload} for _ in range(3)]
    stream.create({"events": events})
    assert usage(account, made_of, customer, NOON - 60, NOON + 60) == 6
    wrong = [*events, {"event_name": "none", "payload": payload}]
    with pytest.raises(stripe.StripeError, match="No active meter"):
        stream.create({"events": wrong})
    assert usage(account, made_of, customer, NOON - 60, NOON + 60) == 6
    with pytest.raises(stripe.StripeError, match="100"):
        stream.create({"events": events * 40})


@pytest.mark.parametrize("timestamp", ["yesterday", "2027-01-15", "1800000000"])
def test_times_of_version_2_are_written_out(account, metered, timestamp: str) -> None:
    _, customer, client = metered
    payload = {"stripe_customer_id": customer, "value": "2"}
    wanted = {"event_name": "calls", "payload": payload, "timestamp": timestamp}
    with pytest.raises(stripe.StripeError, match="timestamp"):
        client.v2.billing.meter_events.create(wanted)
