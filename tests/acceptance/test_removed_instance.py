"""What attached processes are told when their instance is removed, or replaced, under them."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import tiger
import tiger.aio


@pytest.fixture
def remove(directory: str, tigerd) -> Callable[[], None]:
    def remove() -> None:
        assert tigerd("stop", directory=directory).returncode == 0
        shutil.rmtree(directory)

    return remove


def wait_for_ever(store: tiger.Store) -> Any:
    return store.events.wait_for(type="none", timeout_s=None)


def watch_for_ever(store: tiger.Store) -> Any:
    return list(store.watch())


def wait_for_ever_in_asyncio(store: tiger.Store) -> Any:
    async def wait() -> Any:
        async with tiger.aio.connect(store.directory) as other:
            return await other.events.wait_for(type="none", timeout_s=math.inf)

    return asyncio.run(wait())


@pytest.mark.parametrize("wait", [wait_for_ever, watch_for_ever, wait_for_ever_in_asyncio])
def test_a_wait_ends_when_the_instance_is_removed(
    store: tiger.Store, remove: Callable[[], None], wait_until, wait: Callable[[Any], Any]
) -> None:
    connections = store.ping()["connections"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait, store)
        wait_until(lambda: store.ping()["connections"] > connections, what="the waiter")
        remove()
        with pytest.raises(tiger.InstanceError, match="was removed, or replaced"):
            waiting.result(30)


def test_a_write_makes_no_other_instance_in_its_place(
    store: tiger.Store, directory: str, remove: Callable[[], None]
) -> None:
    store.coupons.insert({"id": "A"})
    store.plans.insert({"id": "never read"})
    assert store.coupons.get("A") == {"id": "A"}
    remove()
    with pytest.raises(tiger.InstanceError, match="was removed, or replaced"):
        store.coupons.insert({"id": "B"})
    with pytest.raises(tiger.InstanceError, match="was removed, or replaced"):
        store.plans.get("never read")
    assert not os.path.exists(directory)


def test_a_write_does_not_go_to_the_instance_that_replaced_it(
    store: tiger.Store, directory: str, remove: Callable[[], None]
) -> None:
    store.coupons.insert({"id": "A"})
    remove()
    with tiger.connect(directory) as other:
        with pytest.raises(tiger.InstanceError, match="replaced"):
            store.coupons.insert({"id": "B"})
        assert other.coupons.count() == 0
