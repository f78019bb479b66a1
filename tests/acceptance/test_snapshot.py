"""`Store.snapshot`: reads that all see one commit number."""

from __future__ import annotations

import gc
import os
import random
from typing import Any

import pytest

import tiger
from tests.acceptance.programs import elsewhere, snapshot
from tests.support.records import ids
from tiger.format import layout


@pytest.fixture
def filled(shared_store):
    """Two tables with three records each."""
    for number, letter in enumerate("abc"):
        shared_store.coupons.insert({"id": letter, "created": number, "valid": True, "n": 1})
        shared_store.plans.insert(
            {"id": letter, "created": number, "product": "p", "active": number > 0}
        )
    return shared_store


def test_a_snapshot_reads_what_was_there(filled) -> None:
    with filled.snapshot() as view:
        assert view.coupons.get("a") == filled.coupons.get("a")
        assert view.coupons.get("nobody", None) is None
        assert ids(view.coupons.list()) == ["c", "b", "a"]
        assert view.coupons.count() == len(view.coupons) == 3
        assert ids(view.plans.find_by_product("p")) == ["c", "b", "a"]
        assert ids(view.plans.find_active()) == ["c", "b"]
        assert "a" in view.plans
        assert view.plans["a"]["product"] == "p"
        assert view.plans.peek("a") == filled.plans.get("a")
        assert view.current_namespace == filled.current_namespace


def change_everything(store: Any) -> None:
    """Every kind of write, so that nothing of what was there is left."""
    store.coupons.update({"id": "a", "created": 9, "valid": False, "n": 2})
    store.coupons.patch("b", {"n": 2, "valid": None})
    store.coupons.delete("c")
    store.coupons.insert({"id": "d", "created": 5, "valid": True})
    store.plans.patch("a", {"product": "q", "active": True})
    store.plans.clear_namespace(store.current_namespace)
    store.plans.insert({"id": "a", "created": 7, "product": "p"})


def everything(place: Any) -> list[Any]:
    """What every kind of read gives."""
    return [
        [place.coupons.get(letter, None) for letter in "abcd"],
        [place.plans.get(letter, None) for letter in "abcd"],
        place.coupons.list().to_dict(),
        place.coupons.list(limit=1, starting_after="b").to_dict(),
        place.coupons.list(limit=1, ending_before="b").to_dict(),
        place.plans.list(product="p").to_dict(),
        place.coupons.count(),
        place.plans.count(),
        place.coupons.find_active(),
        place.plans.find_active(),
        place.plans.find_by_product("p"),
        place.plans.find_by_product("q"),
        place.coupons.find_by("n", 1),
        list(place.coupons),
        list(place.coupons.list(limit=1).auto_paging_iter()),
        sorted(place.plans.list_namespace(place.current_namespace), key=str),
        place.coupons.version("a"),
    ]


def test_a_snapshot_does_not_see_later_writes(filled, second_store) -> None:
    """Whichever store wrote, and however often the snapshot is read."""
    before = everything(filled)
    with filled.snapshot() as view, second_store.snapshot() as elsewhere:
        change_everything(filled)
        for _ in range(2):
            assert everything(view) == before
            assert everything(elsewhere) == before
        assert ids(filled.coupons.list()) == ["a", "d", "b"]
        assert ids(filled.plans.list()) == ["a"]


def test_a_snapshot_that_read_nothing_yet_does_not_see_later_writes_either(
    filled, second_store
) -> None:
    before = everything(filled)
    with second_store.snapshot() as view:
        change_everything(filled)
        filled.clear_namespace()
        assert everything(view) == before


def test_snapshots_of_different_times_stand_side_by_side(shared_store) -> None:
    coupons = shared_store.coupons
    coupons.insert({"id": "A", "n": 0})
    with shared_store.snapshot() as first, shared_store.snapshot() as second:
        coupons.update({"id": "A", "n": 1})
        with shared_store.snapshot() as third:
            coupons.delete("A")
            assert first.coupons.get("A")["n"] == second.coupons.get("A")["n"] == 0
            assert third.coupons.get("A")["n"] == 1
        assert first.coupons.get("A")["n"] == 0
    assert coupons.get("A", None) is None


