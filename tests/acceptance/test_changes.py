"""`Store.changes` and `assert_changes`: what is not as it was, and an error that says so."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

import tiger


def told(differences: Any) -> list[tuple[str, str, str]]:
    return [(change.what, change.table, change.id) for change in differences]


@pytest.fixture
def filled(shared_store) -> Any:
    shared_store.coupons.insert_many({"id": f"c{n}", "created": n, "n": 0} for n in range(4))
    shared_store.plans.insert({"id": "p"})
    return shared_store


def change(store: Any) -> None:
    store.coupons.insert({"id": "new", "n": 1})
    store.coupons.update({"id": "c1", "n": 1})
    store.plans.delete("p")
    store.coupons.delete("c2")


CHANGED = [
    ("created", "coupons", "new"),
    ("updated", "coupons", "c1"),
    ("deleted", "plans", "p"),
    ("deleted", "coupons", "c2"),
]


@pytest.mark.parametrize("is_fork", [False, True], ids=["plain", "fork"])
def test_changes_since_a_mark_come_oldest_first(filled, is_fork: bool) -> None:
    store = filled.begin_fork(f"{filled.current_namespace}-fork") if is_fork else filled
    store.coupons.patch("c0", {"n": 5})
    mark = store.mark()
    assert told(store.changes(mark)) == []
    store.coupons.insert({"id": "passing"})
    change(store)
    store.coupons.delete("passing")
    found = store.changes(since=mark)
    assert told(found) == CHANGED
    assert [change.commit for change in found] == sorted(change.commit for change in found)
    assert found.created == {"coupons": [{"id": "new", "n": 1}]}
    assert found.updated == {
        "coupons": [({"id": "c1", "created": 1, "n": 0}, {"id": "c1", "n": 1})]
    }
    assert found.deleted == {
        "plans": [{"id": "p"}],
        "coupons": [{"id": "c2", "created": 2, "n": 0}],
    }
    assert len(found) == 4
    store.clear_namespace()


def test_a_record_changed_and_changed_back_did_not_change(filled) -> None:
    mark = filled.mark()
    filled.coupons.patch("c1", {"n": 9})
    filled.coupons.patch("c1", {"n": 0})
    filled.coupons.delete("c2")
    filled.coupons.insert({"id": "c2", "created": 2, "n": 0})
    with filled.savepoint():
        change(filled)
    assert told(filled.changes(mark)) == []
    filled.assert_changes(mark)


def test_without_a_mark_it_is_all_since_the_namespace_began(filled, second_store) -> None:
    assert len(filled.changes()) == 5
    assert {kind for kind, _, _ in told(filled.changes())} == {"created"}
    with filled.fork() as child, child.fork() as grandchild:
        elsewhere = second_store.namespace(grandchild.current_namespace)
        assert told(grandchild.changes()) == told(elsewhere.changes()) == []
        change(grandchild)
        assert told(grandchild.changes()) == told(elsewhere.changes()) == CHANGED
        assert told(child.changes()) == []


def test_a_namespace_that_was_cleared_since(filled) -> None:
    mark = filled.mark()
    filled.clear_namespace()
    assert sorted(told(filled.changes(mark))) == [
        *(("deleted", "coupons", f"c{n}") for n in range(4)),
        ("deleted", "plans", "p"),
    ]
    filled.coupons.insert({"id": "c1", "created": 1, "n": 0})
    filled.coupons.insert({"id": "c2", "n": 7})
    assert told(filled.changes(mark))[-1] == ("updated", "coupons", "c2")
    assert sorted(told(filled.changes(mark))) == [
        ("deleted", "coupons", "c0"),
        ("deleted", "coupons", "c3"),
        ("deleted", "plans", "p"),
        ("updated", "coupons", "c2"),
    ]


def test_a_fork_that_was_cleared_since(filled) -> None:
    with filled.fork() as child:
        child.coupons.delete("c0")
        mark = child.mark()
        child.clear_namespace()
        assert len(child.changes(mark)) == len(child.changes(mark).deleted["coupons"]) + 1 == 4
        child.coupons.insert({"id": "c0", "created": 0, "n": 0})
        child.coupons.insert({"id": "c1", "created": 1, "n": 0})
        assert sorted(told(child.changes(mark))) == [
            ("created", "coupons", "c0"),
            ("deleted", "coupons", "c2"),
            ("deleted", "coupons", "c3"),
            ("deleted", "plans", "p"),
        ]
        assert sorted(told(child.changes())) == [
            ("deleted", "coupons", "c2"),
            ("deleted", "coupons", "c3"),
            ("deleted", "plans", "p"),
        ]


def test_a_namespace_that_began_since(shared_store) -> None:
    mark = shared_store.mark()
    shared_store.coupons.insert({"id": "A"})
    assert told(shared_store.changes(mark)) == [("created", "coupons", "A")]


def test_a_fork_that_began_since_under_that_name(filled, shared_connection) -> None:
    child = shared_connection.namespace(f"{filled.current_namespace}-fork")
    mark = child.mark()
    filled.begin_fork(child.current_namespace)
    child.coupons.delete("c0")
    assert sorted(told(child.changes(mark))) == [
        *(("created", "coupons", f"c{n}") for n in (1, 2, 3)),
        ("created", "plans", "p"),
    ]
    child.clear_namespace()


def test_a_defined_table_is_looked_at_too(store) -> None:
    mark = store.mark()
    store.define("parcels").insert({"id": "A"})
    store.assert_changes(mark, created={"parcels": 1})


def test_reading_goes_on_after_the_daemon_is_dead(store) -> None:
    store.coupons.insert({"id": "A"})
    mark = store.mark()
    store.coupons.insert({"id": "B"})
    os.kill(store.ping()["pid"], signal.SIGKILL)
    assert told(store.changes(mark)) == [("created", "coupons", "B")]


# assert_changes


def test_exactly_what_is_named_passes(filled) -> None:
    mark = filled.mark()
    change(filled)
    filled.assert_changes(
        mark, created={"coupons": 1}, updated={"coupons": 1}, deleted={"plans": 1, "coupons": 1}
    )
    filled.assert_changes(
        mark,
        created={"coupons": 1, "events": 0},
        updated={"coupons": 1},
        deleted={"plans": 1, "coupons": 1},
    )


@pytest.mark.parametrize(
    ("expected", "line"),
    [
        ({"created": {"events": 2}}, "created events: 0, not 2"),
        ({"created": {"coupons": 2}}, "created coupons: 1, not 2"),
        ({}, "updated coupons: 1, not 0"),
        ({"deleted": {"plans": 0}}, "deleted plans: 1, not 0"),
    ],
)
def test_anything_else_fails_and_says_what_changed(filled, expected: Any, line: str) -> None:
    mark = filled.mark()
    change(filled)
    with pytest.raises(AssertionError) as caught:
        filled.assert_changes(mark, **expected)
    text = str(caught.value)
    assert line in text.splitlines()
    assert "updated coupons c1: created=1 is gone, n 0 → 1" in text
    assert "created coupons new: n=1" in text
    assert "deleted plans p" in text


def test_a_table_left_out_counts_where_it_is_named(filled) -> None:
    filled.left_out |= {"coupons"}
    mark = filled.mark()
    change(filled)
    filled.assert_changes(mark, deleted={"plans": 1})
    with pytest.raises(AssertionError, match="updated coupons: 1, not 0"):
        filled.assert_changes(mark, created={"coupons": 1}, deleted={"plans": 1})
    assert {table for _, table, _ in told(filled.changes(mark))} == {"plans"}
    with filled.snapshot() as view, filled.fork() as child:
        child.coupons.insert({"id": "more"})
        child.assert_changes()
        assert view.left_out == view.namespace("other").left_out == {"coupons"}
        view.assert_changes(mark, deleted={"plans": 1})


def test_a_name_that_no_table_has_is_told(filled) -> None:
    """It would count none, whatever happens."""
    mark = filled.mark()
    with pytest.raises(tiger.UnknownTable, match="evnts"):
        filled.assert_changes(mark, created={"evnts": 0})


def test_an_account_of_much_is_cut(filled) -> None:
    mark = filled.mark()
    filled.coupons.insert_many({"id": f"m{n}", "text": "x" * 500} for n in range(100))
    with pytest.raises(AssertionError) as caught:
        filled.assert_changes(mark)
    text = str(caught.value)
    assert "(70 earlier ones are left out)" in text
    assert len(text.splitlines()) < 40
    assert max(map(len, text.splitlines())) <= 160


def test_asyncio_has_the_same(filled, shared_directory: str) -> None:
    import asyncio

    import tiger.aio

    async def main() -> None:
        namespace = filled.current_namespace
        async with tiger.aio.connect(shared_directory, namespace=namespace) as store:
            mark = store.mark()
            await store.coupons.insert({"id": "new"})
            store.assert_changes(mark, created={"coupons": 1})
            async with store.fork() as child:
                await child.coupons.delete("new")
                child.assert_changes(deleted={"coupons": 1})
            with pytest.raises(tiger.InvalidRequest):
                store.namespace("another").changes(mark)

    asyncio.run(main())


def test_a_mark_after_the_snapshot_that_is_asked_is_refused(filled) -> None:
    with filled.snapshot() as view:
        filled.coupons.insert({"id": "later"})
        with pytest.raises(tiger.InvalidRequest, match="later than this snapshot"):
            view.changes(filled.mark())
