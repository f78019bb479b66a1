"""`wait_for` and `watch`: what another process commits is seen, and nobody polls for it."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import Mock, patch

import pytest

import tiger
import tiger.aio
from tests.acceptance.programs import elsewhere
from tiger.format import layout, protocol
from tiger.reading.changes import Change
from tiger.wire import session
from tiger.wire.zmtp import Wire

LONG_S = 60.0


class Questions:
    """How often `session.Session.wait` asked the daemon, in this process."""

    def __init__(self) -> None:
        self.asked = 0


@pytest.fixture
def questions() -> Iterator[Questions]:
    """Counts the questions; none is asked again before a minute is over."""
    counter = Questions()
    plain = session.Session._frame

    def frame(asking: session.Session, number: int, answer: bool, operations: Any) -> bytes:
        counter.asked += operations[0][0] == "watch"
        return plain(asking, number, answer, operations)

    with (
        patch.object(session, "WATCH_AGAIN_S", LONG_S),
        patch.object(session.Session, "_frame", frame),
    ):
        yield counter


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


@pytest.fixture
def asked(questions: Questions, wait_until: Callable[..., Any]) -> Callable[[int], None]:
    """`asked(n)`: waits until so many questions were asked."""
    return lambda count: wait_until(lambda: questions.asked >= count, what=f"question {count}")


def test_an_existing_record_is_returned_without_a_question(shared_store, questions) -> None:
    shared_store.events.insert({"id": "e1", "type": "invoice.paid", "created": 1})
    shared_store.events.insert({"id": "e2", "type": "invoice.paid", "created": 2})
    shared_store.events.insert({"id": "e3", "type": "other", "created": 3})
    assert shared_store.events.wait_for(type="invoice.paid")["id"] == "e2"
    assert shared_store.events.wait_for(lambda event: event["created"] < 2)["id"] == "e1"
    assert shared_store.events.wait_for(timeout_s=0)["id"] == "e3"
    assert questions.asked == 0


def test_another_process_wakes_a_wait_by_a_message(
    shared_store, shared_directory: str, in_other_process, questions, asked, pool
) -> None:
    """Asked again only after a minute, so it is not a poll that finds what was written."""
    waiting = pool.submit(shared_store.events.wait_for, type="invoice.paid", timeout_s=LONG_S)
    asked(1)
    in_other_process(
        shared_directory, elsewhere.insert_two_events, namespace=shared_store.current_namespace
    )
    assert waiting.result(20)["id"] == "yes"
    assert questions.asked <= 3


def test_writes_elsewhere_wake_nobody(shared_store, other_store, questions, asked, pool) -> None:
    waiting = pool.submit(shared_store.events.wait_for, timeout_s=LONG_S)
    asked(1)
    for n in range(20):
        other_store.events.insert({"id": f"e{n}"})
        shared_store.coupons.insert({"id": f"c{n}"})
    shared_store.events.insert({"id": "yes"})
    assert waiting.result(20)["id"] == "yes"
    assert questions.asked == 1


def test_a_commit_just_before_the_question_is_not_missed(
    shared_store, second_store, questions
) -> None:
    """Between the look and the question: the daemon says at once that there is something."""
    plain = session.Session.wait

    def wait(asking: session.Session, *arguments: Any) -> Any:
        second_store.events.insert({"id": "yes"})
        return plain(asking, *arguments)

    with patch.object(session.Session, "wait", wait):
        assert shared_store.events.wait_for(timeout_s=LONG_S)["id"] == "yes"
    assert questions.asked == 1


def batched(store: Any) -> None:
    with store.batch() as batch:
        batch.coupons.insert({"id": "c"})
        batch.events.insert({"id": "yes"})


WAKES: dict[str, Callable[[Any], object]] = {
    "batch": batched,
    "insert_many": lambda store: store.events.insert_many([{"id": "yes"}]),
    "patch": lambda store: store.events.patch("old", {"wanted": True}),
    "rollback": lambda store: store.rollback(store.test_mark),
}


@pytest.mark.parametrize("name", WAKES)
def test_every_kind_of_write_wakes(shared_store, asked, pool, name: str) -> None:
    shared_store.events.insert({"id": "undone", "wanted": True})
    shared_store.test_mark = shared_store.mark()
    shared_store.events.delete("undone")
    shared_store.events.insert({"id": "old"})
    waiting = pool.submit(
        shared_store.events.wait_for,
        lambda event: event["id"] == "yes" or event.get("wanted"),
        timeout_s=LONG_S,
    )
    asked(1)
    WAKES[name](shared_store)
    assert waiting.result(20)["id"] in ("yes", "old", "undone")


def test_several_waiters_beside_writes_of_the_same_store(shared_store, asked, pool) -> None:
    """Each thread waits on a connection of its own, so writes go on."""
    waits = [
        pool.submit(shared_store.events.wait_for, number=n, timeout_s=LONG_S) for n in range(6)
    ]
    asked(6)
    for n in reversed(range(6)):
        shared_store.events.insert({"id": f"e{n}", "number": n})
    assert [wait.result(20)["id"] for wait in waits] == [f"e{n}" for n in range(6)]


def test_a_wait_in_a_fork(shared_store, asked, pool) -> None:
    shared_store.events.insert({"id": "e1", "n": 1})
    with shared_store.fork() as child:
        assert child.events.wait_for(n=1)["id"] == "e1"
        waiting = pool.submit(child.events.wait_for, n=2, timeout_s=LONG_S)
        asked(1)
        child.events.update({"id": "e1", "n": 2})
        assert waiting.result(20) == {"id": "e1", "n": 2}


def test_a_wait_goes_on_over_a_restart_of_the_daemon(store, pool, wait_until, questions) -> None:
    with patch.object(session, "WATCH_AGAIN_S", 0.1):
        store.events.insert({"id": "old"})
        waiting = pool.submit(store.events.wait_for, type="wanted", timeout_s=LONG_S)
        wait_until(lambda: questions.asked >= 1)
        pid = store.ping()["pid"]
        os.kill(pid, signal.SIGKILL)
        store.events.insert({"id": "other"})  # starts the next daemon
        assert store.ping()["pid"] != pid
        store.events.insert({"id": "yes", "type": "wanted"})
        assert waiting.result(20)["id"] == "yes"


def test_a_time_out_says_what_is_there(shared_store) -> None:
    shared_store.events.insert_many({"id": f"e{n}", "created": n, "type": "a"} for n in range(9))
    with pytest.raises(tiger.TimedOut) as caught:
        shared_store.events.wait_for(type="b", timeout_s=0.01)
    text = str(caught.value)
    assert "no events with type='b' came within 0.01 s" in text
    assert "of 9 there, the newest: e8 type='a'; e7 type='a'" in text
    assert isinstance(caught.value, TimeoutError)
    with pytest.raises(tiger.TimedOut, match="no plans that the predicate accepts came"):
        shared_store.plans.wait_for(bool, timeout_s=0)


@pytest.mark.parametrize("timeout_s", [-1, "1", True, [1]])
def test_a_time_that_is_none_is_refused(shared_store, timeout_s: Any) -> None:
    with pytest.raises(tiger.InvalidRequest, match="timeout_s"):
        shared_store.events.wait_for(timeout_s=timeout_s)


def test_a_daemon_of_another_version_ends_a_wait(shared_store) -> None:
    """Instead of being asked again and again, since it answers at once."""
    wire = Mock(Wire, connections=1)
    wire.flush.return_value = 0
    wire.receive.return_value = protocol.pack([0, 9, "restart it with `tigerd restart`"])
    steps = session.Session(shared_store._reader, wire).wait(
        0, None, "any", time.monotonic() + LONG_S
    )
    with pytest.raises(tiger.LayoutMismatch, match="tigerd restart"):
        next(steps)


def test_an_async_predicate_is_refused(shared_store) -> None:
    """It is true of every record, for nobody awaits it."""

    async def is_wanted(record: tiger.Record) -> bool:
        return False

    shared_store.events.insert({"id": "A"})
    with pytest.raises(tiger.InvalidRequest, match=r"wait_for takes a plain function.*await"):
        shared_store.events.wait_for(is_wanted, timeout_s=LONG_S)


def test_a_predicate_that_raises_is_heard(shared_store) -> None:
    shared_store.events.insert({"id": "A"})
    with pytest.raises(KeyError):
        shared_store.events.wait_for(lambda event: event["absent"])


# watch


def test_watch_yields_each_commit_of_its_namespace(shared_store, other_store, second_store) -> None:
    watching = shared_store.watch(timeout_s=LONG_S)
    second_store.coupons.insert_many([{"id": "A"}, {"id": "B"}])
    other_store.coupons.insert({"id": "no"})
    second_store.coupons.delete("A")
    name = shared_store.current_namespace
    first, second = next(watching), next(watching)
    assert first.changes == [
        Change(first.number, "created", "coupons", name, "A"),
        Change(first.number, "created", "coupons", name, "B"),
    ]
    assert second.changes == [Change(second.number, "deleted", "coupons", name, "A")]
    second_store.clear_namespace()
    assert next(watching).changes[0].what == "cleared"
    watching.close()


def test_watch_is_woken_by_a_message_and_not_by_others(
    shared_store, other_store, questions, asked, pool
) -> None:
    watching = shared_store.watch(timeout_s=LONG_S)
    found = pool.submit(next, watching)
    asked(1)
    for n in range(10):
        other_store.coupons.insert({"id": f"c{n}"})
    shared_store.plans.insert({"id": "yes"})
    assert found.result(20).changes[0].id == "yes"
    assert questions.asked == 1
    watching.close()


def test_watch_ends_when_nothing_comes(shared_store) -> None:
    assert list(shared_store.watch(timeout_s=0.01)) == []


def test_watch_of_a_fork_begins_with_its_writes(shared_store) -> None:
    shared_store.coupons.insert({"id": "A"})
    name = f"{shared_store.current_namespace}-fork"
    watching = shared_store.namespace(name).watch(timeout_s=LONG_S)
    child = shared_store.begin_fork(name)
    child.coupons.delete("A")
    changes = [change for commit in (next(watching), next(watching)) for change in commit.changes]
    assert [(change.what, change.id) for change in changes] == [("forked", None), ("deleted", "A")]
    watching.close()
    child.clear_namespace()


# asyncio


def test_asyncio(shared_store, shared_directory: str, questions) -> None:
    async def main() -> None:
        namespace = shared_store.current_namespace
        async with tiger.aio.connect(shared_directory, namespace=namespace) as store:
            waits = [
                asyncio.create_task(store.events.wait_for(number=n, timeout_s=LONG_S))
                for n in range(3)
            ]
            while questions.asked < 3:
                await asyncio.sleep(0)
            for n in range(3):
                await store.events.insert({"id": f"e{n}", "number": n})
            assert [(await wait)["id"] for wait in waits] == ["e0", "e1", "e2"]
            with pytest.raises(tiger.TimedOut, match="of 3 there"):
                await store.events.wait_for(number=9, timeout_s=0.01)

            watching = store.watch(timeout_s=LONG_S)
            await store.coupons.insert({"id": "A"})
            async for commit in watching:
                assert [change.id for change in commit.changes] == ["A"]
                break
            await watching.aclose()
            cancelled = asyncio.create_task(store.events.wait_for(number=8, timeout_s=LONG_S))
            before = questions.asked
            while questions.asked == before:
                await asyncio.sleep(0)
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            assert await store.events.delete("e0") is True

    asyncio.run(main())


def test_waiters_that_were_in_vain_leave_no_thread_or_socket(shared_store) -> None:
    def opened() -> tuple[int, int]:
        return threading.active_count(), len(os.listdir("/proc/self/fd"))

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("no /proc")
    shared_store.events.insert({"id": "A"})
    shared_store.events.get("A")  # its segments are mapped, which in pure Python takes descriptors
    before = opened()
    for _ in range(5):
        with pytest.raises(tiger.TimedOut):
            shared_store.events.wait_for(n=1, timeout_s=0.001)
        list(shared_store.watch(timeout_s=0.001))
    deadline = time.monotonic() + 5
    while opened() > before and time.monotonic() < deadline:
        pass
    assert opened() <= before


def test_a_watch_that_is_overtaken_says_how_much_it_missed(shared_store) -> None:
    commits = shared_store.watch(timeout_s=30)
    count = layout.RING_MAX + 100
    shared_store.coupons.insert_many({"id": f"c{number}"} for number in range(count))
    commit = next(commits)
    assert commit.missed >= 100
    assert len(commit.changes) + commit.missed == count


def test_changes_of_the_whole_instance_are_followed(shared_connection) -> None:
    with shared_connection.sandbox() as one, shared_connection.sandbox() as other:
        changes = shared_connection.follow()
        one.coupons.insert({"id": "A"})
        other.plans.insert({"id": "B"})
        mine = {one.current_namespace: "A", other.current_namespace: "B"}
        found = {c.namespace: c.id for c in changes.take() if c.namespace in mine}
    assert found == mine