def test_a_snapshot_survives_many_writes(shared_store, second_store) -> None:
    """Enough of them that the space of old versions is wanted."""
    coupons = shared_store.coupons
    coupons.insert_many({"id": f"c{n}", "created": n, "text": "x" * 200} for n in range(100))
    before = list(coupons)
    with second_store.snapshot() as view:
        for turn in range(60):
            coupons.insert_many(
                {"id": f"c{n}", "created": n, "text": f"{turn}" * 200} for n in range(100)
            )
        assert list(view.coupons) == before
        assert view.coupons.get("c50") == before[49]
    assert coupons.get("c50")["text"] == "59" * 200


WRITES = {
    "insert": lambda coupons: coupons.insert({"id": "x"}),
    "update": lambda coupons: coupons.update({"id": "a"}),
    "create": lambda coupons: coupons.create({"id": "x"}),
    "insert_many": lambda coupons: coupons.insert_many([{"id": "x"}]),
    "patch": lambda coupons: coupons.patch("a", {"n": 3}),
    "modify": lambda coupons: coupons.modify("a", dict),
    "delete": lambda coupons: coupons.delete("a"),
    "clear": lambda coupons: coupons.clear(),
    "clear_namespace": lambda coupons: coupons.clear_namespace("global"),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_snapshot_is_read_only(filled, write: str) -> None:
    """Its tables have no writes, or refuse them."""
    before = filled.ping()["commit"]
    with filled.snapshot() as view, pytest.raises((tiger.TigerError, AttributeError)):
        WRITES[write](view.coupons)
    assert filled.ping()["commit"] == before
    assert filled.coupons.count() == 3


@pytest.mark.parametrize("write", [*WRITES, "wait_for", "delete_by_subscription"])
def test_a_snapshot_says_where_to_write(filled, write: str) -> None:
    with filled.snapshot() as view:
        with pytest.raises(AttributeError, match=f"read-only.*use store.coupons.{write}"):
            getattr(view.coupons, write)
        for name in ("batch", "sandbox", "define", "clear_namespace"):
            with pytest.raises(AttributeError, match=f"read-only.*use store.{name}"):
                getattr(view, name)
        assert not hasattr(view, "nonsense")


ENDINGS = {
    "delete": lambda store: store.coupons.delete("A"),
    "clear": lambda store: store.coupons.clear(),
    "clear_namespace of the table": lambda store: store.coupons.clear_namespace("global"),
    "clear_namespace of the store": lambda store: store.clear_namespace(),
}


@pytest.mark.parametrize("end", ENDINGS)
def test_records_that_only_a_snapshot_holds_are_gone_for_all_other_reads(
    store, directory, end: str
) -> None:
    """Also for a client that remembers the record, though its bytes are still there."""
    store.coupons.insert({"id": "A", "n": 1})
    with tiger.connect(directory) as elsewhere:
        for _ in range(3):
            assert elsewhere.coupons.get("A") == elsewhere.coupons.peek("A") == {"id": "A", "n": 1}
        with store.snapshot() as view:
            ENDINGS[end](store)
            for place in (store, elsewhere):
                assert place.coupons.get("A", None) is None
                assert "A" not in place.coupons
                with pytest.raises(tiger.NotFound):
                    place.coupons.peek("A")
                assert place.coupons.count() == 0
            store.coupons.insert({"id": "A", "n": 2})
            for _ in range(3):
                assert elsewhere.coupons.get("A") == elsewhere.coupons.peek("A")
                assert elsewhere.coupons.get("A")["n"] == 2
            assert view.coupons.get("A")["n"] == 1


def test_records_moved_to_and_fro_under_snapshots_stay_in_order(store, directory, tigerd) -> None:
    """What a snapshot holds stands in the lists beside what replaced it, and is taken away later.

    Seeded. A record often comes back to a place that a version of its own still holds.
    """
    pid = store.ping()["pid"]
    choices = random.Random(5)
    place = {f"p{number}": choices.randrange(40) for number in range(200)}
    inserted = {name: number for number, name in enumerate(place)}
    store.plans.insert_many(
        {"id": name, "created": created, "product": "x"} for name, created in place.items()
    )
    for _ in range(15):
        with store.snapshot() as view:
            before = list(view.plans)
            for _ in range(200):
                name, created = choices.choice(list(place)), choices.randrange(40)
                place[name] = created
                store.plans.patch(name, {"created": created, "product": choices.choice("xy")})
            assert list(view.plans) == before
        expected = sorted(place, key=lambda name: (place[name], inserted[name]), reverse=True)
        assert ids(store.plans) == expected
        found = sorted(
            store.plans.find_by_product("x") + store.plans.find_by_product("y"),
            key=lambda plan: expected.index(plan["id"]),
        )
        assert ids(found) == expected
    assert store.ping()["pid"] == pid, "the daemon died, and another one took over"
    assert tigerd("check", directory=directory).returncode == 0


def test_a_snapshot_is_over_when_its_block_ends(filled) -> None:
    with filled.snapshot() as view:
        pass
    with pytest.raises(tiger.TigerError, match="snapshot"):
        view.coupons.get("a")


def test_a_snapshot_ends_when_its_block_raises(filled) -> None:
    with pytest.raises(RuntimeError), filled.snapshot():
        raise RuntimeError
    filled.coupons.insert({"id": "d"})
    gc.collect()
    assert filled.coupons.count() == 4


def test_a_forgotten_cursor_of_later_is_unknown_in_a_snapshot(filled) -> None:
    with filled.snapshot() as view:
        filled.coupons.insert({"id": "later"})
        with pytest.raises(tiger.InvalidCursor, match="later"):
            view.coupons.list(starting_after="later")


def test_paging_through_a_snapshot_meets_every_record_once_while_others_write(
    shared_directory: str, shared_store, start_other_process
) -> None:
    shared_store.coupons.insert_many({"id": f"c{n}", "created": n % 7} for n in range(200))
    writer = start_other_process(
        shared_directory, elsewhere.write_at_random_places, namespace=shared_store.current_namespace
    )
    assert writer.read_line() == "ready"
    expected = {f"c{n}" for n in range(200)}
    rounds = 0
    while writer.process.poll() is None or rounds == 0:
        with shared_store.snapshot() as view:
            records = list(view.coupons.list(limit=9).auto_paging_iter())
            assert view.coupons.count() == len(records)
        seen = ids(records)
        assert len(seen) == len(set(seen))
        assert expected - set(seen) <= {f"c{n}" for n in range(17)}
        assert len(expected - set(seen)) <= 1
        created = [record["created"] for record in records]
        assert created == sorted(created, reverse=True)
        rounds += 1
    assert writer.answer() is True


# What is not held any more


def clean_past(store: Any, commit: int, wait_until) -> None:
    """Change 150 records, and write on until the daemon has taken away what they were."""

    def is_past() -> bool:
        store.coupons.patch("c299", {"n": 2})
        return store._reader.words[layout.HORIZON] > commit

    for number in range(150):
        store.coupons.update({"id": f"c{number:03}", "n": 1})
    wait_until(is_past, what="the horizon")


@pytest.fixture
def many(store):
    store.coupons.insert_many({"id": f"c{n:03}", "n": 0} for n in range(300))
    return store


def test_a_page_that_outlives_its_snapshot_says_so(many, wait_until) -> None:
    """And does not leave out, without a word, what has been taken away since."""
    with many.snapshot() as view:
        page = view.coupons.list(limit=10)
        assert len(list(page.auto_paging_iter())) == 300
        following = page.auto_paging_iter()
        next(following)
    clean = os.listdir(f"{many.directory}/pins")
    assert len(clean) == 1, "what follows has a pin of its own"
    assert len(list(following)) == 299
    clean_past(many, view.commit, wait_until)
    with pytest.raises(tiger.InvalidRequest, match=r"not held any more: .* take another"):
        next(page.auto_paging_iter())
    assert os.listdir(f"{many.directory}/pins") == []


def test_a_child_is_told_that_its_parent_let_go_of_what_it_reads(
    directory: str, run_program
) -> None:
    said = run_program(snapshot.child_reads_what_is_gone, directory)
    assert said == ["InvalidRequestcommit 1 is not held any more: "[:44]] * 5
