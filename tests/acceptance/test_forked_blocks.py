"""A child that is forked within a block, by Python or by a program in C, and leaves that block."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tiger.place import leases, pins
from tigerd.engine import holders

HOWS = pytest.mark.parametrize("how", ["os", "C"])

BEGIN = """
import ctypes, json, os, sys
import tiger, tiger.aio

fork = os.fork if sys.argv[2] == "os" else ctypes.PyDLL(None).fork

def leave_in_child():
    '''Fork a child that leaves all blocks that it is in, and wait for its end.'''
    pid = fork()
    if pid == 0:
        raise SystemExit
    assert os.waitpid(pid, 0)[1] == 0

def run(work):
    '''Print what the work returns; the child prints nothing.'''
    me = os.getpid()
    try:
        answer = work()
    finally:
        if os.getpid() != me:
            os._exit(0 if isinstance(sys.exc_info()[1], SystemExit) else 1)
    print(json.dumps(answer))
"""


@HOWS
def test_only_the_process_that_began_a_block_ends_it(directory: str, run_script, how: str) -> None:
    answer = run_script(
        BEGIN
        + """
def work():
    seen = {}
    with tiger.connect(sys.argv[1]) as store:
        store.coupons.insert({"id": "first", "n": 1})
        with store.sandbox() as test:
            test.coupons.insert({"id": "A"})
            leave_in_child()
            seen["sandbox"] = test.coupons.count()
        with store.fork() as child:
            child.coupons.insert({"id": "A"})
            leave_in_child()
            seen["fork"] = child.coupons.count()
        with store.savepoint():
            store.coupons.insert({"id": "A"})
            leave_in_child()
            seen["savepoint"] = store.coupons.count()
        with store.batch() as batch:
            batch.coupons.insert({"id": "B"})
            leave_in_child()
            seen["batch"] = "B" in store.coupons
        before = store.ping()["commit"]
        with store.snapshot() as view:
            leave_in_child()
            store.coupons.update({"id": "first", "n": 2})
            seen["snapshot"] = view.coupons.get("first")["n"]
        leave_in_child()  # the store's own block
        seen["store"] = store.coupons.insert({"id": "C"})["id"]
        seen["ids"] = sorted(store.coupons.get(id)["id"] for id in ("first", "B", "C"))
        seen["commits"] = store.ping()["commit"] - before
        seen["namespaces"] = store.namespaces()
    return seen

run(work)
""",
        directory,
        how,
    )
    assert answer == {
        "sandbox": 1,
        "fork": 2,
        "savepoint": 2,
        "batch": False,
        "snapshot": 1,
        "store": "C",
        "ids": ["B", "C", "first"],
        "commits": 2,
        "namespaces": {"global": 3},
    }


@HOWS
def test_blocks_of_asyncio_too(directory: str, run_script, how: str) -> None:
    answer = run_script(
        BEGIN
        + """
import asyncio

async def leave(block):
    '''Leave a block in a child, which ends there: an event loop is its parent's.'''
    pid = fork()
    if pid == 0:
        await block.__aexit__(None, None, None)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0

async def main():
    seen = []
    async with tiger.aio.connect(sys.argv[1]) as store:
        await store.coupons.insert({"id": "first"})
        for begin in (store.sandbox, store.fork, store.savepoint, store.batch):
            block = begin()
            given = await block.__aenter__()
            written = (given if begin != store.savepoint else store).coupons.insert({"id": "A"})
            if begin != store.batch:
                await written
            await leave(block)
            seen.append((given if begin in (store.sandbox, store.fork) else store).coupons.count())
            await block.__aexit__(None, None, None)
        seen.append([store.coupons.count(), store.namespaces()])
    return seen

print(json.dumps(asyncio.run(main())))
""",
        directory,
        how,
    )
    assert answer == [1, 2, 2, 1, [2, {"global": 2}]]


@HOWS
def test_what_a_child_adds_to_its_parents_batch_is_refused(
    directory: str, run_script, how: str
) -> None:
    answer = run_script(
        BEGIN
        + """
def work():
    with tiger.connect(sys.argv[1]) as store, store.batch() as batch:
        pid = fork()
        if pid == 0:
            try:
                batch.coupons.insert({"id": "A"})
            except tiger.InvalidRequest as error:
                assert "begin another with store.batch()" in str(error)
                raise SystemExit
        status = os.waitpid(pid, 0)[1]
        batch.coupons.insert({"id": "B"})
    with tiger.connect(sys.argv[1]) as store:
        return [status, [record["id"] for record in store.coupons]]

run(work)
""",
        directory,
        how,
    )
    assert answer == [0, ["B"]]


@HOWS
def test_a_child_does_not_hold_what_its_parent_held(
    store, directory: str, start_other_process, wait_until, how: str
) -> None:
    """The parent is killed, the child lives on: what was the parent's goes all the same.

    A child that a program in C forked notices when it first uses the library.
    """
    other = start_other_process(
        directory,
        f"""
import ctypes
fork = os.fork if {how!r} == "os" else ctypes.PyDLL(None).fork
view = store.snapshot()
with store.sandbox() as test, view:
    test.coupons.insert({{"id": "A"}})
    read_end, write_end = os.pipe()
    pid = fork()
    if pid == 0:
        store.coupons.insert({{"id": "child"}})
        os.write(write_end, b"\\n")
        while True:
            time.sleep(60)
    os.read(read_end, 1)
    print(test.current_namespace, pid, flush=True)
    sys.stdin.readline()
""",
    )
    name, child = other.read_line().split()
    try:
        assert name in store.namespaces()
        assert list(Path(directory, pins.FOLDER).iterdir())
        other.process.kill()
        other.process.wait()
        wait_until(lambda: name not in store.namespaces(), what="the clear")
        wait_until(lambda: holders.least_pin(Path(directory)) is None, what="the end of the pin")
    finally:
        os.kill(int(child), signal.SIGKILL)


def test_a_child_holds_what_it_needs_itself(
    store, directory: str, start_other_process, wait_until
) -> None:
    other = start_other_process(
        directory,
        """
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
""",
    )
    parents, childs, child = other.read_line().split()
    try:
        assert {parents, childs} <= store.namespaces().keys()
        other.process.kill()
        wait_until(lambda: parents not in store.namespaces(), what="the clear of the parent's")
        assert store.namespace(childs).coupons.count() == 1
        with holders.looking(Path(directory, leases.FOLDER)) as look:
            assert not any(look.left.values())
    finally:
        os.kill(int(child), signal.SIGKILL)
    wait_until(lambda: childs not in store.namespaces(), what="the clear of the child's")
