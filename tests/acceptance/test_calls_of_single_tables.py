"""Calls that one table has and others have not, as the system followed has them."""

from __future__ import annotations

import pytest

import tiger
from tests.support.records import ids


def test_scheduled_are_the_schedules_that_have_not_started(shared_store) -> None:
    schedules = shared_store.subscription_schedules
    for n, status in enumerate(["not_started", "active", "canceled", "not_started"]):
        schedules.insert({"id": f"s{n}", "created": n, "status": status})
    assert ids(schedules.find_scheduled()) == ["s3", "s0"]
    assert ids(schedules.find_active()) == ["s3", "s1", "s0"]


def test_an_active_code_is_found_whatever_its_case(shared_store) -> None:
    codes = shared_store.promotion_codes
    codes.insert({"id": "p1", "code": "Summer", "active": True})
    codes.insert({"id": "p2", "code": "SUMMER", "active": False})
    codes.insert({"id": "p3", "code": "winter", "active": True})
    assert ids(codes.find_active_by_code("sUMMER")) == ["p1"]


def test_items_are_deleted_by_their_subscription(shared_store, other_store) -> None:
    items = shared_store.subscription_items
    for n in range(6):
        items.insert({"id": f"i{n}", "subscription": f"sub_{n % 2}"})
    other_store.subscription_items.insert({"id": "i0", "subscription": "sub_0"})
    items.delete_by_subscription("sub_0")
    assert ids(items) == ["i5", "i3", "i1"]
    assert items.find_by_subscription("sub_0") == []
    assert other_store.subscription_items.count() == 1
    items.delete_by_subscription("sub_none")
    assert items.count() == 3


def test_deliveries_come_oldest_first_and_match_the_start_of_a_type(shared_store) -> None:
    deliveries = shared_store.webhook_deliveries
    for n, kind in enumerate(["invoice.paid", "invoice.created", "charge.failed", "invoice.paid"]):
        deliveries.insert({"id": f"d{n}", "created": 7, "event_type": kind})
    assert ids(deliveries.get_all()) == ["d0", "d1", "d2", "d3"]
    assert ids(deliveries.get_by_type("invoice.*")) == ["d0", "d1", "d3"]
    assert ids(deliveries.get_by_type("invoice.paid")) == ["d0", "d3"]
    assert deliveries.get_by_type("invoice") == []


def test_all_invoices_are_those_of_the_namespace(shared_store, other_store) -> None:
    shared_store.invoices.insert_many({"id": f"in_{n}", "created": n} for n in range(150))
    other_store.invoices.insert({"id": "elsewhere"})
    assert ids(shared_store.invoices.all()) == [f"in_{n}" for n in reversed(range(150))]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("find_scheduled", ()),
        ("find_active_by_code", ("x",)),
        ("delete_by_subscription", ("x",)),
        ("get_all", ()),
        ("get_by_type", ("x",)),
        ("all", ()),
        ("find_active", ()),
    ],
)
def test_other_tables_have_none_of_these(shared_store, name: str, arguments: tuple) -> None:
    with pytest.raises((AttributeError, tiger.TigerError)):
        getattr(shared_store.tokens, name)(*arguments)
