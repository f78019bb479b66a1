"""What both kinds of connection do at a fork, at a close, and while another has the turn."""

from __future__ import annotations

import asyncio
import gc
import os
import select
import signal
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from unittest.mock import Mock

import pytest

import tiger
import tiger.aio
from tests.rooms.wire.programs import connections as programs
from tests.support.forks import FORKS
from tiger.aio.connection import AsyncConnection
from tiger.aio.turns import Turns, settle, settled
from tiger.format import protocol
from tiger.store import Store
from tiger.wire.connection import Connection, Options
from tiger.wire.session import Answer, Session
from tiger.wire.zmtp import Wait

LONG_S = 60.0

CLEAR = [[protocol.CLEAR_NAMESPACE, 1, "nobody's"]]


@pytest.fixture
def connected(shared_connection: Store) -> Iterator[Connection]:
    """A connection that has spoken to the daemon."""
    connection = shared_connection._attached.connection.twin()
    connection.ask(protocol.PING)
    with closing(connection):
        yield connection


# Forks


def test_no_thread_of_a_child_comes_upon_the_session_of_its_parent(
    directory: str, run_program
) -> None:
    """What the child's threads say first, all at once, is not taken for the parent's."""
    answer = run_program(programs.threads_of_child_write, directory)
    assert answer == [True, 26]


@pytest.mark.parametrize("how", FORKS)
def test_a_child_does_not_wait_for_a_turn_that_a_thread_of_its_parent_has(
    directory: str, run_program, how: str
) -> None:
    answer = run_program(programs.forks_while_a_thread_writes, directory, how)
    assert answer == [{"id": "child"}, 3]


def test_a_store_of_asyncio_in_a_child(directory: str, run_program) -> None:
    answer = run_program(programs.forks_with_store_of_asyncio, directory)
    assert answer == [[True, True], 21]


def test_a_request_under_way_is_not_said_again_by_a_child(directory: str, run_program) -> None:
    """A signal handler forks in the middle of a write: the child knows nothing of the outcome."""
    answer = run_program(programs.forks_in_a_write, directory)
    assert answer == [0, 0]


def test_processes_forked_without_python_s_hooks_keep_their_writes_apart(
    directory: str, run_program
) -> None:
    """As uWSGI forks: nothing acknowledged is missing, and no answer is another process's."""
    answer = run_program(programs.children_in_c_write, directory)
    said, kept, shared = answer
    for who in said:
        assert said[who] == [*(f"{who}-{number}" for number in range(10)), *range(5)]
        assert all(kept[who])
        assert shared[who] == 4


# Forgotten stores


@pytest.mark.timeout(20)
def test_a_store_may_be_forgotten_in_the_middle_of_a_write(shared_directory: str) -> None:
    """The garbage collector comes at any time, also in a thread that has the connection's lock."""
    owner: Store | None = tiger.connect(shared_directory)
    assert owner is not None
    owner.coupons.count()  # a table refers to its store: only the collector finds them
    connection = owner._attached.connection
    left = owner.namespace("left")

    def forget() -> None:
        nonlocal owner
        owner = None
        gc.collect()

    with closing(connection), pytest.warns(ResourceWarning, match="unclosed"):  # noqa: PT031
        connection.write(CLEAR, forget)
        assert connection.line.wire.descriptor() is not None
        assert left.coupons.insert({"id": "A"}) == left.coupons.get("A")
        left.clear_namespace()


def test_a_forgotten_store_lets_go_of_its_socket(shared_directory: str) -> None:
    owner = tiger.connect(shared_directory)
    owner.ping()
    connection = owner._attached.connection
    with pytest.warns(ResourceWarning, match="unclosed"):  # noqa: PT031
        del owner
        gc.collect()
    assert connection.line.wire.descriptor() is None


def test_a_closed_store_is_gone_without_the_garbage_collector(shared_directory: str) -> None:
    gc.disable()
    try:
        store = tiger.connect(shared_directory)
        store.coupons.count()
        store.table("plans").count()
        reader = weakref.ref(store._reader)
        store.close()
        del store
        assert reader() is None
    finally:
        gc.enable()


# Closing


def test_a_closed_connection_does_not_connect_again(shared_directory: str) -> None:
    store = tiger.connect(shared_directory)
    other = store.namespace("other")
    other.ping()
    store.close()
    for call in (
        store.ping,
        other.ping,
        lambda: other.coupons.insert({"id": "A"}),
        lambda: other.coupons.wait_for(timeout_s=0.01),
        lambda: next(other.watch(timeout_s=0)),
    ):
        with pytest.raises(tiger.InvalidRequest, match="closed: connect again"):
            call()
    assert store._attached.connection.line.wire.descriptor() is None


def test_a_close_waits_for_nobody_and_a_write_of_another_thread_is_finished(
    shared_connection: Store,
) -> None:
    connection = shared_connection._attached.connection.twin()
    is_writing, is_closed = threading.Event(), threading.Event()

    def meanwhile() -> str:
        is_writing.set()
        assert is_closed.wait(LONG_S)
        return "done"

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(connection.write, CLEAR, meanwhile)
        assert is_writing.wait(LONG_S)
        connection.close()
        assert connection.line.wire.descriptor() is not None
        is_closed.set()
        assert writing.result(LONG_S).value == "done"
    assert connection.line.wire.descriptor() is None


