"""`tiger.aio`: the same store for asyncio; reads are plain calls, writes are awaited."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import tiger
import tiger.aio


@pytest.fixture
def run(shared_directory: str, shared_store) -> Callable[..., Any]:
    """`run(use)`: awaits `use(store)` with a store on the namespace of `shared_store`."""

    def run_with_store(use: Callable[[Any], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            namespace = shared_store.current_namespace
            async with tiger.aio.connect(shared_directory, namespace=namespace) as store:
                return await use(store)

        return asyncio.run(main())

    return run_with_store


def test_connect_starts_a_daemon(directory: str) -> None:
    async def main() -> None:
        async with tiger.aio.connect(directory) as store:
            assert store.current_namespace == "global"
            assert (await store.ping())["pid"] > 0

    asyncio.run(main())


def test_connect_without_autostart_needs_an_instance(directory: str) -> None:
    async def main() -> None:
        async with tiger.aio.connect(directory, autostart=False):
            pass

    with pytest.raises(tiger.DaemonUnavailable):
        asyncio.run(main())


def test_writes_are_awaited_and_reads_are_not(run, shared_store) -> None:
    async def use(store: Any) -> None:
        coupons = store.coupons
        assert await coupons.insert({"id": "A", "n": 1}) == {"id": "A", "n": 1}
        assert coupons.get("A") == {"id": "A", "n": 1}
        assert await coupons.update({"id": "A", "n": 2}) == {"id": "A", "n": 2}
        assert await coupons.create({"id": "B"}) == {"id": "B"}
        assert await coupons.patch("B", {"n": 5}) == {"id": "B", "n": 5}
        assert await coupons.insert_many([{"id": "C"}, {"id": "D"}]) == 2
        assert await coupons.delete("C") is True
        assert await coupons.delete("C") is False
        made = await coupons.insert({"object": "coupon"})

        assert [record["id"] for record in coupons.list()] == [made["id"], "D", "B", "A"]
        assert coupons.count() == len(coupons) == 4
        assert "A" in coupons
        assert coupons["A"] == coupons.peek("A") == {"id": "A", "n": 2}
        assert coupons.get("C", None) is None
        assert [record["id"] for record in coupons] == [made["id"], "D", "B", "A"]
        assert coupons.find_by("n", 5) == [{"id": "B", "n": 5}]
        assert coupons.find_active() == []

        await coupons.clear_namespace(store.current_namespace)
        assert coupons.count() == 0

    run(use)
    assert shared_store.coupons.count() == 0


def test_records_of_one_kind_of_store_are_read_by_the_other(run, shared_store) -> None:
    async def use(store: Any) -> None:
        await store.coupons.insert({"id": "A", "n": 1})
        assert shared_store.coupons.get("A") == {"id": "A", "n": 1}
        shared_store.coupons.update({"id": "A", "n": 2})
        assert store.coupons.get("A") == {"id": "A", "n": 2}

    run(use)


def test_every_call_that_writes_gives_an_awaitable(run) -> None:
    async def use(store: Any) -> None:
        coupons = store.coupons
        await coupons.insert({"id": "A"})
        for pending in (
            coupons.insert({"id": "A"}),
            coupons.update({"id": "A"}),
            coupons.patch("A", {"n": 1}),
            coupons.modify("A", dict),
            coupons.delete("A"),
            coupons.create({"id": "A"}),
            coupons.insert_many([]),
            coupons.clear_namespace(store.current_namespace),
            store.clear_namespace(),
            store.ping(),
        ):
            assert inspect.isawaitable(pending)
            await pending

    run(use)


def test_modify_and_versions(run) -> None:
    async def use(store: Any) -> None:
        coupons = store.coupons
        await coupons.insert({"id": "A", "n": 0})
        version = coupons.version("A")
        await asyncio.gather(
            *(coupons.modify("A", lambda record: {**record, "n": record["n"] + 1}) for _ in "12345")
        )
        assert coupons.get("A")["n"] == 5
        with pytest.raises(tiger.Conflict):
            await coupons.update({"id": "A"}, if_version=version)

    run(use)


def test_errors_are_the_same(run) -> None:
    async def use(store: Any) -> None:
        await store.coupons.insert({"id": "A"})
        with pytest.raises(tiger.AlreadyExists):
            await store.coupons.create({"id": "A"})
        with pytest.raises(tiger.NotFound):
            await store.coupons.patch("nobody", {})
        with pytest.raises(tiger.NotFound):
            store.coupons.get("nobody")
        with pytest.raises(tiger.InvalidRecord):
            await store.coupons.insert({"id": ""})
        with pytest.raises(tiger.UnknownTable):
            store.table("nonsense")
        with pytest.raises(ValueError, match="0"):
            store.coupons.list(limit=0)

    run(use)


def test_many_writes_at_once_all_arrive(run, shared_store) -> None:
    async def use(store: Any) -> None:
        records = await asyncio.gather(
            *(store.coupons.insert({"id": f"c{number}", "n": number}) for number in range(200))
        )
        assert [record["n"] for record in records] == list(range(200))

    run(use)
    assert {record["n"] for record in shared_store.coupons} == set(range(200))


def test_a_batch(run, shared_store) -> None:
    async def use(store: Any) -> None:
        before = (await store.ping())["commit"]
        async with store.batch() as batch:
            batch.coupons.insert({"id": "A"})
            batch.plans.insert({"id": "gold"})
            assert shared_store.coupons.count() == 0
        assert (await store.ping())["commit"] == before + 1
        with contextlib.suppress(RuntimeError):
            async with store.batch() as batch:
                batch.coupons.delete("A")
                raise RuntimeError

    run(use)
    assert shared_store.coupons.get("A") == {"id": "A"}
    assert shared_store.plans.get("gold") == {"id": "gold"}


def test_a_snapshot(run, shared_store) -> None:
    async def use(store: Any) -> None:
        await store.coupons.insert({"id": "A", "n": 1})
        with store.snapshot() as view:
            await store.coupons.update({"id": "A", "n": 2})
            assert view.coupons.get("A")["n"] == 1
            assert view.coupons.count() == 1
        assert store.coupons.get("A")["n"] == 2

    run(use)


def test_a_sandbox(run) -> None:
    async def use(store: Any) -> None:
        async with store.sandbox() as test:
            assert test.current_namespace != store.current_namespace
            await test.coupons.insert({"id": "A"})
            assert store.coupons.count() == 0
            name = test.current_namespace
        assert store.namespace(name).coupons.count() == 0

    run(use)


def test_define_and_tables(directory: str) -> None:
    async def main() -> None:
        async with tiger.aio.connect(directory) as store:
            await store.define("gadgets", prefix="gad", indexes=("colour",))
            await store.gadgets.insert({"id": "a", "colour": "red"})
            assert store.gadgets.find_by_colour("red") == [{"id": "a", "colour": "red"}]
            assert "gadgets" in store.tables()
            assert store.namespaces() == {"global": 1}

    asyncio.run(main())


def test_the_loop_runs_while_a_write_waits(store, directory: str, wait_until) -> None:
    """The daemon is stopped until the loop itself has been seen to turn."""
    pid = store.ping()["pid"]
    turned = threading.Event()

    async def turn_the_loop() -> None:
        for _ in range(10):
            await asyncio.sleep(0)
        turned.set()
        os.kill(pid, signal.SIGCONT)

    async def main() -> None:
        async with tiger.aio.connect(directory) as aio_store:
            await aio_store.ping()
            os.kill(pid, signal.SIGSTOP)
            try:
                writing = asyncio.ensure_future(aio_store.coupons.insert({"id": "A"}))
                await asyncio.sleep(0)
                await turn_the_loop()
                assert await writing == {"id": "A"}
            finally:
                os.kill(pid, signal.SIGCONT)

    asyncio.run(main())
    assert turned.is_set()
    assert store.coupons.get("A") == {"id": "A"}


def test_a_cancelled_write_leaves_the_store_usable(run) -> None:
    async def use(store: Any) -> None:
        for number in range(20):
            writing = asyncio.ensure_future(store.coupons.insert({"id": f"c{number}"}))
            await asyncio.sleep(0)
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing
        await store.coupons.insert({"id": "last"})
        assert store.coupons.get("last") == {"id": "last"}
        assert await store.coupons.patch("last", {"n": 1}) == {"id": "last", "n": 1}

    run(use)


def test_two_loops_after_each_other(shared_directory: str, shared_store) -> None:
    for number in range(2):

        async def main(number: int = number) -> None:
            namespace = shared_store.current_namespace
            async with tiger.aio.connect(shared_directory, namespace=namespace) as store:
                await store.coupons.insert({"id": f"c{number}"})

        asyncio.run(main())
    assert shared_store.coupons.count() == 2


def test_two_loops_at_the_same_time_are_told_at_once(shared_directory: str, shared_store) -> None:
    """One of them is in the middle of a request: the other cannot be woken at its end."""

    async def connect() -> Any:
        return await tiger.aio.connect(
            shared_directory, namespace=shared_store.current_namespace, timeout_s=60
        )

    store = asyncio.run(connect())
    turns = store._attached.connection._turns

    async def in_the_middle() -> None:
        assert await turns.take(0)
        with pytest.raises(tiger.InvalidRequest, match="another event loop is in the middle"):
            await asyncio.to_thread(lambda: asyncio.run(store.coupons.insert({"id": "A"})))
        turns.give()
        await asyncio.to_thread(lambda: asyncio.run(store.coupons.insert({"id": "B"})))
        await store.close()

    asyncio.run(in_the_middle())
    assert [coupon["id"] for coupon in shared_store.coupons] == ["B"]


def test_without_asyncio_s_event_loop_one_sentence_says_so(shared_directory: str) -> None:
    """As under trio, which steps through a coroutine itself."""
    coroutine = tiger.aio.connect(shared_directory).__await__()
    with pytest.raises(tiger.InvalidRequest, match=r"needs asyncio's event loop.*trio"):
        next(coroutine)


def test_a_store_that_was_not_awaited_says_so(shared_directory: str) -> None:
    connecting = tiger.aio.connect(shared_directory)
    with pytest.raises(AttributeError, match=r"not awaited.*'coupons': use `store = await"):
        connecting.coupons  # noqa: B018
