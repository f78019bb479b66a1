"""`Store.fork`: a namespace that begins as an exact copy of another, whatever that holds."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tiger
import tiger.aio
from tests.acceptance.programs import elsewhere
from tests.support.choke import Choke
from tests.support.daemon import Daemon, commands_of
from tests.support.file_system import new_directory
from tests.support.model import fork, put, put_many
from tests.support.records import ids
from tiger.format import layout
from tigerd.tools.audit import audit


@pytest.fixture
def parent(shared_store) -> Any:
    """Records of two tables, of the same and of other times."""
    shared_store.coupons.insert_many(
        {"id": f"c{n}", "created": n // 2, "valid": n % 2 == 0} for n in range(8)
    )
    shared_store.plans.insert({"id": "p", "product": "x"})
    return shared_store


def everything(store: Any) -> dict[str, list[Any]]:
    return {"coupons": list(store.coupons), "plans": list(store.plans)}


def test_a_fork_begins_with_all_and_its_writes_are_its_own(parent, second_store) -> None:
    before = everything(parent)
    with parent.fork() as child, parent.fork() as sibling:
        assert everything(child) == everything(sibling) == before
        child.coupons.update({"id": "c3", "created": 1, "valid": None})
        child.coupons.delete("c4")
        child.coupons.insert({"id": "new", "created": 2})
        child.charges.insert({"id": "ch"})
        elsewhere = second_store.namespace(child.current_namespace)
        assert "c4" not in elsewhere.coupons
        assert elsewhere.coupons.get("c4", None) is None
        with pytest.raises(tiger.InvalidCursor):
            elsewhere.coupons.list(starting_after="c4")
        assert ids(elsewhere.coupons.list()) == ["c7", "c6", "new", "c5", "c3", "c2", "c1", "c0"]
        assert ids(elsewhere.coupons.list(limit=2, starting_after="c5")) == ["c3", "c2"]
        assert ids(elsewhere.coupons.list(limit=2, ending_before="c3")) == ["new", "c5"]
        assert elsewhere.coupons.count() == 8
        assert ids(elsewhere.coupons.find_active()) == ["c6", "c2", "c0"]
        assert elsewhere.charges.count() == 1
        assert everything(sibling) == everything(parent) == before
        assert sibling.charges.count() == parent.charges.count() == 0
    assert everything(parent) == before
    assert (
        elsewhere.namespaces()
        .keys()
        .isdisjoint({child.current_namespace, sibling.current_namespace})
    )


def test_a_fork_of_a_fork(parent) -> None:
    with parent.fork() as child:
        child.coupons.update({"id": "c0", "n": 1})
        child.coupons.delete("c1")
        with child.fork() as grandchild:
            assert everything(grandchild) == everything(child)
            grandchild.coupons.insert({"id": "c1", "n": 2})
            grandchild.coupons.delete("c0")
            assert grandchild.coupons.get("c0", None) is None
            assert grandchild.coupons.get("c1")["n"] == 2
            assert grandchild.plans.get("p") == parent.plans.get("p")
            with pytest.raises(tiger.Sealed):
                child.coupons.delete("c2")
        assert child.coupons.get("c0")["n"] == 1
        child.coupons.delete("c2")


WRITES: dict[str, Callable[[Any], object]] = {
    "insert": lambda store: store.coupons.insert({"id": "x"}),
    "update": lambda store: store.coupons.update({"id": "c0"}),
    "create": lambda store: store.coupons.create({"id": "x"}),
    "insert_many": lambda store: store.coupons.insert_many([{"id": "x"}]),
    "patch": lambda store: store.coupons.patch("c0", {"n": 3}),
    "modify": lambda store: store.coupons.modify("c0", dict),
    "delete": lambda store: store.coupons.delete("c0"),
    "delete_by_subscription": lambda store: store.subscription_items.delete_by_subscription("s"),
    "clear": lambda store: store.coupons.clear(everywhere=True),
    "clear of the table": lambda store: store.coupons.clear_namespace(store.current_namespace),
    "clear of all tables": lambda store: store.clear_namespace(),
    "another table": lambda store: store.charges.insert({"id": "x"}),
}


def batched(write: Callable[[Any], object]) -> Callable[[Any], object]:
    def run(store: Any) -> None:
        with store.batch() as batch:
            batch.current_namespace = store.current_namespace
            batch.plans.insert({"id": "first"})
            write(batch)

    return run


BATCHED = {
    f"{name} in a batch": batched(WRITES[name])
    for name in ("insert", "patch", "delete", "clear", "clear of all tables", "insert_many")
}


@pytest.mark.parametrize("name", [*WRITES, *BATCHED])
def test_a_parent_is_sealed_while_it_has_forks(parent, name: str) -> None:
    write = {**WRITES, **BATCHED}[name]
    if "delete_by" in name:
        parent.subscription_items.insert({"id": "i", "subscription": "s"})
    before = everything(parent)
    with parent.fork() as child:
        commit = parent.ping()["commit"]
        with pytest.raises(tiger.Sealed, match="has forks"):
            write(parent)
        assert parent.ping()["commit"] == commit
        assert everything(parent) == everything(child) == before
    parent.coupons.insert({"id": "open again"})


def test_a_rollback_of_a_sealed_parent_is_refused_and_can_be_done_later(parent) -> None:
    mark = parent.mark()
    parent.coupons.delete("c0")
    with parent.fork(), pytest.raises(tiger.Sealed):
        parent.rollback(mark)
    parent.rollback(mark)
    assert "c0" in parent.coupons


def test_a_fork_of_an_empty_namespace_is_empty_and_a_copy_of_that_moment(
    shared_store, shared_directory: str, in_other_process
) -> None:
    """One that never had a record, and one that was cleared."""
    for _ in range(2):
        with shared_store.fork() as child:
            assert child.coupons.list().data == []
            shared_store.coupons.insert({"id": "A"})  # nothing is shared, so nothing is sealed
            assert child.coupons.count() == 0
            child.assert_changes()
            child.coupons.insert({"id": "B"})
            child.assert_changes(created={"coupons": 1})
            seen = in_other_process(
                shared_directory, elsewhere.listed_ids, namespace=child.current_namespace
            )
            assert seen == ["B"]
        assert everything(shared_store) == {"coupons": [{"id": "A"}], "plans": []}
        assert child.current_namespace not in shared_store.namespaces()
        shared_store.clear_namespace()


def test_a_name_that_is_taken_is_refused(parent, other_store) -> None:
    other_store.charges.insert({"id": "ch"})
    with pytest.raises(tiger.AlreadyExists, match="charges"):
        parent.begin_fork(other_store.current_namespace)
    for wrong in ("", "x" * 300, "a\nb"):
        with pytest.raises(tiger.InvalidRecord):
            parent.begin_fork(wrong)
    parent.coupons.insert({"id": "not sealed"})


def test_the_costs_are_three_writes_for_a_sandbox_and_two_for_a_fork(store) -> None:
    store.coupons.insert({"id": "A"})
    before = commands_of(store)
    with store.sandbox():
        pass
    sandbox = commands_of(store) - before
    with store.fork():
        pass
    assert sandbox <= 3
    assert commands_of(store) - before - sandbox <= 2


def test_a_fork_costs_the_same_whatever_there_is() -> None:
    """In stores and bytes, of the fork and of the first write in it."""

    def costs(count: int) -> tuple[int, int]:
        with new_directory() as place:
            daemon = Daemon(place / "instance")
            daemon.do([put(12, "p", "first")])
            records = [{"id": f"c{n}", "created": n} for n in range(count)]
            for start in range(0, count, 500):
                daemon.do([put_many(12, "p", records[start : start + 500])])
            daemon.clean()
            table = daemon.writer.table(12)
            needed = sum(table.space.needed.values())
            with Choke() as choke:
                daemon.do([fork("p", "a")])
                daemon.do([put(12, "a", "c0", created=count)])
            return choke.count, sum(table.space.needed.values()) - needed

    assert costs(10_000) == costs(100)


def test_processes_read_and_write_a_fork_by_its_name(
    parent, shared_directory: str, in_other_process
) -> None:
    with parent.fork() as child:
        found = in_other_process(
            shared_directory, elsewhere.change_fork, namespace=child.current_namespace
        )
        assert found == [7, "c2"]
        assert child.coupons.get("c0", None) is None
        assert child.coupons.get("c1")["n"] == 1
    assert parent.coupons.count() == 8


def test_a_remembered_record_of_a_fork_is_as_fresh_as_a_full_read(parent, second_store) -> None:
    with parent.fork() as child:
        reader = second_store.namespace(child.current_namespace).coupons
        for _ in range(3):
            assert [reader.get(f"c{n}")["created"] for n in range(8)] == [n // 2 for n in range(8)]
        child.coupons.update({"id": "c1", "n": 1})
        child.coupons.delete("c2")
        assert reader.get("c1") == reader.peek("c1") == {"id": "c1", "n": 1}
        assert reader.get("c2", None) is None
        for _ in range(3):
            assert reader.get("c3")["created"] == 1
    assert reader.get("c3", None) is None
    parent.coupons.update({"id": "c3", "n": 2})
    assert reader.get("c3", None) is None
    child = parent.begin_fork(child.current_namespace)
    assert reader.get("c3") == reader.peek("c3") == {"id": "c3", "n": 2}
    child.clear_namespace()


def test_a_snapshot_of_a_fork_outlives_it(parent) -> None:
    with parent.fork() as child:
        child.coupons.delete("c0")
        before = everything(child)
        view_of = child.snapshot()
        view = view_of.__enter__()
    parent.coupons.clear_namespace(parent.current_namespace)
    parent.coupons.insert({"id": "c1", "n": 5})
    assert everything(view) == before
    assert view.coupons.count() == 7
    view_of.__exit__(None, None, None)


def test_asyncio(parent, shared_directory: str) -> None:
    async def main() -> None:
        namespace = parent.current_namespace
        async with tiger.aio.connect(shared_directory, namespace=namespace) as store:
            async with store.fork() as child:
                assert await child.coupons.delete("c0") is True
                assert (child.coupons.count(), store.coupons.count()) == (7, 8)
                with pytest.raises(tiger.Sealed):
                    await store.coupons.delete("c0")
                async with child.fork() as grandchild:
                    assert await grandchild.coupons.patch("c1", {"n": 1})
                    assert "n" not in child.coupons.get("c1")
            async with store.namespace("nowhere").fork() as child:
                assert child.coupons.count() == 0
            assert await store.coupons.delete("c0") is True

    asyncio.run(main())


# The command line and the files


@pytest.fixture
def forked(store) -> Any:
    """A fork "child" of "global" in an instance of this test's own, and one of that."""
    store.coupons.insert_many({"id": f"c{n}", "created": n % 3} for n in range(9))
    child = store.begin_fork("child")
    child.coupons.delete("c0")
    child.coupons.update({"id": "c1", "created": 2})
    child.plans.insert({"id": "p"})
    grandchild = child.begin_fork("grandchild")
    grandchild.coupons.insert({"id": "c0", "created": 1})
    return store