def test_a_task_that_waits_is_told_of_a_close(
    directory: str, store: Store, wait_until: Callable[..., Any]
) -> None:
    """Neither does it connect again, nor is what gets the descriptor's number touched."""
    daemon = store.ping()["pid"]

    async def main() -> None:
        other = await tiger.aio.connect(directory, timeout_s=LONG_S)
        connection = other._attached.connection
        await other.coupons.insert({"id": "A"})
        os.kill(daemon, signal.SIGSTOP)
        writes = [asyncio.create_task(other.coupons.insert({"id": each})) for each in "BC"]
        while connection._waiting is None:
            await asyncio.sleep(0)
        descriptor = connection.line.wire.descriptor()
        assert descriptor is not None
        await other.close()
        assert connection._waiting.done(), "woken at once"
        os.fstat(descriptor)  # nobody else gets the number while the loop looks at it
        with pytest.raises(tiger.OutcomeUnknown, match="was closed"):
            await writes[0]
        with pytest.raises(tiger.InvalidRequest, match="is closed: connect again"):
            await writes[1]
        assert connection.line.wire.descriptor() is None
        assert not asyncio.get_running_loop().remove_reader(descriptor)

    try:
        asyncio.run(main())
    finally:
        os.kill(daemon, signal.SIGCONT)


# Turns and deadlines


def test_a_turn_that_does_not_come_in_time(shared_connection: Store) -> None:
    connection = Connection(shared_connection._reader, Options(autostart=False, timeout_s=0.01))
    with connection._lock:
        for call in (lambda: connection.write(CLEAR, str), lambda: connection.ask(protocol.PING)):
            with pytest.raises(tiger.DaemonUnavailable, match=r"0\.01 s; nothing was changed"):
                call()
    connection.line.options = Options(autostart=False, timeout_s=LONG_S)
    assert connection.ask(protocol.PING)
    connection.close()


def test_a_turn_that_does_not_come_in_time_in_asyncio(shared_connection: Store) -> None:
    async def main() -> None:
        connection = AsyncConnection(
            shared_connection._reader, Options(autostart=False, timeout_s=0.01)
        )
        assert await connection._turns.take(0)
        for call in (connection.write(CLEAR, str), connection.ask(protocol.PING)):
            with pytest.raises(tiger.DaemonUnavailable, match=r"0\.01 s; nothing was changed"):
                await call
        connection._turns.give()
        connection.line.options = Options(autostart=False, timeout_s=LONG_S)
        assert await connection.ask(protocol.PING)
        connection.close()

    asyncio.run(main())


@pytest.mark.parametrize("kind", [Connection, AsyncConnection])
def test_the_deadline_of_a_request_is_made_before_its_turn_is_waited_for(
    shared_connection: Store, monkeypatch: pytest.MonkeyPatch, kind: type[Any]
) -> None:
    clock = Mock()
    clock.monotonic.return_value = 1000.0

    def turn_comes(timeout: float) -> bool:
        assert timeout == 5.0
        clock.monotonic.return_value = 1003.0
        return True

    async def turn_comes_later(left_s: float) -> bool:
        return turn_comes(left_s)

    def write(_: Session, operations: Any, meanwhile: Any, deadline: float) -> Any:
        return Answer(0, deadline)
        yield

    monkeypatch.setattr(f"{kind.__module__}.time", clock)
    monkeypatch.setattr(Session, "write", write)
    connection = kind(shared_connection._reader, Options(autostart=False, timeout_s=5.0))
    if kind is Connection:
        connection._lock = Mock()
        connection._lock.acquire = turn_comes
        answer = connection.write(CLEAR, str)
    else:
        connection._turns = Mock(take=turn_comes_later)
        answer = asyncio.run(connection.write(CLEAR, str))
    assert answer.value == 1005.0


def test_turns_are_given_in_order_and_none_is_lost_with_a_task() -> None:
    async def main() -> None:
        turns = Turns()
        assert await turns.take(0)
        order: list[int] = []

        async def one(number: int) -> None:
            assert await turns.take(LONG_S)
            order.append(number)
            turns.give()

        tasks = [asyncio.create_task(one(number)) for number in range(5)]
        await asyncio.sleep(0)
        assert not await turns.take(0)  # too late: passed over
        tasks[1].cancel()
        turns.give()
        tasks[0].cancel()  # it has the turn, and does not know it yet
        await asyncio.wait(tasks)
        assert order == [2, 3, 4]
        assert not turns.is_taken

        assert await turns.take(0)
        thrown_away = one(9)
        thrown_away.send(None)
        turns.give()
        thrown_away.close()
        assert not turns.is_taken

    asyncio.run(main())


def test_a_cancel_that_comes_with_the_result_is_not_lost() -> None:
    async def main() -> None:
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(settled(future, LONG_S))
        await asyncio.sleep(0)
        settle(future, True)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_a_cancel_that_comes_with_the_answer_ends_the_task(connected: Connection) -> None:
    async def main() -> None:
        connection = AsyncConnection(
            connected.line.reader, Options(autostart=False, timeout_s=LONG_S)
        )
        ours, theirs = socket.socketpair()
        with ours, theirs:  # nothing comes over it
            connection.line.wire.descriptor = ours.fileno  # type: ignore[method-assign]
            wait = connection._wait(Wait(select.POLLIN, time.monotonic() + LONG_S))
            task = asyncio.create_task(wait)
            await asyncio.sleep(0)
            assert connection._waiting is not None
            settle(connection._waiting, True)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not asyncio.get_running_loop().remove_reader(ours.fileno())

    asyncio.run(main())
