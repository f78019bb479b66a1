"""What a child does that is forked within a block, by Python or by a program in C."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import tiger
import tiger.aio
from tests.support.forks import FORKS


def leave_in_child(how: str) -> None:
    """Fork a child that leaves all blocks that it is in, and wait for its end."""
    pid = FORKS[how]()
    if pid == 0:
        raise SystemExit
    assert os.waitpid(pid, 0)[1] == 0


def answer_of_parent(work: Callable[[], object]) -> object:
    """Return what the work returns; a child that leaves it ends."""
    me = os.getpid()
    try:
        return work()
    finally:
        if os.getpid() != me:
            os._exit(0 if isinstance(sys.exc_info()[1], SystemExit) else 1)


def leaves_every_block(directory: str, how: str) -> object:
    seen: dict[str, object] = {}

    def work() -> object:
        with tiger.connect(directory) as store:
            store.coupons.insert({"id": "first", "n": 1})
            with store.sandbox() as test:
                test.coupons.insert({"id": "A"})
                leave_in_child(how)
                seen["sandbox"] = test.coupons.count()
            with store.fork() as child:
                child.coupons.insert({"id": "A"})
                leave_in_child(how)
                seen["fork"] = child.coupons.count()
            with store.savepoint():
                store.coupons.insert({"id": "A"})
                leave_in_child(how)
                seen["savepoint"] = store.coupons.count()
            with store.batch() as batch:
                batch.coupons.insert({"id": "B"})
                leave_in_child(how)
                seen["batch"] = "B" in store.coupons
            before = store.ping()["commit"]
            with store.snapshot() as view:
                leave_in_child(how)
                store.coupons.update({"id": "first", "n": 2})
                seen["snapshot"] = view.coupons.get("first")["n"]
            leave_in_child(how)  # the store's own block
            seen["store"] = store.coupons.insert({"id": "C"})["id"]
            seen["ids"] = sorted(store.coupons.get(id)["id"] for id in ("first", "B", "C"))
            seen["commits"] = store.ping()["commit"] - before
            seen["namespaces"] = store.namespaces()
        return seen

    return answer_of_parent(work)


def leaves_blocks_of_asyncio(directory: str, how: str) -> object:
    async def leave(block: Any) -> None:
        """Leave a block in a child, which ends there: an event loop is its parent's."""
        pid = FORKS[how]()
        if pid == 0:
            await block.__aexit__(None, None, None)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0

    async def main() -> object:
        seen: list[object] = []
        async with tiger.aio.connect(directory) as store:
            await store.coupons.insert({"id": "first"})
            for kind in ("sandbox", "fork", "savepoint", "batch"):
                block = getattr(store, kind)()
                given = await block.__aenter__()
                written = (store if kind == "savepoint" else given).coupons.insert({"id": "A"})
                if kind != "batch":
                    await written
                await leave(block)
                seen.append((given if kind in ("sandbox", "fork") else store).coupons.count())
                await block.__aexit__(None, None, None)
            seen.append([store.coupons.count(), store.namespaces()])
        return seen

    return asyncio.run(main())


def child_adds_to_batch(directory: str, how: str) -> object:
    def work() -> object:
        with tiger.connect(directory) as store, store.batch() as batch:
            pid = FORKS[how]()
            if pid == 0:
                try:
                    batch.coupons.insert({"id": "A"})
                except tiger.InvalidRequest as error:
                    if "begin another with store.batch()" in str(error):
                        raise SystemExit from None
                    raise
            status = os.waitpid(pid, 0)[1]
            batch.coupons.insert({"id": "B"})
        with tiger.connect(directory) as store:
            return [status, [record["id"] for record in store.coupons]]

    return answer_of_parent(work)


def child_outlives_what_parent_held(store: tiger.Store, how: str) -> None:
    """A child that a program in C forked notices when it first uses the library."""
    with store.sandbox() as test, store.snapshot():
        test.coupons.insert({"id": "A"})
        read_end, write_end = os.pipe()
        pid = FORKS[how]()
        if pid == 0:
            store.coupons.insert({"id": "child"})
            os.write(write_end, b"\n")
            while True:
                time.sleep(60)
        os.read(read_end, 1)
        print(test.current_namespace, pid, flush=True)
        sys.stdin.readline()


def child_holds_its_own(store: tiger.Store) -> None:
    with store.sandbox() as test:
        test.coupons.insert({"id": "A"})
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            with store.sandbox() as own:
                own.coupons.insert({"id": "B"})
                os.write(write_end, own.current_namespace.encode())
                while True:
                    time.sleep(60)
        print(test.current_namespace, os.read(read_end, 100).decode(), pid, flush=True)
        sys.stdin.readline()