def contents(store: Any) -> dict[str, Any]:
    names = ("global", "child", "grandchild")
    return {name: everything(store.namespace(name)) for name in names}


def test_an_audit_finds_nothing_wrong_with_forks(forked, directory: str, tigerd) -> None:
    assert tigerd("check", directory=directory).returncode == 0
    for name in ("grandchild", "child"):
        forked.clear_namespace(name)
        assert tigerd("check", directory=directory).returncode == 0


def test_an_audit_finds_a_fork_that_counts_wrongly(forked, directory: str) -> None:
    with tiger.connect(directory) as store:
        table = store._reader.table(12, "coupons")
        space = table.find(layout.NAMESPACES, b"grandchild", store._reader.commit)
        assert space is not None
        path, words = space.chunk.path, (layout.COUNT_A, layout.COUNT_B)
        with Path(str(path)).open("r+b") as file:
            for word in words:
                file.seek((space.head + word) * 8)
                file.write((store._reader.commit << 24 | 77).to_bytes(8, "little"))
    [finding] = audit(Path(directory)).findings
    assert "counts 77 records, its list has 9" in str(finding)


def test_forks_survive_a_killed_daemon(forked, directory: str) -> None:
    before = contents(forked)
    os.kill(forked.ping()["pid"], signal.SIGKILL)
    assert contents(forked) == before
    with pytest.raises(tiger.Sealed):
        forked.coupons.insert({"id": "x"})
    forked.namespace("grandchild").coupons.delete("c3")
    before["grandchild"]["coupons"] = [
        record for record in before["grandchild"]["coupons"] if record["id"] != "c3"
    ]
    assert contents(forked) == before
    for name in ("grandchild", "child"):
        forked.clear_namespace(name)
    forked.coupons.insert({"id": "x"})


