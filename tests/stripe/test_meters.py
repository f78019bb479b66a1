"""Meters: what events of customers add up to."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest
import stripe

from tests.stripe.refusals import refused
from tests.support.seeds import new_random
from tigerstripe.objects import registry
from tigerstripe.requests.engine import Engine
from tigerstripe.work.unit import Work

NOON = 1_800_014_400  # of a day, UTC
HOUR, DAY = 3600, 86400


@pytest.fixture
def customer(account: Any) -> str:
    account.freeze(NOON)
    return str(stripe.Customer.create(email="a@b.c").id)


def meter(formula: str = "sum", name: str = "calls", **more: Any) -> Any:
    return stripe.billing.Meter.create(
        display_name="Calls", event_name=name, default_aggregation={"formula": formula}, **more
    )


def use(customer: str, value: Any, at: int = NOON, name: str = "calls", **more: Any) -> Any:
    payload = {"stripe_customer_id": customer, "value": str(value)}
    return stripe.billing.MeterEvent.create(event_name=name, payload=payload, timestamp=at, **more)


def summaries(meter: Any, customer: str, start: int, end: int, **more: Any) -> list[Any]:
    found = stripe.billing.Meter.list_event_summaries(
        meter.id, customer=customer, start_time=start, end_time=end, **more
    )
    return list(found.data)


def usage(account: Any, meter: Any, customer: str, start: int, end: int) -> Decimal:
    engine: Engine = account.engine
    scope = engine.account(account.name)[0]
    work = Work(scope, account.now, "2026-10-28.endive", None, is_write=False)
    found: Decimal = registry.need("billing.meter").usage(work, meter.id, customer, start, end)
    return found


def test_a_meter_is_made_renamed_and_switched_off_and_on(account) -> None:
    made = meter()
    assert made.id.startswith("mtr_")
    assert (made.status, made.status_transitions.deactivated_at) == ("active", None)
    assert made.customer_mapping.to_dict() == {
        "event_payload_key": "stripe_customer_id", "type": "by_id",
    }  # fmt: skip
    assert made.value_settings.event_payload_key == "value"
    assert stripe.billing.Meter.modify(made.id, display_name="More").display_name == "More"
    off = stripe.billing.Meter.deactivate(made.id)
    assert (off.status, off.status_transitions.deactivated_at) == ("inactive", off.updated)
    assert [m.id for m in stripe.billing.Meter.list(status="inactive").data] == [made.id]
    assert stripe.billing.Meter.list(status="active").data == []
    assert stripe.billing.Meter.reactivate(made.id).status == "active"
    assert [event["type"] for event in account.events("billing.meter.*")] == [
        "billing.meter.created", "billing.meter.updated", "billing.meter.deactivated",
        "billing.meter.reactivated",
    ]  # fmt: skip


def test_only_one_active_meter_has_a_name(account) -> None:
    first = meter()
    assert refused(meter).param == "event_name"
    stripe.billing.Meter.deactivate(first.id)
    second = meter()
    assert refused(stripe.billing.Meter.reactivate, first.id).param == "event_name"
    assert "not active" in str(refused(stripe.billing.Meter.deactivate, first.id))
    assert "active already" in str(refused(stripe.billing.Meter.reactivate, second.id))


@pytest.mark.parametrize(("formula", "used"), [("sum", "7.5"), ("count", "3"), ("last", "4")])
def test_usage_is_computed_by_the_formula_of_the_meter(account, customer, formula, used) -> None:
    made = meter(formula)
    other = stripe.Customer.create().id
    use(customer, "4", NOON - 10)
    use(customer, "1.5", NOON - 20)
    use(customer, 2, NOON - 30)
    use(customer, 100, NOON)  # the end is not in it
    use(other, 100, NOON - 10)
    assert usage(account, made, customer, NOON - 30, NOON) == Decimal(used)
    assert usage(account, made, customer, NOON - 3600, NOON - 30) == 0
    [summary] = summaries(made, customer, NOON - HOUR, NOON)
    assert summary.aggregated_value == float(used)
    assert (summary.meter, summary.start_time, summary.end_time) == (made.id, NOON - HOUR, NOON)


def test_usage_adds_up_over_any_windows(account, customer) -> None:
    random = new_random()
    made = meter()
    exact = Decimal(0)
    for _ in range(60):
        value = Decimal(random.randint(-500, 5000)) / 100
        use(customer, value, NOON - random.randint(1, 3 * DAY))
        exact += value
    start, end = NOON - 4 * DAY, NOON + HOUR
    assert usage(account, made, customer, start, end) == exact
    edges = sorted({start, end, *(random.randint(start, end) for _ in range(5))})
    parts = [usage(account, made, customer, *pair) for pair in itertools.pairwise(edges)]
    assert sum(parts) == exact
    by_hour = summaries(made, customer, start, end, value_grouping_window="hour", limit=100)
    assert round(sum(one.aggregated_value for one in by_hour), 6) == float(exact)
    assert [one.start_time for one in by_hour] == sorted(
        (one.start_time for one in by_hour), reverse=True
    )
    page = stripe.billing.Meter.list_event_summaries(
        made.id, customer=customer, start_time=start, end_time=end, value_grouping_window="hour",
        limit=1,
    )  # fmt: skip
    assert [one.id for one in page.auto_paging_iter()] == [one.id for one in by_hour]


def test_an_event_says_what_it_was_told_and_makes_up_an_identifier(account, customer) -> None:
    meter(customer_mapping={"type": "by_id", "event_payload_key": "who"},
          value_settings={"event_payload_key": "calls"})  # fmt: skip
    payload = {"who": customer, "calls": "3", "model": "fast"}
    made = stripe.billing.MeterEvent.create(event_name="calls", payload=payload)
    assert (made.object, made.created, made.timestamp) == ("billing.meter_event", NOON, NOON)
    assert made.payload.to_dict() == payload
    assert made.identifier
    assert "id" not in made


def test_an_identifier_counts_once(account, customer) -> None:
    made = meter()
    use(customer, 1, identifier="one")
    error = refused(use, customer, 1, identifier="one")
    assert str(error).endswith("An event already exists with identifier one.")
    assert (error.http_status, error.code) == (400, None)
    assert usage(account, made, customer, 0, NOON + 1) == 1


def test_an_event_that_was_an_error_is_taken_back_within_a_day(account, customer) -> None:
    made = meter()
    use(customer, 5, identifier="wrong")
    use(customer, 2, identifier="old")
    cancel = stripe.billing.MeterEventAdjustment.create
    done = cancel(event_name="calls", type="cancel", cancel={"identifier": "wrong"})
    assert (done.status, done.cancel.identifier) == ("complete", "wrong")
    assert usage(account, made, customer, 0, NOON + 1) == 2
    assert refused(use, customer, 5, identifier="wrong")  # it stays taken
    account.advance(days=2)
    for identifier, name, said in (
        ("wrong", "calls", "No such"), ("no", "calls", "No such"), ("old", "other", "No such"),
        ("old", "calls", "24 hours"),
    ):  # fmt: skip
        error = refused(cancel, event_name=name, type="cancel", cancel={"identifier": identifier})
        assert said in str(error)
    assert refused(cancel, event_name="calls", type="cancel").param == "cancel[identifier]"


@pytest.mark.parametrize(
    ("wrong", "param", "said"),
    [
        ({"event_name": "nope"}, "event_name", 'No active meter found for event name "nope"'),
        ({"payload": {"value": "1"}}, "payload[stripe_customer_id]", "names no customer"),
        ({"payload": {"stripe_customer_id": "cus_no", "value": "1"}},
         "payload[stripe_customer_id]", "No such customer"),
        ({"value": "many"}, "payload[value]", "is no number"),
        ({"value": "nan"}, "payload[value]", "is no number"),
        ({"value": "Infinity"}, "payload[value]", "is no number"),
        ({"value": "1234567890123456"}, "payload[value]", "more than 15 digits"),
        ({"value": "1e15"}, "payload[value]", "more than 15 digits"),
        ({"value": "1e-16"}, "payload[value]", "more than 15 digits"),
        ({"timestamp": NOON + 301}, "timestamp", "5 minutes ahead"),
        ({"timestamp": NOON - 36 * DAY}, "timestamp", "35 days before"),
    ],
)  # fmt: skip
def test_what_cannot_be_counted_is_refused(account, customer, wrong, param, said) -> None:
    meter()
    payload = {"stripe_customer_id": customer, "value": wrong.get("value", "1")}
    asked = {"event_name": "calls", "payload": payload, **wrong}
    asked.pop("value", None)
    error = refused(stripe.billing.MeterEvent.create, **asked)
    assert error.param == param
    assert said in str(error)


def test_a_meter_that_is_off_takes_no_events(account, customer) -> None:
    made = meter()
    use(customer, 1)
    stripe.billing.Meter.deactivate(made.id)
    assert refused(use, customer, 1).param == "event_name"
    assert usage(account, made, customer, 0, NOON + 1) == 1


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"start_time": NOON - 1}, "start_time"),
        ({"end_time": NOON + 30}, "end_time"),
        ({"start_time": NOON, "end_time": NOON}, "end_time"),
        ({"start_time": NOON + 60, "end_time": NOON}, "end_time"),
        ({"value_grouping_window": "day"}, "start_time"),
        ({"customer": "cus_no"}, "customer"),
    ],
)
def test_a_summary_is_of_whole_minutes(account, customer, asked, param) -> None:
    made = meter()
    wanted = {"customer": customer, "start_time": NOON - HOUR, "end_time": NOON, **asked}
    error = refused(stripe.billing.Meter.list_event_summaries, made.id, **wanted)
    assert error.param == param


def test_a_customer_on_a_test_clock_uses_at_its_time(account, customer) -> None:
    later = NOON + 100 * DAY
    clock = stripe.test_helpers.TestClock.create(frozen_time=later)
    theirs = stripe.Customer.create(test_clock=clock.id).id
    made = meter()
    payload = {"stripe_customer_id": theirs, "value": "3"}
    event = stripe.billing.MeterEvent.create(event_name="calls", payload=payload)
    assert event.timestamp == later
    assert refused(use, theirs, 1, NOON).param == "timestamp"
    assert usage(account, made, theirs, later, later + 1) == 3


def test_a_price_is_of_a_meter_that_is_there(account, customer) -> None:
    made = meter()
    price = {
        "currency": "usd", "unit_amount": 5, "product_data": {"name": "Calls"},
        "recurring": {"interval": "month", "usage_type": "metered", "meter": made.id},
    }  # fmt: skip
    assert stripe.Price.create(**price).recurring.meter == made.id
    for change, param in (
        ({"meter": "mtr_no"}, "recurring[meter]"), ({"usage_type": "licensed"}, "recurring[meter]"),
    ):  # fmt: skip
        recurring = {**price["recurring"], **change}  # type: ignore[dict-item]
        assert refused(stripe.Price.create, **{**price, "recurring": recurring}).param == param
