"""What holds on several machines: one account, the same on all, as each promise says."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

import tiger
from tests.machines.machines import HOLDER, Machines, machines
from tests.support.processes import Worker, wait_for


@pytest.fixture(scope="module")
def shared() -> Iterator[Machines]:
    """Two hosts that the tests of this module share; each has a namespace of its own."""
    with machines("A", "B") as made:
        yield made


@pytest.fixture
def stores(shared: Machines, request: Any) -> Iterator[tuple[tiger.Store, tiger.Store]]:
    """A store of each host, in this test's namespace."""
    name = request.node.name.replace("[", "-")[:80]
    with (
        shared["A"].connect(namespace=name) as a,
        shared["B"].connect(namespace=name) as b,
    ):
        yield a, b


Stores = tuple[tiger.Store, tiger.Store]


def seen(condition: Any, what: str = "what the other host wrote") -> None:
    wait_for(condition, what, 15)


def test_writes_of_one_host_are_on_all_in_the_same_order(stores: Stores, shared: Machines) -> None:
    a, b = stores
    for number in range(50):
        (a, b)[number % 2].coupons.insert({"id": f"c{number}", "created": number % 3})
    a.coupons.patch("c1", {"name": "one"})
    a.plans.insert_many([{"id": f"p{number}", "product": "x"} for number in range(20)])
    with b.batch() as batch:
        batch.coupons.insert({"id": "batched"})
        batch.coupons.delete("c2")
    shared.check_equal()
    assert [c["id"] for c in a.coupons] == [c["id"] for c in b.coupons]
    assert a.coupons["c1"]["name"] == b.coupons["c1"]["name"] == "one"
    assert len(b.plans.find_by_product("x")) == 20


def test_of_two_hosts_that_create_the_same_one_wins(stores: Stores) -> None:
    a, b = stores
    a.coupons.create({"id": "only"})
    with pytest.raises(tiger.AlreadyExists, match="already exists"):
        b.coupons.create({"id": "only"})  # whether b had it or not when it asked


def test_a_version_is_the_same_on_all_hosts_and_guards_a_write(stores: Stores) -> None:
    a, b = stores
    a.coupons.insert({"id": "c", "n": 0})
    seen(lambda: "c" in b.coupons)
    assert a.coupons.version("c") == b.coupons.version("c")
    version = b.coupons.version("c")
    a.coupons.insert({"id": "c", "n": 1})
    with pytest.raises(tiger.Conflict):
        b.coupons.update({"id": "c", "n": 2}, if_version=version)


