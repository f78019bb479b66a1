"""The five resources that came first, with every call of theirs, told as their users use them."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest


class Seed(NamedTuple):
    """A resource, three of its records oldest first, and what its own finder finds."""

    table: str
    prefix: str
    url: str
    records: list[dict[str, Any]]
    finder: str
    argument: tuple[Any, ...]
    found: list[int]


SEEDS = [
    Seed(
        "coupons",
        "coupon",
        "/v1/coupons",
        [
            {
                "id": "SUMMER",
                "object": "coupon",
                "created": 100,
                "percent_off": 20,
                "valid": True,
                "duration": "once",
            },
            {
                "id": "EXPIRED",
                "object": "coupon",
                "created": 200,
                "amount_off": 500,
                "valid": False,
                "currency": "usd",
            },
            {
                "id": "FRIENDS",
                "object": "coupon",
                "created": 300,
                "percent_off": 12.5,
                "valid": True,
                "metadata": {},
            },
        ],
        "find_active",
        (),
        [2, 0],
    ),
    Seed(
        "plans",
        "plan",
        "/v1/plans",
        [
            {
                "id": "gold",
                "object": "plan",
                "created": 100,
                "product": "prod_1",
                "active": True,
                "amount": 2000,
            },
            {
                "id": "silver",
                "object": "plan",
                "created": 200,
                "product": "prod_1",
                "active": False,
            },
            {
                "id": "api",
                "object": "plan",
                "created": 300,
                "product": "prod_2",
                "active": True,
                "tiers": None,
            },
        ],
        "find_by_product",
        ("prod_1",),
        [1, 0],
    ),
    Seed(
        "checkout_sessions",
        "cs",
        "/v1/checkout/sessions",
        [
            {
                "id": "cs_a",
                "object": "checkout.session",
                "created": 100,
                "customer": "cus_1",
                "status": "open",
            },
            {
                "id": "cs_b",
                "object": "checkout.session",
                "created": 200,
                "customer": None,
                "status": "open",
            },
            {
                "id": "cs_c",
                "object": "checkout.session",
                "created": 300,
                "customer": "cus_1",
                "url": "https://x",
            },
        ],
        "find_by_customer",
        ("cus_1",),
        [2, 0],
    ),
    Seed(
        "events",
        "evt",
        "/v1/events",
        [
            {
                "id": "evt_a",
                "object": "event",
                "created": 100,
                "type": "invoice.paid",
                "data": {"object": {}},
            },
            {"id": "evt_b", "object": "event", "created": 200, "type": "customer.created"},
            {"id": "evt_c", "object": "event", "created": 300, "type": "invoice.paid"},
        ],
        "find_by_type",
        ("invoice.paid",),
        [2, 0],
    ),
    Seed(
        "webhooks",
        "we",
        "/v1/webhook_endpoints",
        [
            {
                "id": "we_a",
                "object": "webhook_endpoint",
                "created": 100,
                "status": "enabled",
                "url": "https://a",
            },
            {"id": "we_b", "object": "webhook_endpoint", "created": 200, "status": "disabled"},
            {
                "id": "we_c",
                "object": "webhook_endpoint",
                "created": 300,
                "status": "enabled",
                "enabled_events": ["*"],
            },
        ],
        "find_active",
        (),
        [2, 0],
    ),
]


@pytest.fixture(params=SEEDS, ids=[seed.table for seed in SEEDS])
def seed(request: pytest.FixtureRequest) -> Seed:
    return request.param


@pytest.fixture
def table(shared_store, seed: Seed):
    """The seed's table with its records."""
    table = getattr(shared_store, seed.table)
    for record in seed.records:
        table.insert(record)
    return table


def test_names(table, seed: Seed) -> None:
    assert (table.table_name, table.prefix, table.url) == (seed.table, seed.prefix, seed.url)


def test_get(table, seed: Seed) -> None:
    assert [table.get(record["id"]) for record in seed.records] == seed.records


def test_insert_makes_an_id(table, seed: Seed) -> None:
    made = table.insert({"object": seed.records[0]["object"], "created": 400})
    assert made["id"].startswith(seed.prefix + "_")
    assert table.list(limit=1).data == [made]


def test_update(table, seed: Seed) -> None:
    changed = {**seed.records[0], "livemode": True}
    assert table.update(changed) == changed
    assert table.get(changed["id"]) == changed
    assert table.count() == 3


def test_delete(table, seed: Seed) -> None:
    assert table.delete(seed.records[1]["id"]) is True
    assert table.delete(seed.records[1]["id"]) is False
    assert table.list().data == [seed.records[2], seed.records[0]]


def test_list(table, seed: Seed) -> None:
    assert table.list().to_dict() == {
        "object": "list",
        "data": seed.records[::-1],
        "has_more": False,
        "url": seed.url,
    }


def test_count(table, seed: Seed) -> None:
    assert table.count() == len(seed.records)


def test_clear_namespace_and_list_namespace(table, shared_store, seed: Seed) -> None:
    here = shared_store.current_namespace
    listed = table.list_namespace(here)
    assert sorted(listed, key=lambda record: record["created"]) == seed.records
    table.clear_namespace(here)
    assert table.list_namespace(here) == []
    assert table.count() == 0


def test_clear(store, seed: Seed) -> None:
    """It empties the table in every namespace, so it has an instance of its own."""
    tables = [getattr(place, seed.table) for place in (store, store.namespace("other"))]
    for table in tables:
        table.insert(seed.records[0])
    tables[0].clear()
    assert [table.count() for table in tables] == [0, 0]


def test_its_own_finder(table, seed: Seed) -> None:
    found = getattr(table, seed.finder)(*seed.argument)
    assert found == [seed.records[number] for number in seed.found]


def test_plans_find_active(shared_store) -> None:
    """Plans have two finders."""
    for record in SEEDS[1].records:
        shared_store.plans.insert(record)
    assert [plan["id"] for plan in shared_store.plans.find_active()] == ["api", "gold"]


def test_all_five_share_a_namespace_and_are_cleared_together(shared_store) -> None:
    for seed in SEEDS:
        shared_store.table(seed.table).insert_many(seed.records)
    assert [shared_store.table(seed.table).count() for seed in SEEDS] == [3] * 5
    shared_store.clear_namespace()
    assert [shared_store.table(seed.table).count() for seed in SEEDS] == [0] * 5
