"""The calls of `Table`; `list` and the finders have files of their own."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

import tiger
from tests.support.records import coupon, exactly


@pytest.fixture
def coupons(shared_store):
    return shared_store.coupons


@pytest.fixture
def seen_elsewhere(second_store):
    """The same table through another connection."""
    return second_store.coupons


# What a record may be

VALUES = [
    None,
    True,
    False,
    0,
    -1,
    2**63 - 1,
    -(2**63),
    2**64 - 1,
    0.0,
    -0.0,
    1.0,
    1e308,
    5e-324,
    "",
    "text",
    "é 漢字 📎 \u0000 \x7f",
    [],
    {},
    [1, 1.0, True, None, [], {}],
    {"": {"a": [{"b": "c"}]}},
    "x" * 100_000,
    list(range(5_000)),
    {str(number): number for number in range(2_000)},
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:24])
def test_every_json_value_comes_back_with_its_exact_type(coupons, seen_elsewhere, value) -> None:
    record = coupon("A", value=value)
    coupons.insert(record)
    assert exactly(coupons.get("A")) == exactly(record)
    assert exactly(seen_elsewhere.get("A")) == exactly(record)


IDS = ["a", "0", " ", "a b", "a/b", "..", "é", "📎", "x" * 255, "é" * 127, "'\"\\", "%s", "_", "*"]


@pytest.mark.parametrize("identity", IDS, ids=ascii)
def test_every_legal_id_names_its_record(coupons, seen_elsewhere, identity: str) -> None:
    coupons.insert(coupon("neighbour"))
    coupons.insert(coupon(identity, name="mine"))
    assert coupons.get(identity)["name"] == "mine"
    assert seen_elsewhere.get(identity)["name"] == "mine"
    assert coupons.list(limit=1, starting_after=identity).data == [coupon("neighbour")]
    assert coupons.delete(identity) is True
    assert identity not in seen_elsewhere
    assert coupons.count() == 1


def test_sixty_four_levels_are_allowed(coupons) -> None:
    """The record itself is the first level."""
    value: Any = "bottom"
    for _ in range(63):
        value = [value]
    coupons.insert(coupon("A", value=value))
    assert coupons.get("A")["value"] == value


# get, [], in, len, iteration


def test_get_returns_the_record(coupons, seen_elsewhere) -> None:
    coupons.insert(coupon("A", percent_off=25.5))
    assert coupons.get("A") == coupon("A", percent_off=25.5)
    assert coupons["A"] == coupon("A", percent_off=25.5)
    assert seen_elsewhere.get("A") == coupon("A", percent_off=25.5)


def test_get_of_a_missing_record_raises_or_gives_the_default(coupons) -> None:
    with pytest.raises(tiger.NotFound):
        coupons.get("A")
    with pytest.raises(KeyError):
        coupons["A"]
    assert coupons.get("A", None) is None
    assert coupons.get("A", {"id": "default"}) == {"id": "default"}


def test_get_gives_a_dict_of_the_callers_own(coupons) -> None:
    coupons.insert(coupon("A", metadata={"tags": ["x"]}))
    first = coupons.get("A")
    first["metadata"]["tags"].append("mine")
    first["name"] = "mine"
    assert type(first) is dict
    assert coupons.get("A") == coupon("A", metadata={"tags": ["x"]})


def test_in_and_len_and_iteration(coupons) -> None:
    assert len(coupons) == 0
    assert list(coupons) == []
    coupons.insert(coupon("A", created=1))
    coupons.insert(coupon("B", created=2))
    assert "A" in coupons
    assert "C" not in coupons
    assert len(coupons) == coupons.count() == 2
    assert [record["id"] for record in coupons] == ["B", "A"]


def test_iteration_gives_all_records_not_a_page(coupons) -> None:
    coupons.insert_many([coupon(f"c{number}", created=number) for number in range(250)])
    assert [record["id"] for record in coupons] == [f"c{number}" for number in range(249, -1, -1)]


# insert, update, create, delete


@pytest.mark.parametrize("call", ["insert", "update", "create"])
def test_a_write_returns_the_record_and_leaves_the_argument_alone(coupons, call: str) -> None:
    item = coupon("A", metadata={"a": [1]})
    before = copy.deepcopy(item)
    returned = getattr(coupons, call)(item)
    assert returned == before
    assert item == before
    returned["metadata"]["a"].append(2)
    item["metadata"]["a"].append(3)
    assert coupons.get("A") == before


@pytest.mark.parametrize("call", ["insert", "update"])
def test_insert_and_update_replace_the_whole_record(coupons, seen_elsewhere, call: str) -> None:
    coupons.insert(coupon("A", name="old", percent_off=10))
    assert seen_elsewhere.get("A")["name"] == "old"
    getattr(coupons, call)(coupon("A", name="new"))
    assert coupons.get("A") == coupon("A", name="new")
    assert seen_elsewhere.get("A") == coupon("A", name="new")
    assert coupons.count() == 1


def test_update_upserts(coupons) -> None:
    assert coupons.update(coupon("A")) == coupon("A")
    assert coupons.get("A") == coupon("A")


def test_create_refuses_an_id_that_exists(coupons) -> None:
    coupons.create(coupon("A", name="first"))
    before = coupons.version("A")
    with pytest.raises(tiger.AlreadyExists, match="A"):
        coupons.create(coupon("A", name="second"))
    assert coupons.get("A")["name"] == "first"
    assert coupons.version("A") == before


def test_create_works_again_after_delete(coupons) -> None:
    coupons.create(coupon("A", name="first"))
    coupons.delete("A")
    coupons.create(coupon("A", name="second"))
    assert coupons.get("A")["name"] == "second"


@pytest.mark.parametrize("call", ["insert", "create"])
def test_a_record_without_id_gets_one_with_the_tables_prefix(shared_store, call, resource) -> None:
    table = shared_store.table(resource.table)
    item = {"object": resource.object}
    made = getattr(table, call)(item)
    assert re.fullmatch(re.escape(resource.prefix) + "_[A-Za-z0-9]{24}", made["id"])
    assert table.get(made["id"]) == {"object": resource.object, "id": made["id"]}
    assert item == {"object": resource.object}


def test_ids_that_are_made_differ(coupons) -> None:
    assert len({coupons.insert({"n": number})["id"] for number in range(200)}) == 200


def test_delete_tells_whether_the_record_was_there(coupons, seen_elsewhere) -> None:
    coupons.insert(coupon("A"))
    assert seen_elsewhere.get("A")
    assert coupons.delete("A") is True
    assert coupons.delete("A") is False
    assert coupons.get("A", None) is None
    assert seen_elsewhere.get("A", None) is None
    assert coupons.count() == 0


# insert_many


def test_insert_many_is_one_commit_and_counts(shared_store) -> None:
    before = shared_store.ping()["commit"]
    written = shared_store.coupons.insert_many(coupon(f"c{number}") for number in range(1_000))
    assert written == 1_000
    assert shared_store.ping()["commit"] == before + 1
    assert shared_store.coupons.count() == 1_000
    assert shared_store.coupons.get("c999") == coupon("c999")


def test_insert_many_of_nothing_writes_nothing(coupons) -> None:
    assert coupons.insert_many([]) == 0
    assert coupons.count() == 0


def test_insert_many_inserts_in_order(coupons) -> None:
    coupons.insert_many([coupon("A"), coupon("B"), coupon("C")])
    assert [record["id"] for record in coupons.list()] == ["C", "B", "A"]


def test_insert_many_replaces_and_makes_ids(coupons) -> None:
    coupons.insert(coupon("A", name="old"))
    assert coupons.insert_many([coupon("A", name="new"), {"object": "coupon"}]) == 2
    assert coupons.get("A")["name"] == "new"
    assert coupons.count() == 2
    assert all(record["id"] for record in coupons)


def test_insert_many_with_one_bad_record_writes_none(coupons) -> None:
    with pytest.raises(tiger.InvalidRecord):
        coupons.insert_many([coupon("A"), coupon("B", value=float("nan")), coupon("C")])
    assert coupons.count() == 0


# patch


def test_patch_merges_and_none_removes(coupons, seen_elsewhere) -> None:
    coupons.insert(coupon("A", name="old", percent_off=10, valid=True))
    expected = coupon("A", name="new", valid=True, currency="usd")
    assert coupons.patch("A", {"name": "new", "percent_off": None, "currency": "usd"}) == expected
    assert coupons.get("A") == expected
    assert seen_elsewhere.get("A") == expected


def test_patch_of_a_key_that_is_not_there_to_none_changes_nothing(coupons) -> None:
    coupons.insert(coupon("A"))
    assert coupons.patch("A", {"missing": None}) == coupon("A")


def test_patch_of_a_missing_record_raises(shared_store) -> None:
    before = shared_store.ping()["commit"]
    with pytest.raises(tiger.NotFound, match="nobody"):
        shared_store.coupons.patch("nobody", {"name": "x"})
    assert shared_store.ping()["commit"] == before
    assert shared_store.coupons.count() == 0


def test_patch_moves_a_record_between_finders(shared_store) -> None:
    plans = shared_store.plans
    plans.insert({"id": "gold", "product": "prod_1", "active": True})
    plans.patch("gold", {"product": "prod_2", "active": False})
    assert plans.find_by_product("prod_1") == []
    assert [record["id"] for record in plans.find_by_product("prod_2")] == ["gold"]
    assert plans.find_active() == []


# versions, update(if_version=...), modify


def test_version_is_the_commit_number_that_wrote_the_record(shared_store) -> None:
    coupons = shared_store.coupons
    coupons.insert(coupon("A"))
    first = shared_store.ping()["commit"]
    assert coupons.version("A") == first
    assert type(coupons.version("A")) is int
    coupons.insert(coupon("B"))
    assert coupons.version("A") == first
    assert coupons.version("B") == first + 1
    coupons.patch("A", {"name": "x"})
    assert coupons.version("A") == first + 2


def test_version_of_a_missing_record_raises(coupons) -> None:
    with pytest.raises(tiger.NotFound):
        coupons.version("A")


def test_update_with_the_current_version_writes(coupons) -> None:
    coupons.insert(coupon("A", n=1))
    version = coupons.version("A")
    assert coupons.update(coupon("A", n=2), if_version=version) == coupon("A", n=2)
    assert coupons.version("A") > version


def test_update_with_an_old_version_raises_conflict(coupons, seen_elsewhere) -> None:
    coupons.insert(coupon("A", n=1))
    version = coupons.version("A")
    seen_elsewhere.update(coupon("A", n=2))
    with pytest.raises(tiger.Conflict, match="A"):
        coupons.update(coupon("A", n=3), if_version=version)
    assert coupons.get("A")["n"] == 2


def test_modify_applies_the_function_to_the_record(coupons, seen_elsewhere) -> None:
    coupons.insert(coupon("A", times_redeemed=1))

    def redeem(record: dict[str, Any]) -> dict[str, Any]:
        return {**record, "times_redeemed": record["times_redeemed"] + 1}

    assert coupons.modify("A", redeem)["times_redeemed"] == 2
    assert seen_elsewhere.get("A")["times_redeemed"] == 2


def test_modify_reads_again_when_somebody_wrote_in_between(coupons, seen_elsewhere) -> None:
    coupons.insert(coupon("A", n=0))
    seen: list[int] = []

    def add(record: dict[str, Any]) -> dict[str, Any]:
        seen.append(record["n"])
        if len(seen) == 1:
            seen_elsewhere.update(coupon("A", n=10))
        return {**record, "n": record["n"] + 1}

    coupons.modify("A", add)
    assert seen == [0, 10]
    assert coupons.get("A")["n"] == 11


def test_modify_of_a_missing_record_raises(coupons) -> None:
    with pytest.raises(tiger.NotFound):
        coupons.modify("A", lambda record: record)


def test_modify_writes_nothing_when_the_function_raises(coupons) -> None:
    coupons.insert(coupon("A", n=1))

    def fail(record: dict[str, Any]) -> dict[str, Any]:
        record["n"] = 2
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        coupons.modify("A", fail)
    assert coupons.get("A")["n"] == 1


# peek


def test_peek_equals_the_record(coupons) -> None:
    record = coupon("A", metadata={"a": [1, {"b": 2}]}, tags=["x", "y"])
    coupons.insert(record)
    seen = coupons.peek("A")
    assert seen == record
    assert seen["metadata"]["a"][1]["b"] == 2
    assert list(seen) == list(record)
    assert "tags" in seen
    assert seen.get("missing") is None
    assert len(seen) == len(record)
    assert json.loads(json.dumps(seen)) == record


def set_a_field(seen: Any) -> None:
    seen["name"] = "x"


def delete_a_field(seen: Any) -> None:
    del seen["name"]


def set_a_nested_field(seen: Any) -> None:
    seen["metadata"]["a"] = 1


def set_an_item_of_a_list(seen: Any) -> None:
    seen["tags"][0] = "z"


def append_to_a_list(seen: Any) -> None:
    seen["tags"].append("z")


def change_a_dict_in_a_list(seen: Any) -> None:
    seen["items"][0]["n"] = 2


def add_in_place(seen: Any) -> None:
    tags = seen["tags"]
    tags += ["z"]


def merge_in_place(seen: Any) -> None:
    metadata = seen["metadata"]
    metadata |= {"b": 1}


MUTATIONS = [
    set_a_field,
    delete_a_field,
    set_a_nested_field,
    set_an_item_of_a_list,
    append_to_a_list,
    change_a_dict_in_a_list,
    add_in_place,
    merge_in_place,
    lambda seen: seen.update(name="x"),
    lambda seen: seen.pop("name"),
    lambda seen: seen.popitem(),
    lambda seen: seen.setdefault("new", 1),
    lambda seen: seen.clear(),
    lambda seen: seen["tags"].sort(),
    lambda seen: seen["tags"].clear(),
]


@pytest.mark.parametrize("mutate", MUTATIONS)
def test_peek_is_deeply_read_only(coupons, mutate) -> None:
    record = coupon("A", name="n", metadata={"a": 0}, tags=["y", "x"], items=[{"n": 1}])
    coupons.insert(record)
    with pytest.raises(TypeError):
        mutate(coupons.peek("A"))
    assert coupons.peek("A") == record
    assert coupons.get("A") == record


def test_peek_follows_writes(coupons, seen_elsewhere) -> None:
    coupons.insert(coupon("A", n=1))
    first = coupons.peek("A")
    assert coupons.peek("A")["n"] == 1
    seen_elsewhere.update(coupon("A", n=2))
    assert coupons.peek("A")["n"] == 2
    assert first["n"] == 1
    seen_elsewhere.delete("A")
    with pytest.raises(tiger.NotFound):
        coupons.peek("A")


# count, clear, clear_namespace, list_namespace


def test_count_counts_this_namespace(shared_store, second_store) -> None:
    assert shared_store.coupons.count() == 0
    for number in range(3):
        shared_store.coupons.insert(coupon(f"c{number}"))
    shared_store.coupons.insert(coupon("c0"))
    shared_store.namespace(shared_store.current_namespace + "-b").coupons.insert(coupon("x"))
    assert shared_store.coupons.count() == second_store.coupons.count() == 3
    shared_store.clear_namespace(shared_store.current_namespace + "-b")


def test_clear_empties_one_table_in_all_namespaces(store) -> None:
    other = store.namespace("other")
    for place in (store, other):
        place.coupons.insert(coupon("A"))
        place.plans.insert({"id": "gold"})

    store.coupons.clear()

    assert store.coupons.count() == other.coupons.count() == 0
    assert "A" not in store.coupons
    assert "A" not in other.coupons
    assert store.plans.count() == other.plans.count() == 1
    assert store.namespaces() == {"global": 1, "other": 1}


def test_clear_namespace_of_a_table_clears_one_namespace_of_one_table(
    shared_store, other_store
) -> None:
    name = other_store.current_namespace
    for place in (shared_store, other_store):
        place.coupons.insert(coupon("A"))
        place.plans.insert({"id": "gold"})

    shared_store.coupons.clear_namespace(name)

    assert other_store.coupons.count() == 0
    assert (
        other_store.plans.count() == shared_store.coupons.count() == shared_store.plans.count() == 1
    )


def test_list_namespace_is_every_record_there(shared_store, other_store) -> None:
    name = other_store.current_namespace
    records = [coupon(f"c{number}") for number in range(150)]
    other_store.coupons.insert_many(records)
    shared_store.coupons.insert(coupon("mine"))

    listed = shared_store.coupons.list_namespace(name)

    assert type(listed) is list
    assert sorted(listed, key=lambda record: record["id"]) == sorted(
        records, key=lambda record: record["id"]
    )
    assert shared_store.coupons.list_namespace(name + "-nobody") == []


def test_a_cleared_namespace_of_many_records_is_empty_for_everyone(shared_store, second_store):
    """10,000 records go in one commit, and none of them is found by any call."""
    plans = shared_store.plans
    plans.insert_many({"id": f"p{n}", "product": "prod", "active": True} for n in range(10_000))
    assert len(second_store.plans.find_by_product("prod")) == 10_000
    before = shared_store.ping()["commit"]

    shared_store.clear_namespace()

    assert shared_store.ping()["commit"] == before + 1
    assert second_store.plans.count() == 0
    assert second_store.plans.list().data == []
    assert second_store.plans.find_by_product("prod") == []
    assert second_store.plans.find_active() == []
    assert second_store.plans.get("p5000", None) is None
