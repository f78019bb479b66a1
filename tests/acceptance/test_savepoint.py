"""`Store.mark`, `rollback` and `savepoint`: what was done since is undone, and nothing else."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from pathlib import Path
from typing import Any

import pytest

import tiger
import tiger.aio
from tests.support.choke import Choke
from tests.support.daemon import Daemon, commands_of
from tests.support.file_system import new_directory
from tests.support.model import delete, put, put_many, rollback
from tiger.place.pins import Pin
from tigerd.service.stopping import stop_daemon


@pytest.fixture
def filled(shared_store) -> Any:
    """Two tables; records of the same time, so that their order is that of their inserts."""
    shared_store.coupons.insert_many({"id": f"c{n}", "created": 1, "valid": True} for n in range(6))
    shared_store.plans.insert({"id": "p", "product": "x"})
    return shared_store


def everything(store: Any) -> list[Any]:
    return [
        list(store.coupons),
        list(store.plans),
        list(store.charges),
        store.coupons.count(),
        store.coupons.find_active(),
        store.plans.find_by_product("x"),
    ]


def change_everything(store: Any) -> None:
    """Every kind of write."""
    store.coupons.update({"id": "c0", "created": 5})
    store.coupons.patch("c1", {"valid": None})
    store.coupons.delete("c2")
    store.coupons.delete("c3")
    store.coupons.insert({"id": "c3", "created": 1})
    store.charges.insert_many([{"id": "ch"}, {}])
    with store.batch() as batch:
        batch.plans.delete("p")
        batch.plans.create({"id": "q", "product": "x"})


def clear_and_fill(store: Any) -> None:
    store.clear_namespace()
    store.coupons.insert({"id": "c4", "created": 9})


@pytest.mark.parametrize("change", [change_everything, clear_and_fill, tiger.Store.clear_namespace])
@pytest.mark.parametrize("is_fork", [False, True], ids=["plain", "fork"])
def test_a_savepoint_undoes_what_its_block_did(filled, second_store, change, is_fork: bool) -> None:
    """No matter which process did it; `second_store` remembers what it has read."""
    store = filled.begin_fork(f"{filled.current_namespace}-fork") if is_fork else filled
    elsewhere = second_store.namespace(store.current_namespace)
    before = everything(store)
    with store.savepoint():
        change(elsewhere)
        for _ in range(3):
            assert everything(elsewhere) == everything(store) != before
    for _ in range(3):
        assert everything(store) == everything(elsewhere) == before
    store.clear_namespace()


def test_a_savepoint_undoes_what_its_block_did_when_that_raises(filled) -> None:
    before = everything(filled)
    try:
        with filled.savepoint():
            change_everything(filled)
            raise RuntimeError
    except RuntimeError:
        assert everything(filled) == before


def test_a_namespace_that_began_since_is_gone(shared_store) -> None:
    with shared_store.savepoint():
        shared_store.coupons.insert({"id": "A"})
    assert shared_store.coupons.count() == 0
    with shared_store.fork() as child:  # of nothing, so it does not seal
        shared_store.coupons.insert({"id": "B"})
        assert child.coupons.count() == 0


def test_savepoints_within_each_other(filled) -> None:
    states = [everything(filled)]
    with filled.savepoint():
        filled.coupons.delete("c0")
        states.append(everything(filled))
        with filled.savepoint():
            clear_and_fill(filled)
            states.append(everything(filled))
            with filled.savepoint():
                change_everything_else(filled)
            assert everything(filled) == states[2]
        assert everything(filled) == states[1]
    assert everything(filled) == states[0]


def change_everything_else(store: Any) -> None:
    store.coupons.delete("c4")
    store.plans.insert({"id": "z"})


def test_an_earlier_mark_undoes_what_a_later_one_restored(filled) -> None:
    first = filled.mark()
    before = everything(filled)
    filled.coupons.delete("c1")
    second = filled.mark()
    filled.coupons.insert({"id": "c1", "n": 1})
    filled.rollback(second)
    assert "c1" not in filled.coupons
    filled.rollback(first)
    assert everything(filled) == before


def test_other_namespaces_stay_as_they_are(filled, other_store) -> None:
    with filled.savepoint():
        other_store.coupons.insert({"id": "A"})
        filled.coupons.insert({"id": "A"})
    assert "A" in other_store.coupons
    assert "A" not in filled.coupons


def test_a_record_that_is_restored_has_a_new_version(filled) -> None:
    mark = filled.mark()
    untouched, touched = filled.coupons.version("c0"), filled.coupons.version("c1")
    filled.coupons.patch("c1", {"n": 1})
    filled.rollback(mark)
    assert filled.coupons.version("c0") == untouched
    assert filled.coupons.version("c1") > touched
    with pytest.raises(tiger.Conflict):
        filled.coupons.update({"id": "c1"}, if_version=touched)


def test_a_rollback_is_one_write_and_a_mark_none(filled) -> None:
    before = commands_of(filled)
    mark = filled.mark()
    assert commands_of(filled) == before
    change_everything(filled)
    between = commands_of(filled)
    filled.rollback(mark)
    assert commands_of(filled) == between + 1


def test_a_rollback_costs_what_was_changed_and_not_what_is_there() -> None:
    def costs(count: int) -> int:
        with new_directory() as place:
            daemon = Daemon(place / "instance")
            for start in range(0, count, 500):
                daemon.do([put_many(12, "a", [{"id": f"c{start + n}"} for n in range(500)])])
            daemon.clean()
            commit = daemon.writer.commit
            pin = Pin(daemon.directory, commit)
            daemon.do([put(12, "a", "c1", n=1), delete(12, "a", "c2"), put(12, "a", "new")])
            with Choke() as choke:
                daemon.do([rollback("a", commit)])
            pin.release()
            return choke.count

    assert costs(10_000) == costs(500)


def test_a_snapshot_sees_neither_what_was_done_nor_that_it_was_undone(filled) -> None:
    mark = filled.mark()
    change_everything(filled)
    changed = everything(filled)
    with filled.snapshot() as view:
        filled.rollback(mark)
        assert everything(view) == changed
        assert everything(filled) != changed


# What marks are refused


def test_a_mark_of_another_namespace_is_refused(filled, other_store) -> None:
    mark = filled.mark()
    with pytest.raises(tiger.InvalidRequest, match="not of"):
        other_store.rollback(mark)
    with pytest.raises(tiger.InvalidRequest, match="not of"):
        other_store.changes(mark)
    filled.rollback(mark)


def test_a_mark_of_another_instance_is_refused(store) -> None:
    with new_directory() as directory, tiger.connect(directory) as other:
        try:
            for each in (store, other):  # the commits of both have the same numbers
                each.coupons.insert({"id": "A"})
            mark = other.mark()
            held = store.mark()
            for use in (store.rollback, store.changes, store.assert_changes):
                with pytest.raises(tiger.InvalidRequest, match=f"at {other.directory}, not of"):
                    use(mark)
            store.rollback(held)
            other.rollback(mark)
        finally:
            stop_daemon(other.directory, 10)


def test_a_mark_is_rolled_back_once(filled) -> None:
    mark = filled.mark()
    filled.rollback(mark)
    for use in (filled.rollback, filled.changes, filled.assert_changes):
        with pytest.raises(tiger.InvalidRequest, match="rolled back or released"):
            use(mark)
    with pytest.raises(tiger.InvalidRequest), filled.savepoint() as point:
        filled.rollback(point)


def test_a_mark_that_was_released_or_forgotten_holds_nothing(store, directory: str) -> None:
    store.coupons.insert({"id": "A"})
    pins = Path(directory) / "pins"
    mark = store.mark()
    assert len(list(pins.iterdir())) == 1
    mark.release()
    mark.release()
    assert list(pins.iterdir()) == []
    with pytest.raises(tiger.InvalidRequest):
        store.rollback(mark)
    forgotten = store.mark()
    del forgotten
    gc.collect()
    assert list(pins.iterdir()) == []


@pytest.mark.parametrize("commit", [-1, 1 << 50, None, "1", True, 1.5])
def test_no_commit_that_nobody_can_hold_is_rolled_back_to(store, commit: Any) -> None:
    from tiger.wire import requests

    store.coupons.insert({"id": "A"})
    pid = store.ping()["pid"]
    with pytest.raises(tiger.InvalidRequest, match="no mark of this host holds it"):
        store._attached.connection.run(requests.rollback("global", commit))
    assert store.ping()["pid"] == pid
    assert "A" in store.coupons


# Over the death of daemons


def test_a_mark_outlives_daemons_that_are_killed(store) -> None:
    store.coupons.insert_many({"id": f"c{n}", "created": 1} for n in range(6))
    store.plans.insert({"id": "p", "product": "x"})
    child = store.begin_fork("child")
    before = everything(child)
    mark = child.mark()
    change_everything(child)
    os.kill(store.ping()["pid"], signal.SIGKILL)
    clear_and_fill(child)
    os.kill(store.ping()["pid"], signal.SIGKILL)
    child.rollback(mark)
    assert everything(child) == before


def test_a_fork_begun_anew_under_a_mark_does_not_end_the_daemon(store) -> None:
    store.coupons.insert_many([{"id": "A"}, {"id": "B"}])
    child = store.begin_fork("child")
    child.coupons.delete("B")
    mark = child.mark()
    child.clear_namespace()
    store.begin_fork("child")
    pid = store.ping()["pid"]
    child.rollback(mark)
    assert list(child.coupons) == [{"id": "A"}]
    assert store.ping()["pid"] == pid


def test_asyncio(filled, shared_directory: str) -> None:
    async def main() -> None:
        namespace = filled.current_namespace
        async with tiger.aio.connect(shared_directory, namespace=namespace) as store:
            before = everything(store)
            async with store.savepoint():
                await store.coupons.delete("c0")
                await store.clear_namespace()
                assert store.coupons.count() == 0
            assert everything(store) == before
            mark = store.mark()
            await store.rollback(mark)
            with pytest.raises(tiger.InvalidRequest):
                await store.rollback(mark)
            with pytest.raises(tiger.InvalidRequest):
                await store.namespace("another").rollback(store.mark())

    asyncio.run(main())
