"""`tiger.connect` and the calls of `Store`; batch, snapshot and define have their own files."""

from __future__ import annotations

import gc
import inspect
import os
import stat
from typing import Any

import pytest

import tiger
from scripts import pages
from tests.support.records import coupon

# connect


def test_connect_starts_a_daemon_where_none_runs(directory: str, tigerd) -> None:
    assert tigerd("status", directory=directory).returncode == 1
    with tiger.connect(directory) as store:
        assert store.ping()["pid"] > 0
    assert tigerd("status", directory=directory).returncode == 0


def test_connect_uses_the_daemon_that_runs(store, directory: str) -> None:
    with tiger.connect(directory) as second:
        assert second.ping()["pid"] == store.ping()["pid"]


def test_connect_makes_the_directory_for_its_owner_alone(directory: str) -> None:
    place = os.path.join(directory, "new")
    with tiger.connect(place) as store:
        store.ping()
        assert stat.S_IMODE(os.stat(place).st_mode) == 0o700


def test_connect_without_autostart_needs_an_instance(directory: str) -> None:
    with pytest.raises(tiger.DaemonUnavailable, match="tigerd start"):
        tiger.connect(directory, autostart=False)
    assert os.listdir(directory) == []


def test_connect_finds_the_directory_in_the_environment(
    directory: str, store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.coupons.insert(coupon("A"))
    monkeypatch.setenv("TIGERD_DIR", directory)
    with tiger.connect() as found:
        assert found.coupons.get("A") == coupon("A")


@pytest.mark.parametrize("name", ["", "\0", "~nobody-of-this-name/x", 5, b"\xff"])
def test_a_value_that_names_no_directory_is_refused(
    directory: str, monkeypatch: pytest.MonkeyPatch, name: Any
) -> None:
    """Nothing is started at the default, nor in the current directory, nor in a folder named ~."""
    monkeypatch.setenv("TIGERD_DIR", directory)
    with pytest.raises(tiger.InvalidRequest, match="directory"):
        tiger.connect(name)
    assert os.listdir(directory) == []


def test_the_directory_argument_wins_over_the_environment(
    directory: str, store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIGERD_DIR", os.path.join(directory, "elsewhere"))
    with tiger.connect(directory) as found:
        assert found.ping()["pid"] == store.ping()["pid"]
    assert not os.path.exists(os.path.join(directory, "elsewhere"))


def test_connect_looks_below_the_runtime_directory(
    directory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where neither argument nor TIGERD_DIR says otherwise: $XDG_RUNTIME_DIR/tigerd."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", directory)
    place = os.path.join(directory, "tigerd")
    with tiger.connect() as store:
        store.ping()
        assert os.path.isdir(place)


# namespaces


def test_the_namespace_is_global_unless_told(store) -> None:
    assert store.current_namespace == "global"


def test_the_namespace_is_found_in_the_environment(
    shared_directory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIGERD_NAMESPACE", "from-environment")
    with tiger.connect(shared_directory) as store:
        assert store.current_namespace == "from-environment"
    with tiger.connect(shared_directory, namespace="from-argument") as store:
        assert store.current_namespace == "from-argument"


def test_namespaces_do_not_see_each_other(shared_store) -> None:
    here = shared_store.current_namespace
    other = shared_store.namespace(here + "-other")
    shared_store.coupons.insert(coupon("A", name="here"))
    other.coupons.insert(coupon("A", name="other"))
    other.coupons.insert(coupon("B"))

    assert other.current_namespace == here + "-other"
    assert shared_store.current_namespace == here
    assert shared_store.coupons.get("A")["name"] == "here"
    assert other.coupons.get("A")["name"] == "other"
    assert "B" not in shared_store.coupons
    assert (shared_store.coupons.count(), other.coupons.count()) == (1, 2)

    other.clear_namespace()
    assert shared_store.coupons.get("A")["name"] == "here"


def test_namespaces_counts_the_records_of_each(store) -> None:
    store.coupons.insert(coupon("A"))
    store.plans.insert({"id": "gold"})
    store.namespace("other").coupons.insert(coupon("A"))
    assert store.namespaces() == {"global": 2, "other": 1}


@pytest.mark.parametrize(
    "name", ["a", "é" * 127, "x" * 255, "with space", "a/b", "../up", "_", "*", "📎"]
)
def test_any_name_within_the_limits_names_a_namespace(shared_store, name: str) -> None:
    named = shared_store.namespace(name)
    named.coupons.insert(coupon("A", name=name))
    assert named.coupons.get("A")["name"] == name
    assert [record["id"] for record in named.coupons.list()] == ["A"]
    assert shared_store.coupons.count() == 0
    named.clear_namespace()
    assert "A" not in named.coupons


def test_clear_namespace_clears_it_in_all_tables_and_no_other(shared_store, other_store) -> None:
    for place in (shared_store, other_store):
        place.coupons.insert(coupon("A"))
        place.plans.insert({"id": "gold", "product": "prod_1", "active": True})

    shared_store.clear_namespace()

    assert shared_store.coupons.count() == shared_store.plans.count() == 0
    assert shared_store.plans.find_by_product("prod_1") == []
    assert shared_store.coupons.get("A", None) is None
    assert other_store.coupons.count() == other_store.plans.count() == 1


def test_clear_namespace_clears_the_one_that_is_named(shared_store, other_store) -> None:
    name = other_store.current_namespace
    shared_store.coupons.insert(coupon("A"))
    other_store.coupons.insert(coupon("A"))

    shared_store.clear_namespace(name)

    assert other_store.coupons.count() == 0
    assert shared_store.coupons.count() == 1


def test_a_namespace_can_be_used_again_after_it_was_cleared(shared_store) -> None:
    for turn in range(3):
        assert shared_store.coupons.count() == 0
        shared_store.coupons.insert(coupon("A", turn=turn))
        assert shared_store.coupons.get("A")["turn"] == turn
        shared_store.clear_namespace()


# sandboxes


def test_a_sandbox_is_empty_unique_and_cleared_at_exit(shared_store) -> None:
    with shared_store.sandbox() as first, shared_store.sandbox() as second:
        names = {place.current_namespace for place in (shared_store, first, second)}
        assert len(names) == 3
        first.coupons.insert(coupon("A"))
        assert second.coupons.count() == 0
        left = first.current_namespace
    assert shared_store.namespace(left).coupons.count() == 0


def test_a_sandbox_is_cleared_when_its_block_raises(shared_store) -> None:
    with pytest.raises(RuntimeError, match="the test failed"), shared_store.sandbox() as test:  # noqa: PT012
        test.coupons.insert(coupon("A"))
        left = test.current_namespace
        raise RuntimeError("the test failed")
    assert shared_store.namespace(left).coupons.count() == 0


def test_a_named_sandbox_still_has_a_name_of_its_own(shared_store) -> None:
    with shared_store.sandbox("checkout") as first, shared_store.sandbox("checkout") as second:
        assert "checkout" in first.current_namespace
        assert "checkout" in second.current_namespace
        assert first.current_namespace != second.current_namespace


def test_a_sandbox_does_not_close_the_store(shared_store) -> None:
    with shared_store.sandbox() as test:
        test.coupons.insert(coupon("A"))
    shared_store.coupons.insert(coupon("B"))
    assert shared_store.coupons.count() == 1


# tables


def test_every_resource_is_a_table(shared_store, resource) -> None:
    table = getattr(shared_store, resource.table)
    assert table.table_name == resource.table
    assert table.prefix == resource.prefix
    assert table.url == resource.url
    assert shared_store.table(resource.table).table_name == resource.table


def test_tables_lists_every_resource(store, resources) -> None:
    assert sorted(store.tables()) == sorted(row.table for row in resources)


def test_every_table_keeps_its_records_apart(shared_store, resources) -> None:
    for row in resources:
        shared_store.table(row.table).insert({"id": "same", "object": row.object})
    for row in resources:
        table = shared_store.table(row.table)
        assert table.get("same") == {"id": "same", "object": row.object}
        assert table.count() == 1


# ping and close


def test_ping_tells_about_the_daemon(shared_store, is_alive) -> None:
    answer = shared_store.ping()
    assert is_alive(answer["pid"])
    assert isinstance(answer["version"], str)
    assert answer["version"]
    assert isinstance(answer["commit"], int)
    assert answer["uptime_s"] >= 0


def test_the_commit_number_grows_by_one_with_each_write_and_with_no_read(shared_store) -> None:
    before = shared_store.ping()["commit"]
    shared_store.coupons.insert(coupon("A"))
    assert shared_store.ping()["commit"] == before + 1
    shared_store.coupons.patch("A", {"name": "x"})
    assert shared_store.ping()["commit"] == before + 2
    shared_store.coupons.list()
    shared_store.coupons.get("A")
    assert shared_store.ping()["commit"] == before + 2


def test_the_commit_number_and_the_records_survive_a_restart(store, directory, tigerd) -> None:
    store.coupons.insert(coupon("A"))
    before = store.ping()
    assert tigerd("restart", directory=directory).returncode == 0
    with tiger.connect(directory) as again:
        after = again.ping()
        assert after["pid"] != before["pid"]
        assert after["commit"] >= before["commit"]
        assert again.coupons.get("A") == coupon("A")


def test_close_is_idempotent_and_leaves_the_daemon_running(directory: str) -> None:
    store = tiger.connect(directory)
    store.ping()
    store.close()
    store.close()
    with tiger.connect(directory, autostart=False) as again:
        assert again.ping()["pid"] > 0


NEITHER_READ_NOR_WRITE = {
    *("batch", "close", "current_namespace", "directory", "environment", "instance", "is_account"),
    *("namespace", "prefix", "table_name", "url"),
}
TABLES = {
    "find_scheduled": "subscription_schedules",
    "find_active_by_code": "promotion_codes",
    "get_all": "webhook_deliveries",
    "get_by_type": "webhook_deliveries",
    "all": "invoices",
    "delete_by_subscription": "subscription_items",
}
"""The tables that have a call, where `coupons` has not."""


def use(value: Any, arguments: dict[str, Any]) -> None:
    """Do what an attribute does: call it with what it needs, enter its block, begin to iterate."""
    parameters = inspect.signature(value).parameters.values()
    result = value(*(arguments[each.name] for each in parameters if each.name in arguments))
    if hasattr(result, "__enter__"):
        with result:
            pass
    elif hasattr(result, "__next__"):
        next(result)


@pytest.mark.parametrize("is_owner", [True, False])
@pytest.mark.parametrize(
    ("kind", "call"),
    [
        (kind, name)
        for kind in (tiger.Store, tiger.Table)
        for name, _ in pages.members(kind)
        if name not in NEITHER_READ_NOR_WRITE
    ],
)
def test_each_read_and_write_says_that_its_store_is_closed(
    shared_directory: str, kind: type, call: str, is_owner: bool
) -> None:
    owner = tiger.connect(shared_directory)
    store = owner if is_owner else owner.namespace("other")
    arguments = {
        "changes": {"valid": True},
        "code": "A",
        "field": "product",
        "function": dict,
        "id": "A",
        "item": coupon("A"),
        "items": [coupon("A")],
        "mark": store.mark(),
        "name": "notes",
        "pattern": "*",
        "value": "A",
    }
    used = getattr(store.table(TABLES.get(call, "coupons")) if kind is tiger.Table else store, call)
    owner.close()
    with pytest.raises(tiger.InvalidRequest, match="the store is closed: connect again"):
        use(used, arguments)


def test_a_closed_store_and_an_ended_snapshot_say_so_of_a_users_own_table(directory: str) -> None:
    store = tiger.connect(directory)
    store.define("notes")
    with store.snapshot() as view:
        pass
    with pytest.raises(tiger.InvalidRequest):
        _ = view.notes
    store.close()
    with pytest.raises(tiger.InvalidRequest, match="closed"):
        store.table("notes")


def test_a_forgotten_store_warns(shared_directory: str) -> None:
    forgotten = [tiger.connect(shared_directory)]
    with pytest.warns(ResourceWarning, match="close"):  # noqa: PT031
        forgotten.clear()
        gc.collect()


def test_one_connection_may_be_closed_while_another_is_used(shared_directory: str) -> None:
    with tiger.connect(shared_directory) as kept, kept.sandbox() as test:
        test.coupons.insert(coupon("A"))
        with tiger.connect(shared_directory) as closed:
            closed.ping()
        assert test.coupons.get("A") == coupon("A")
        test.coupons.insert(coupon("B"))
        assert test.coupons.count() == 2