def test_a_repair_makes_plain_copies_of_forks(forked, directory: str, tigerd) -> None:
    before = contents(forked)
    forked.namespace("other").coupons.insert({"id": "damaged"})
    assert tigerd("stop", directory=directory).returncode == 0
    chunk = Path(directory, "tables", "coupons", "chunk.1")
    data = chunk.read_bytes()
    chunk.write_bytes(data.replace(b"damaged\x81", b"damaged\x00"))
    done = tigerd("repair", "--yes", "--json", directory=directory)
    assert [found["what"] for found in json.loads(done.stdout)["findings"]] == [
        "dropped: cannot be read"
    ]
    with tiger.connect(directory) as store:
        assert contents(store) == before
        store.coupons.delete("c5")  # not sealed any more
        assert everything(store.namespace("child")) == before["child"]
    assert tigerd("check", directory=directory).returncode == 0


def test_a_fork_is_dumped_and_loaded_like_a_copy(forked, directory: str, tigerd) -> None:
    before = contents(forked)
    env = {"TIGERD_NAMESPACE": "grandchild"}
    dumped = tigerd("dump", directory=directory, env=env).stdout
    assert json.loads(dumped)["plans"] == [{"id": "p"}]
    loaded = tigerd("load", "-", directory=directory, stdin=dumped, env={"TIGERD_NAMESPACE": "x"})
    assert loaded.returncode == 0, loaded.stderr
    assert everything(forked.namespace("x")) == before["grandchild"]


