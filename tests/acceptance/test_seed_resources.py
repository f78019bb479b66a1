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


def seed_of(
    names: tuple[str, str, str], kind: str, records: dict[str, dict[str, Any]], *finder: Any
) -> Seed:
    """Return a seed whose records are made one after the other; `found` comes last."""
    made = [
        {"id": id, "object": kind, "created": 100 * number, **fields}
        for number, (id, fields) in enumerate(records.items(), start=1)
    ]
    name, *argument, found = finder
    return Seed(*names, made, name, tuple(argument), found)


SEEDS = [
    seed_of(
        ("coupons", "coupon", "/v1/coupons"),
        "coupon",
        {
            "SUMMER": {"percent_off": 20, "valid": True, "duration": "once"},
            "EXPIRED": {"amount_off": 500, "valid": False, "currency": "usd"},
            "FRIENDS": {"percent_off": 12.5, "valid": True, "metadata": {}},
        },
        "find_active",
        [2, 0],
    ),
    seed_of(
        ("plans", "plan", "/v1/plans"),
        "plan",
        {
            "gold": {"product": "prod_1", "active": True, "amount": 2000},
            "silver": {"product": "prod_1", "active": False},
            "api": {"product": "prod_2", "active": True, "tiers": None},
        },
        "find_by_product",
        "prod_1",
        [1, 0],
    ),
    seed_of(
        ("checkout_sessions", "cs", "/v1/checkout/sessions"),
        "checkout.session",
        {
            "cs_a": {"customer": "cus_1", "status": "open"},
            "cs_b": {"customer": None, "status": "open"},
            "cs_c": {"customer": "cus_1", "url": "https://x"},
        },
        "find_by_customer",
        "cus_1",
        [2, 0],
    ),
    seed_of(
        ("events", "evt", "/v1/events"),
        "event",
        {
            "evt_a": {"type": "invoice.paid", "data": {"object": {}}},
            "evt_b": {"type": "customer.created"},
            "evt_c": {"type": "invoice.paid"},
        },
        "find_by_type",
        "invoice.paid",
        [2, 0],
    ),
    seed_of(
        ("webhooks", "we", "/v1/webhook_endpoints"),
        "webhook_endpoint",
        {
            "we_a": {"status": "enabled", "url": "https://a"},
            "we_b": {"status": "disabled"},
            "we_c": {"status": "enabled", "enabled_events": ["*"]},
        },
        "find_active",
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
