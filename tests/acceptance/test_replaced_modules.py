"""A test freezes clocks and puts mocks into the standard library: the store does not notice."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import freezegun
import pytest
import time_machine

import tiger
import tiger.aio
from tests.rooms.place.programs.mocked import sockets_are_forbidden_when_loaded
from tests.support.processes import stopped
from tiger.store import Store

SOON_S = 0.05

FREEZERS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "freezegun": lambda: freezegun.freeze_time("2024-01-01"),
    "time-machine": lambda: time_machine.travel("2024-01-01", tick=False),
}


@pytest.fixture(params=FREEZERS)
def frozen(request: pytest.FixtureRequest) -> AbstractContextManager[Any]:
    return FREEZERS[request.param]()


@pytest.mark.timeout(20)
def test_waits_end_though_the_clock_is_frozen(shared_store: Store, frozen: Any) -> None:
    with frozen:
        assert time.time() == time.time()
        with pytest.raises(tiger.TimedOut):
            shared_store.coupons.wait_for(id="nobody", timeout_s=SOON_S)
        assert list(shared_store.watch(timeout_s=SOON_S)) == []
        assert shared_store.coupons.insert({"id": "A"}) == {"id": "A"}


@pytest.mark.timeout(20)
def test_waits_of_asyncio_end_though_the_clock_is_frozen(shared_store: Store, frozen: Any) -> None:
    async def main() -> None:
        where = shared_store.directory
        async with tiger.aio.connect(where, namespace=shared_store.current_namespace) as store:
            with pytest.raises(tiger.TimedOut):
                await store.coupons.wait_for(id="nobody", timeout_s=SOON_S)
            assert [commit async for commit in store.watch(timeout_s=SOON_S)] == []
            assert await store.coupons.insert({"id": "A"}) == {"id": "A"}

    with frozen:
        asyncio.run(main())


@pytest.mark.timeout(30)
def test_a_write_to_a_stopped_daemon_ends_though_the_clock_is_frozen(
    directory: str, store: Store
) -> None:
    async def write() -> None:
        async with tiger.aio.connect(directory, timeout_s=SOON_S) as other:
            with pytest.raises(tiger.DaemonUnavailable):
                await other.coupons.insert({"id": "A"})

    with tiger.connect(directory, timeout_s=SOON_S) as begun:
        begun.coupons.insert({"id": "first"})
        with stopped(store.ping()["pid"]):
            for freeze in FREEZERS.values():
                with freeze():
                    with pytest.raises(tiger.OutcomeUnknown):
                        begun.coupons.insert({"id": "A"})
                    with (
                        tiger.connect(directory, timeout_s=SOON_S) as other,
                        pytest.raises(tiger.DaemonUnavailable),
                    ):
                        other.coupons.insert({"id": "A"})
                    asyncio.run(write())


def test_a_clock_frozen_in_the_middle_of_a_wait_does_not_end_it(shared_store: Store) -> None:
    """Nor does one that goes on: whatever the loop's clock says, the kernel's counts."""

    async def main() -> None:
        where = shared_store.directory
        async with tiger.aio.connect(where, namespace=shared_store.current_namespace) as store:
            with freezegun.freeze_time("2024-01-01"):
                waiting = asyncio.ensure_future(store.coupons.wait_for(id="A", timeout_s=30))
                await asyncio.sleep(0)
            with freezegun.freeze_time("2031-01-01"):
                await store.coupons.insert({"id": "A"})
                assert (await waiting)["id"] == "A"

    asyncio.run(main())


def mocked() -> pytest.MonkeyPatch:
    """What HTTP mocks, pytest-socket, and mocks of processes and sleeps do."""
    patch = pytest.MonkeyPatch()
    forbidden = Mock(side_effect=RuntimeError("a test forbids this"))
    patch.setattr(socket, "socket", forbidden)
    patch.setattr(subprocess, "Popen", forbidden)
    for name in ("kill", "killpg", "getpid", "urandom"):
        patch.setattr(os, name, forbidden)
    patch.setattr(time, "sleep", forbidden)
    return patch


def test_a_store_is_connected_to_though_sockets_and_processes_are_mocked(directory: str) -> None:
    Path(directory).rmdir()
    patch = mocked()
    try:
        with tiger.connect(directory) as store:
            store.coupons.insert({"id": "A"})
            assert store.coupons.get("A") == {"id": "A"}
            with store.sandbox() as test:
                test.coupons.insert({"id": "B"})
    finally:
        patch.undo()


def test_the_library_may_be_loaded_where_sockets_are_forbidden(directory: str, run_program) -> None:
    answer = run_program(sockets_are_forbidden_when_loaded, directory)
    assert answer == 1


def test_gevent_that_came_later_is_told_before_all_greenlets_are_stopped(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in: what it does to the module of the standard library is what counts."""
    shared_store.coupons.insert({"id": "A"})
    monkeypatch.setitem(sys.modules, "gevent", Mock())
    assert shared_store.coupons.wait_for(id="A")["id"] == "A"
    monkeypatch.delattr(select, "poll")
    with pytest.raises(tiger.InvalidRequest, match="before `import tiger`"):
        shared_store.coupons.wait_for(id="nobody", timeout_s=SOON_S)
    assert shared_store.coupons.insert({"id": "B"}) == {"id": "B"}
