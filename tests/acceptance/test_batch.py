"""`Store.batch`: many writes, one commit, or none of them."""

from __future__ import annotations

import pytest

import tiger
from tests.acceptance.programs import elsewhere
from tests.support.records import ids


def test_a_batch_is_invisible_until_its_block_ends(shared_store, second_store) -> None:
    shared_store.plans.insert({"id": "old"})
    with shared_store.batch() as batch:
        batch.coupons.insert({"id": "A"})
        batch.plans.insert({"id": "gold"})
        batch.plans.delete("old")
        for place in (shared_store, second_store):
            assert place.coupons.count() == 0
            assert ids(place.plans.list()) == ["old"]
    for place in (shared_store, second_store):
        assert place.coupons.get("A") == {"id": "A"}
        assert ids(place.plans.list()) == ["gold"]


def test_a_batch_says_where_to_read(shared_store) -> None:
    with shared_store.batch() as batch:
        for name in ("namespaces", "snapshot", "ping"):
            with pytest.raises(AttributeError, match=f"only writes.*use store.{name}"):
                getattr(batch, name)


def test_a_batch_is_one_commit(shared_store) -> None:
    before = shared_store.ping()["commit"]
    with shared_store.batch() as batch:
        for number in range(500):
            batch.coupons.insert({"id": f"c{number}"})
            batch.plans.insert({"id": f"p{number}"})
    assert shared_store.ping()["commit"] == before + 1
    assert shared_store.coupons.count() == shared_store.plans.count() == 500
    assert shared_store.coupons.version("c0") == shared_store.plans.version("p499") == before + 1


def test_a_batch_whose_block_raises_is_never_visible(shared_store) -> None:
    shared_store.coupons.insert({"id": "kept"})
    before = shared_store.ping()["commit"]
    with pytest.raises(RuntimeError, match="no"), shared_store.batch() as batch:  # noqa: PT012
        batch.coupons.insert({"id": "A"})
        batch.coupons.delete("kept")
        batch.plans.insert({"id": "gold"})
        raise RuntimeError("no")
    assert shared_store.ping()["commit"] == before
    assert ids(shared_store.coupons.list()) == ["kept"]
    assert shared_store.plans.count() == 0


def test_every_write_works_in_a_batch(shared_store, other_store) -> None:
    here, other = shared_store.current_namespace, other_store.current_namespace
    shared_store.coupons.insert_many([{"id": "patched", "a": 1, "b": 2}, {"id": "deleted"}])
    shared_store.coupons.insert({"id": "updated", "a": 1})
    other_store.coupons.insert({"id": "there"})

    with shared_store.batch() as batch:
        assert batch.coupons.insert({"id": "inserted"}) == {"id": "inserted"}
        assert batch.coupons.update({"id": "updated", "a": 2}) == {"id": "updated", "a": 2}
        assert batch.coupons.create({"id": "created"}) == {"id": "created"}
        assert batch.coupons.create_many([{"id": "one"}, {"id": "two"}]) == 2
        assert batch.coupons.delete("deleted") is None
        assert batch.coupons.patch("patched", {"a": 3, "b": None}) is None
        assert batch.coupons.clear_namespace(other) is None
        made = batch.coupons.insert({"object": "coupon"})

    assert made["id"].startswith("coupon_")
    assert {record["id"]: record for record in shared_store.coupons.list_namespace(here)} == {
        "inserted": {"id": "inserted"},
        "updated": {"id": "updated", "a": 2},
        "created": {"id": "created"},
        "one": {"id": "one"},
        "two": {"id": "two"},
        "patched": {"id": "patched", "a": 3},
        made["id"]: made,
    }
    assert other_store.coupons.count() == 0


def test_the_writes_of_a_batch_see_each_other_in_order(shared_store) -> None:
    with shared_store.batch() as batch:
        batch.coupons.insert({"id": "A", "n": 1})
        batch.coupons.patch("A", {"n": 2})
        batch.coupons.insert({"id": "B"})
        batch.coupons.delete("B")
        batch.coupons.delete("nobody")
        batch.coupons.create({"id": "B", "again": True})
        batch.coupons.insert({"id": "C"})
        batch.coupons.update({"id": "A", "n": 3})
    assert shared_store.coupons.list().data == [
        {"id": "C"},
        {"id": "B", "again": True},
        {"id": "A", "n": 3},
    ]


def test_a_batch_keeps_finders_and_lists_right(shared_store) -> None:
    shared_store.plans.insert({"id": "a", "created": 1, "product": "p", "active": True})
    with shared_store.batch() as batch:
        batch.plans.insert({"id": "b", "created": 3, "product": "p", "active": False})
        batch.plans.patch("a", {"product": "q"})
        batch.plans.insert({"id": "c", "created": 2, "product": "p", "active": True})
        batch.plans.update({"id": "b", "created": 0, "product": "p", "active": True})
    assert ids(shared_store.plans.list()) == ["c", "a", "b"]
    assert ids(shared_store.plans.find_by_product("p")) == ["c", "b"]
    assert ids(shared_store.plans.find_by_product("q")) == ["a"]
    assert ids(shared_store.plans.find_active()) == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("fail", "error"),
    [
        (lambda batch: batch.coupons.create({"id": "there"}), tiger.AlreadyExists),
        (lambda batch: batch.coupons.create_many([{"id": "there"}]), tiger.AlreadyExists),
        (lambda batch: batch.coupons.patch("nobody", {"a": 1}), tiger.NotFound),
        (lambda batch: batch.coupons.insert({"id": 5}), tiger.InvalidRecord),
        (lambda batch: batch.coupons.insert({"id": "x", "v": float("nan")}), tiger.InvalidRecord),
        (lambda batch: batch.coupons.update({"no": "id"}), tiger.InvalidRecord),
        (lambda batch: batch.nonsense.insert({"id": "x"}), tiger.UnknownTable),
        (lambda batch: batch.coupons.update({"id": "there"}, if_version=1), tiger.Conflict),
    ],
    ids=["create", "create_many", "patch", "id", "nan", "no id", "table", "version"],
)
def test_one_write_that_fails_fails_the_batch(shared_store, fail, error) -> None:
    """Whether the call itself raises or the end of the block."""
    shared_store.coupons.insert({"id": "filler"})
    shared_store.coupons.insert({"id": "there"})
    before = shared_store.ping()["commit"]
    with pytest.raises(error), shared_store.batch() as batch:  # noqa: PT012
        batch.coupons.insert({"id": "A"})
        batch.plans.insert({"id": "gold"})
        fail(batch)
        batch.coupons.insert({"id": "B"})
    assert shared_store.ping()["commit"] == before
    assert ids(shared_store.coupons.list()) == ["there", "filler"]
    assert shared_store.plans.count() == 0


