"""`Store.define`: tables of the user's own."""

from __future__ import annotations

import re
from typing import Any

import pytest

import tiger
from tests.acceptance.programs import elsewhere
from tests.support.records import ids
from tiger.aio.store import AsyncStore
from tiger.format.resources import TAKEN

GADGETS: dict[str, Any] = {"prefix": "gad", "url": "/v1/gadgets", "indexes": ("colour", "maker")}


def test_a_defined_table_works_as_the_others_do(store) -> None:
    store.define("gadgets", **GADGETS)
    gadgets = store.gadgets
    assert (gadgets.table_name, gadgets.prefix, gadgets.url) == ("gadgets", "gad", "/v1/gadgets")
    gadgets.insert({"id": "a", "created": 1, "colour": "red"})
    gadgets.insert({"id": "b", "created": 2, "colour": "red", "maker": "x"})
    made = gadgets.insert({"created": 3, "colour": "blue"})

    assert re.fullmatch("gad_[A-Za-z0-9]{24}", made["id"])
    assert gadgets.get("a")["colour"] == "red"
    assert ids(gadgets.list().data) == [made["id"], "b", "a"]
    assert gadgets.list().url == "/v1/gadgets"
    assert ids(gadgets.find_by_colour("red")) == ["b", "a"]
    assert ids(gadgets.find_by_maker("x")) == ["b"]
    assert ids(gadgets.find_by("colour", "blue")) == [made["id"]]
    assert gadgets.count() == 3
    assert gadgets.delete("a") is True
    assert ids(gadgets.find_by_colour("red")) == ["b"]


def test_a_defined_table_is_listed_and_reached_by_name(store, resources) -> None:
    store.define("gadgets", **GADGETS)
    assert sorted(store.tables()) == sorted([*(row.table for row in resources), "gadgets"])
    store.table("gadgets").insert({"id": "a"})
    assert store.gadgets.count() == 1


def test_define_gives_the_table(store) -> None:
    assert store.define("gadgets", **GADGETS).table_name == "gadgets"


def test_a_name_that_a_store_has_is_refused(store) -> None:
    """Of stores of both kinds, snapshots and batches: a table of that name could not be reached."""
    with store.snapshot() as view, store.batch() as batch:
        made = [store, view, batch]
    names = {name for kind in (*map(type, made), AsyncStore) for name in dir(kind)}
    names |= {name for one in made for name in vars(one)}
    public = {name for name in names if re.fullmatch("[a-z][a-z0-9_]*", name)}
    assert public <= TAKEN
    for name in ("fork", "count", "tables", *public):
        with pytest.raises(tiger.InvalidRequest, match=f"table '{name}' would be hidden"):
            store.define(name)
    assert store.define("forks").insert({"id": "a"}) == {"id": "a"}


def test_a_definition_needs_a_name_only(store) -> None:
    store.define("things")
    store.things.insert({"id": "a", "colour": "red"})
    assert store.things.prefix is None
    assert ids(store.things.find_by("colour", "red")) == ["a"]
    assert isinstance(store.things.insert({})["id"], str)


def test_the_same_definition_again_is_fine(store) -> None:
    store.define("gadgets", **GADGETS)
    store.gadgets.insert({"id": "a", "colour": "red"})
    store.define("gadgets", **GADGETS)
    store.define("gadgets", **{**GADGETS, "indexes": ["colour", "maker"]})
    assert store.gadgets.count() == 1
    assert ids(store.gadgets.find_by_colour("red")) == ["a"]


@pytest.mark.parametrize(
    "change", [{"prefix": "gdt"}, {"url": "/v2/gadgets"}, {"indexes": ("colour",)}]
)
def test_another_definition_of_the_same_name_raises(store, change: dict[str, Any]) -> None:
    store.define("gadgets", **GADGETS)
    store.gadgets.insert({"id": "a", "colour": "red"})
    before = store.ping()["commit"]
    with pytest.raises(tiger.TigerError, match="gadgets"):
        store.define("gadgets", **{**GADGETS, **change})
    assert store.ping()["commit"] == before
    assert store.gadgets.prefix == "gad"
    assert ids(store.gadgets.find_by_colour("red")) == ["a"]


def test_a_built_in_table_cannot_be_defined_otherwise(store) -> None:
    with pytest.raises(tiger.TigerError, match="coupons"):
        store.define("coupons", prefix="x")
    assert store.coupons.prefix == "coupon"


@pytest.mark.parametrize("name", ["", "Gad gets", "a/b", "../up", "1st", "x" * 300, None, 5])
def test_a_name_that_no_table_can_have_raises(store, name: Any) -> None:
    before = store.ping()["commit"]
    with pytest.raises(tiger.TigerError) as caught:
        store.define(name)
    assert repr(name)[:20] in str(caught.value)
    assert store.ping()["commit"] == before


@pytest.mark.parametrize("prefix", ["x" * 240, "a\nb", "\ud800"])
def test_a_prefix_of_which_no_id_can_be_made_is_refused(store, prefix: str) -> None:
    """Else every record that is to get an id would be."""
    with pytest.raises(tiger.InvalidRecord, match="prefix of table 'gadgets': its id"):
        store.define("gadgets", prefix=prefix)
    assert store.define("gadgets", prefix="x" * 230).insert({})["id"].startswith("x" * 230)


@pytest.mark.parametrize("name", ["close", "ping", "batch", "table", "namespace", "define"])
def test_a_call_of_the_store_keeps_its_name(store, name: str) -> None:
    """A table so named, if it is allowed at all, is reached through `table()`."""
    call = getattr(type(store), name)
    try:
        store.define(name)
    except tiger.TigerError as error:
        assert name in str(error)  # noqa: PT017
    else:
        store.table(name).insert({"id": "a"})
        assert store.table(name).count() == 1
    assert getattr(type(store), name) is call


def test_another_store_and_another_process_know_the_table(
    store, directory: str, in_other_process
) -> None:
    store.define("gadgets", **GADGETS)
    store.gadgets.insert({"id": "a", "colour": "red"})
    with tiger.connect(directory) as second:
        assert ids(second.gadgets.find_by_colour("red")) == ["a"]
    assert in_other_process(directory, elsewhere.use_defined_table) == [
        "gad",
        "/v1/gadgets",
        [{"id": "b", "colour": "red"}, {"id": "a", "colour": "red"}],
    ]
    assert store.gadgets.count() == 2


def test_a_store_that_was_open_before_learns_of_the_table(store, directory: str) -> None:
    with tiger.connect(directory) as early:
        with pytest.raises(tiger.UnknownTable):
            early.table("gadgets")
        store.define("gadgets", **GADGETS)
        assert early.table("gadgets").count() == 0


def test_a_definition_and_its_records_survive_a_restart(store, directory: str, tigerd) -> None:
    store.define("gadgets", **GADGETS)
    store.gadgets.insert({"id": "a", "colour": "red"})
    assert tigerd("restart", directory=directory).returncode == 0
    with tiger.connect(directory) as again:
        assert ids(again.gadgets.find_by_colour("red")) == ["a"]
        again.define("gadgets", **GADGETS)


def test_clearing_keeps_the_definition(store) -> None:
    store.define("gadgets", **GADGETS)
    store.gadgets.insert({"id": "a", "colour": "red"})
    store.clear_namespace()
    store.gadgets.clear()
    store.gadgets.insert({"id": "b", "colour": "red"})
    assert ids(store.gadgets.find_by_colour("red")) == ["b"]
    assert store.namespaces() == {"global": 1}