def test_a_counter_loses_nothing_though_both_hosts_count(stores: Stores) -> None:
    a, b = stores
    a.coupons.insert({"id": "n", "v": 0})
    seen(lambda: "n" in b.coupons)

    def count(store: tiger.Store) -> None:
        for _ in range(50):
            store.coupons.modify("n", lambda record: {**record, "v": record["v"] + 1})

    threads = [threading.Thread(target=count, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen(lambda: a.coupons["n"]["v"] == b.coupons["n"]["v"] == 100, "100 counts")


def test_a_wait_on_one_host_is_woken_by_a_write_on_the_other(stores: Stores) -> None:
    a, b = stores
    found: list[Any] = []
    waiter = threading.Thread(target=lambda: found.append(b.plans.wait_for(id="p", timeout_s=15)))
    waiter.start()
    a.plans.insert({"id": "p", "amount": 5})
    waiter.join(20)
    assert found == [{"id": "p", "amount": 5}]


def test_changes_are_followed_across_hosts(stores: Stores) -> None:
    a, b = stores
    changes = b.watch(timeout_s=15)
    a.plans.insert({"id": "p"})
    commit = next(iter(changes))
    assert [change.id for change in commit.changes] == ["p"]


def test_a_sandbox_of_a_host_is_read_on_all_and_cleared_on_all(stores: Stores) -> None:
    a, b = stores
    with a.sandbox() as test:
        test.plans.insert({"id": "p"})
        there = b.namespace(test.current_namespace)
        seen(lambda: "p" in there.plans)
    seen(lambda: "p" not in there.plans, "the clear")


def test_a_fork_of_a_host_is_one_on_all(stores: Stores) -> None:
    a, b = stores
    a.plans.insert({"id": "p"})
    with a.fork() as fork:
        fork.plans.insert({"id": "q"})
        there = b.namespace(fork.current_namespace)
        seen(lambda: len(there.plans) == 2)
        with pytest.raises(tiger.Sealed):
            b.plans.insert({"id": "r"})


def test_a_table_that_one_host_defines_all_have(stores: Stores) -> None:
    a, b = stores
    a.define("visits", prefix="vis", indexes=("page",))
    a.table("visits").insert({"id": "v", "page": "home"})
    seen(lambda: "visits" in b.tables() and "v" in b.table("visits"))
    assert b.table("visits").find_by("page", "home")[0]["id"] == "v"


def test_namespaces_of_a_killed_process_are_cleared_on_all_hosts(
    stores: Stores, shared: Machines
) -> None:
    a, b = stores
    holder = Worker(HOLDER, shared["A"].directory)
    try:
        name = holder.hear()
    finally:
        holder.end()
    seen(lambda: name not in b.namespaces() and name not in a.namespaces(), "the clear")
    shared.check_equal()


def test_everywhere_is_seen_on_all_hosts_when_it_returns(stores: Stores, shared: Machines) -> None:
    _, b = stores
    with shared["A"].connect(namespace=b.current_namespace, everywhere=True) as a:
        for number in range(300):
            a.coupons.insert({"id": f"c{number}"})
            assert f"c{number}" in b.coupons


async def everywhere_awaited(shared: Machines, b: tiger.Store) -> None:
    directory, name = shared["A"].directory, b.current_namespace
    async with tiger.aio.connect(directory, namespace=name, everywhere=True) as a:
        for number in range(50):
            await a.coupons.insert({"id": f"c{number}"})
            assert f"c{number}" in b.coupons


def test_everywhere_is_awaited_too(stores: Stores, shared: Machines) -> None:
    import asyncio

    asyncio.run(everywhere_awaited(shared, stores[1]))


def test_a_refusal_everywhere_is_of_what_all_have(stores: Stores, shared: Machines) -> None:
    a, b = stores
    with shared["A"].connect(namespace=b.current_namespace, everywhere=True) as careful:
        for number in range(50):
            a.coupons.insert({"id": f"c{number}"})
            with pytest.raises(tiger.AlreadyExists):
                careful.coupons.create({"id": f"c{number}"})
            assert f"c{number}" in b.coupons


def test_everywhere_is_given_on_to_forms_of_a_store(shared: Machines) -> None:
    import pickle

    with shared["A"].connect(everywhere=True) as store:
        forms = [store.namespace("other"), pickle.loads(pickle.dumps(store))]
        assert all(form._attached.connection.line.options.everywhere for form in (*forms, store))


def test_a_variable_says_everywhere(shared: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIGERD_EVERYWHERE", "1")
    with shared["A"].connect() as store:
        assert store._attached.connection.line.options.everywhere
    with shared["A"].connect(everywhere=False) as store:
        assert not store._attached.connection.line.options.everywhere


def test_a_rollback_on_one_host_happens_on_all(stores: Stores) -> None:
    a, b = stores
    a.plans.insert({"id": "p"})
    mark = a.mark()
    a.plans.insert({"id": "q"})
    seen(lambda: "q" in b.plans)
    assert len(a.changes(mark)) == 1
    a.rollback(mark)
    assert "q" not in a.plans
    seen(lambda: "q" not in b.plans)


def test_reads_on_all_hosts_go_by_memory_alone(stores: Stores, shared: Machines) -> None:
    a, b = stores
    a.plans.insert({"id": "p"})
    seen(lambda: "p" in b.plans)
    shared["B"].freeze()
    try:
        assert b.plans["p"] == {"id": "p"}
    finally:
        shared["B"].thaw()
