"""The finders of every table: which there are, and what each finds.

The rows of `resources.tsv` beside this file say what is expected; the library has its own list.
"""

from __future__ import annotations

import pytest

import tiger
from tests.support.records import ids


def test_a_table_has_exactly_the_finders_of_its_row(shared_store, resource, resources) -> None:
    table = shared_store.table(resource.table)
    fields = {field for row in resources for field in row.finder_fields}
    assert {field for field in fields if hasattr(table, f"find_by_{field}")} == set(
        resource.finder_fields
    )
    if resource.active is None:
        with pytest.raises(AttributeError):
            table.find_active()
    else:
        assert table.find_active() == []


def test_each_finder_finds_equal_values_newest_first(shared_store, resource) -> None:
    table = shared_store.table(resource.table)
    for field in resource.finder_fields:
        for number, value in enumerate(["x", "y", "x", None, "x"]):
            table.insert({"id": f"{field}{number}", "created": number, field: value})
        table.insert({"id": f"{field} without", "created": 9})

        find = getattr(table, f"find_by_{field}")
        assert ids(find("x")) == [f"{field}4", f"{field}2", f"{field}0"]
        assert find("x") == table.find_by(field, "x")
        assert find("y") == [{"id": f"{field}1", "created": 1, field: "y"}]
        assert find("nobody") == []
        assert ids(find(None)) == [f"{field}3"]


def test_find_active_finds_the_active_values_only(shared_store, active_resource) -> None:
    """By exact type: neither 1 nor "true" is true."""
    table = shared_store.table(active_resource.table)
    field, active = active_resource.active
    others = ["true", 1, 1.0, None, "inactive", "ACTIVE", False, "disabled", [*active]]
    values = [*active, *others, *active]
    for created, value in enumerate(values):
        table.insert({"id": f"r{created}", "created": created, field: value})
    table.insert({"id": "without"})

    newest_first = range(len(values) - 1, -1, -1)
    expected = [n for n in newest_first if n < len(active) or n >= len(active) + len(others)]
    assert ids(table.find_active()) == [f"r{n}" for n in expected]


FINDERS = [
    ("plans", "find_by_product", "product", "prod_1"),
    ("checkout_sessions", "find_by_customer", "customer", "cus_1"),
    ("events", "find_by_type", "type", "invoice.paid"),
    ("charges", "find_by_payment_intent", "payment_intent", "pi_1"),
]


@pytest.mark.parametrize(("table", "finder", "field", "value"), FINDERS)
def test_a_finder_stays_within_its_namespace(
    shared_store, other_store, table, finder, field, value
) -> None:
    shared_store.table(table).insert({"id": "here", field: value})
    other_store.table(table).insert({"id": "there", field: value})
    assert ids(getattr(shared_store.table(table), finder)(value)) == ["here"]
    assert ids(getattr(other_store.table(table), finder)(value)) == ["there"]


def test_find_active_stays_within_its_namespace(shared_store, other_store) -> None:
    shared_store.coupons.insert({"id": "here", "valid": True})
    other_store.coupons.insert({"id": "there", "valid": True})
    assert ids(shared_store.coupons.find_active()) == ["here"]


@pytest.mark.parametrize("field", ["status", "description"])
def test_find_by_takes_any_field_indexed_or_not(shared_store, field: str) -> None:
    payouts = shared_store.payouts
    for number, value in enumerate(["x", "y", "x"]):
        payouts.insert({"id": f"r{number}", "created": number, field: value})
    payouts.insert({"id": "without", "created": 9})
    assert ids(payouts.find_by(field, "x")) == ["r2", "r0"]
    assert payouts.find_by(field, None) == []


LONG = "é" * 2_000
VALUES = [True, 1, 1.0, "1", False, 0, 0.5, None, "", [], {}, [1], {"a": 1}, LONG, LONG + "!"]


@pytest.mark.parametrize("field", ["status", "description"])
def test_find_by_tells_values_apart_by_exact_type(shared_store, field: str) -> None:
    payouts = shared_store.payouts
    for number, value in enumerate(VALUES):
        payouts.insert({"id": f"r{number}", field: value})
    for number, value in enumerate(VALUES):
        assert ids(payouts.find_by(field, value)) == [f"r{number}"], repr(value)[:20]


def test_a_finder_gives_more_than_a_page(shared_store) -> None:
    events = shared_store.events
    events.insert_many(
        {"id": f"e{n}", "created": n, "type": "a" if n % 3 else "b"} for n in range(600)
    )
    expected = [f"e{n}" for n in range(599, -1, -1) if n % 3]
    assert ids(events.find_by_type("a")) == expected


def test_a_finder_gives_a_list_of_the_callers_own(shared_store) -> None:
    plans = shared_store.plans
    plans.insert({"id": "gold", "product": "prod_1", "metadata": {"k": "v"}})
    found = plans.find_by_product("prod_1")
    assert type(found) is list
    found[0]["metadata"]["k"] = "mine"
    assert plans.find_by_product("prod_1")[0]["metadata"] == {"k": "v"}


def test_a_finder_follows_every_kind_of_write(shared_store, second_store) -> None:
    """Held against another connection, which sees the same."""
    plans, elsewhere = shared_store.plans, second_store.plans

    def found(product: str) -> list[str]:
        assert elsewhere.find_by_product(product) == plans.find_by_product(product)
        return ids(plans.find_by_product(product))

    plans.insert({"id": "a", "created": 1, "product": "p"})
    plans.insert({"id": "b", "created": 2, "product": "p"})
    assert found("p") == ["b", "a"]
    plans.update({"id": "a", "created": 3, "product": "p"})
    assert found("p") == ["a", "b"]
    plans.update({"id": "a", "created": 3, "product": "q"})
    assert (found("p"), found("q")) == (["b"], ["a"])
    plans.patch("a", {"product": None})
    assert found("q") == []
    plans.insert({"id": "a", "product": "p"})
    assert found("p") == ["b", "a"]
    plans.delete("b")
    assert found("p") == ["a"]
    plans.insert({"id": "b", "product": "p"})
    assert found("p") == ["b", "a"]
    plans.clear_namespace(shared_store.current_namespace)
    assert found("p") == []
    plans.insert({"id": "c", "product": "p"})
    assert found("p") == ["c"]


def test_webhook_endpoints_are_webhooks_by_another_name(shared_store, shared_connection) -> None:
    assert shared_store.webhook_endpoints is shared_store.webhooks
    assert shared_store.table("webhook_endpoints") is shared_store.webhooks
    mark = shared_store.mark()
    with shared_store.batch() as batch:
        batch.webhook_endpoints.insert({"id": "we_1", "status": "enabled"})
    assert ids(shared_store.webhooks.find_active()) == ["we_1"]
    with shared_store.snapshot() as view:
        assert view.webhook_endpoints.count() == 1
    shared_store.assert_changes(since=mark, created={"webhook_endpoints": 1})
    assert "webhook_endpoints" not in shared_store.tables()
    with pytest.raises(tiger.InvalidRequest, match="built in"):
        shared_connection.define("webhook_endpoints")