def test_watch_tells_of_forks(store, directory: str, start_tigerd) -> None:
    store.coupons.insert({"id": "A"})
    store.plans.insert({"id": "A"})
    watching = start_tigerd("watch", "--json", "--count", "10", directory=directory)
    with store.snapshot():  # what a slow watcher comes to late is not cleaned away
        while watching.poll() is None:  # nobody knows when it has begun
            with store.fork("short") as child:
                child.coupons.delete("A")
    told = [json.loads(line) for line in watching.stdout]
    kinds = [(change["what"], change["table"], change["id"]) for change in told]
    begin = kinds.index(("forked", "coupons", None))
    assert kinds[begin : begin + 5] == [
        ("forked", "coupons", None),
        ("forked", "plans", None),
        ("deleted", "coupons", "A"),
        ("cleared", "coupons", None),
        ("cleared", "plans", None),
    ]
    assert len({change["namespace"] for change in told[begin : begin + 5]}) == 1
    assert told[begin]["namespace"].startswith("short-")


@pytest.mark.parametrize("kind", ["sandbox", "fork"])
def test_a_block_whose_store_was_closed_is_cleared_all_the_same(store, kind: str) -> None:
    store.coupons.insert({"id": "A"})
    with getattr(store, kind)() as test:
        test.coupons.insert({"id": "B"})
        test.close()
    assert store.namespaces() == {store.current_namespace: 1}