@pytest.mark.parametrize(
    "read",
    [
        lambda batch: batch.coupons.get("A"),
        lambda batch: batch.coupons.get("A", None),
        lambda batch: batch.coupons.list(),
        lambda batch: batch.coupons.count(),
        lambda batch: batch.coupons.find_active(),
        lambda batch: batch.coupons.find_by("a", 1),
        lambda batch: batch.coupons.peek("A"),
        lambda batch: batch.coupons.list_namespace("global"),
        lambda batch: batch.coupons.version("A"),
    ],
    ids=["get", "default", "list", "count", "active", "by", "peek", "namespace", "version"],
)
def test_a_read_through_a_batch_raises(shared_store, read) -> None:
    """It could only show what was there before, which nobody expects."""
    shared_store.coupons.insert({"id": "A"})
    with shared_store.batch() as batch:
        with pytest.raises(tiger.TigerError, match="batch"):
            read(batch)
        batch.coupons.insert({"id": "B"})
    assert ids(shared_store.coupons.list()) == ["B", "A"]


def test_an_empty_batch_changes_nothing(shared_store) -> None:
    with shared_store.batch():
        pass
    assert shared_store.coupons.count() == 0


def test_a_batch_clears_and_refills_a_namespace_at_once(shared_store, second_store) -> None:
    shared_store.coupons.insert_many({"id": f"old{number}"} for number in range(20))
    with shared_store.batch() as batch:
        batch.coupons.clear_namespace(shared_store.current_namespace)
        batch.coupons.insert({"id": "new"})
    assert ids(second_store.coupons.list()) == ["new"]
    assert second_store.coupons.count() == 1
    assert second_store.coupons.get("old3", None) is None


def test_a_record_given_to_a_batch_is_taken_as_it_was(shared_store) -> None:
    record = {"id": "A", "metadata": {"n": 1}}
    with shared_store.batch() as batch:
        batch.coupons.insert(record)
        record["metadata"]["n"] = 2
    assert shared_store.coupons.get("A")["metadata"] == {"n": 1}


def test_a_reader_elsewhere_sees_all_of_a_batch_or_nothing(
    shared_directory: str, shared_store, start_other_process
) -> None:
    """Another process compares two tables in snapshots while batches change both."""
    for table in (shared_store.coupons, shared_store.plans):
        table.insert({"id": "A", "n": 0})
    reader = start_other_process(
        shared_directory, elsewhere.read_pairs, namespace=shared_store.current_namespace
    )
    assert reader.read_line() == "ready"
    for number in range(1, 301):
        with shared_store.batch() as batch:
            batch.coupons.update({"id": "A", "n": number})
            batch.plans.update({"id": "A", "n": number})
    assert reader.answer() > 0


def test_a_batch_that_expects_what_is_there_is_applied(shared_store) -> None:
    shared_store.products.insert({"id": "mug"})
    version = shared_store.products.version("mug")
    with shared_store.batch() as batch:
        batch.products.expect("mug", version)
        batch.products.expect("cup", None)
        batch.prices.insert({"id": "small", "product": "mug"})
        batch.products.insert({"id": "cup"})
    assert "small" in shared_store.prices
    assert shared_store.products.version("mug") == version


@pytest.mark.parametrize("change", ["written", "deleted", "made"])
def test_a_batch_that_expects_what_is_no_more_changes_nothing(shared_store, change) -> None:
    shared_store.products.insert({"id": "mug"})
    version = shared_store.products.version("mug")
    if change == "deleted":
        shared_store.products.delete("mug")
    else:
        shared_store.products.insert({"id": "mug"})
    wanted = None if change == "made" else version
    with pytest.raises(tiger.Conflict, match="read it again"), shared_store.batch() as batch:  # noqa: PT012
        batch.prices.insert({"id": "small", "product": "mug"})
        batch.products.expect("mug", wanted)
    assert "small" not in shared_store.prices


def test_an_expectation_is_about_the_state_before_the_batch(shared_store) -> None:
    shared_store.products.insert({"id": "mug"})
    with pytest.raises(tiger.Conflict), shared_store.batch() as batch:  # noqa: PT012
        batch.products.delete("mug")
        batch.products.expect("mug", None)
    assert "mug" in shared_store.products


@pytest.mark.parametrize("version", [-1, 1.0, True, "1"])
def test_a_batch_expects_versions_only(shared_store, version) -> None:
    with pytest.raises(tiger.InvalidRecord, match="version"), shared_store.batch() as batch:
        batch.products.expect("mug", version)
