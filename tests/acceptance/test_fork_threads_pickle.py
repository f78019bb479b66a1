"""One store in forked children, in threads, and pickled into other processes."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import pickle
import shutil
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

import tiger
import tiger.aio
from tests.acceptance.programs import fork_threads_pickle as programs
from tiger import pickling

# Forks


@pytest.mark.parametrize("used", [True, False], ids=["used before", "unused before"])
def test_a_forked_child_reads_and_writes(directory: str, run_program, used: bool) -> None:
    """With a store that had spoken to the daemon before, and with one that had not."""
    answer = run_program(programs.child_reads_and_writes, directory, used)
    (parents_record, childs_record, count, childs_pid), changed, count_after, pid = answer
    assert parents_record == {"id": "parent", "n": 10}
    assert childs_record == {"id": "child", "n": 2}
    assert changed == {"id": "child", "n": 20}
    assert (count, count_after) == (2, 3)
    assert childs_pid == pid


def test_parent_and_children_write_at_once(directory: str, run_program) -> None:
    """Every one of the increments is there: no answer went to the wrong process."""
    answer = run_program(programs.parent_and_children_add, directory)
    assert answer == [[None, None, None], 200]


def test_a_grandchild_works_too(directory: str, run_program) -> None:
    answer = run_program(programs.grandchild_writes, directory)
    assert answer == [[3, 3], 3]


def test_a_child_that_closes_the_store_leaves_the_parents_alone(
    directory: str, run_program
) -> None:
    answer = run_program(programs.child_closes, directory)
    assert answer == [2, True]


def test_a_snapshot_of_the_parent_is_read_in_a_child(directory: str, run_program) -> None:
    answer = run_program(programs.child_reads_snapshot, directory)
    assert answer == [[1, 2], 1]


def test_the_daemon_outlives_the_process_that_started_it(
    directory: str, run_program, tigerd
) -> None:
    """It is not killed with its starter, and holds none of its pipes open."""
    answer = run_program(programs.starts_daemon, directory)
    status = tigerd("status", "--json", directory=directory)
    assert status.returncode == 0
    assert json.loads(status.stdout)["pid"] == answer


# Threads


def test_threads_share_a_store(shared_store) -> None:
    """Each thread reads its own writes; all are there in the end."""
    coupons = shared_store.coupons
    start = threading.Barrier(8)

    def work(worker: int) -> None:
        start.wait(timeout=30)
        for number in range(100):
            name = f"{worker}-{number}"
            assert coupons.insert({"id": name, "worker": worker, "n": number})["n"] == number
            assert coupons.get(name) == {"id": name, "worker": worker, "n": number}
            assert coupons.patch(name, {"n": -number})["n"] == -number
            if number % 10 == 0:
                assert coupons.delete(name) is True
            assert coupons.list(limit=3).object == "list"

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(work, worker) for worker in range(8)]:
            future.result(timeout=60)

    assert coupons.count() == 8 * 90
    assert {record["id"] for record in coupons} == {
        f"{worker}-{number}" for worker in range(8) for number in range(100) if number % 10
    }


def test_threads_increment_one_record(shared_store) -> None:
    shared_store.coupons.insert({"id": "sum", "n": 0})

    def add(_: int) -> None:
        for _ in range(25):
            shared_store.coupons.modify("sum", lambda record: {**record, "n": record["n"] + 1})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add, range(6)))
    assert shared_store.coupons.get("sum")["n"] == 150


def test_errors_of_one_thread_do_not_reach_another(shared_store) -> None:
    shared_store.coupons.insert({"id": "there"})

    def fail(_: int) -> int:
        caught = 0
        for _ in range(50):
            with pytest.raises(tiger.AlreadyExists):
                shared_store.coupons.create({"id": "there"})
            caught += 1
        return caught

    def succeed(worker: int) -> int:
        return sum(
            shared_store.coupons.insert({"id": f"{worker}-{n}"})["id"] == f"{worker}-{n}"
            for n in range(50)
        )

    with ThreadPoolExecutor(6) as pool:
        failing = [pool.submit(fail, worker) for worker in range(3)]
        succeeding = [pool.submit(succeed, worker) for worker in range(3)]
        assert [future.result() for future in failing + succeeding] == [50] * 6


# Pickle


def test_a_pickled_store_connects_to_the_same_place(shared_store) -> None:
    shared_store.coupons.insert({"id": "A"})
    again = pickle.loads(pickle.dumps(shared_store))
    try:
        assert again.current_namespace == shared_store.current_namespace
        assert again.coupons.get("A") == {"id": "A"}
        again.coupons.insert({"id": "B"})
    finally:
        again.close()
    assert shared_store.coupons.get("B") == {"id": "B"}


def test_a_pickled_store_holds_settings_only(shared_store) -> None:
    shared_store.coupons.insert({"id": "A", "text": "x" * 10_000})
    shared_store.coupons.get("A")
    assert len(pickle.dumps(shared_store)) < 1_000


def descriptors() -> int:
    return len(os.listdir("/dev/fd"))


def test_stores_that_are_pickled_to_a_process_share_a_connection(shared_store) -> None:
    """As a pool hands each of its tasks one, and none of them closes it."""
    sent = pickle.dumps(shared_store)
    other = pickle.dumps(shared_store.namespace("other"))
    shared_store.coupons.insert({"id": "A"})
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of a store that was never closed
            first = pickle.loads(sent)
            first.coupons.insert({"id": "B"})
            assert first.coupons.get("A") == {"id": "A"}
            before = descriptors()
            for _ in range(20):
                task = pickle.loads(sent)
                assert task.coupons.get("A") == {"id": "A"}
                assert task.coupons.insert({"id": "B"}) == {"id": "B"}
                assert pickle.loads(other).coupons.count() == 0
            assert descriptors() == before
            del first, task
            gc.collect()
    finally:
        gc.enable()


def test_one_that_closes_does_not_close_for_the_others(shared_store) -> None:
    first, second = (pickle.loads(pickle.dumps(shared_store)) for _ in range(2))
    with first:
        first.coupons.insert({"id": "A"})
    with pytest.raises(tiger.InvalidRequest, match="closed"):
        first.coupons.insert({"id": "B"})
    assert second.coupons.insert({"id": "C"}) == {"id": "C"}
    assert pickle.loads(pickle.dumps(shared_store)).coupons.count() == 2


def test_a_store_of_an_instance_that_was_made_again_is_one_of_that(directory: str, tigerd) -> None:
    with tiger.connect(directory) as store:
        store.coupons.insert({"id": "A"})
        sent = pickle.dumps(store)
    assert pickle.loads(sent).coupons.count() == 1
    assert tigerd("stop", directory=directory).returncode == 0
    shutil.rmtree(directory)
    os.mkdir(directory, 0o700)
    again = pickle.loads(sent)
    assert again.coupons.count() == 0
    again.coupons.insert({"id": "B"})


def test_a_process_keeps_few_of_many_connections(shared_store) -> None:
    for number in range(2 * pickling.KEPT):
        *place, options = shared_store._attached.settings
        task = pickling.store_of(*place, options._replace(timeout_s=5.0 + number))
        task.coupons.insert({"id": str(number)})
    assert len(pickling._kept) == pickling.KEPT


def test_a_table_is_pickled_by_its_name_and_a_page_by_its_records(shared_store) -> None:
    shared_store.coupons.insert_many({"id": f"c{n}"} for n in range(3))
    coupons = pickle.loads(pickle.dumps(shared_store.coupons))
    assert coupons.get("c1") == {"id": "c1"}
    coupons.insert({"id": "new"})
    assert "new" in shared_store.coupons
    page = shared_store.coupons.list(limit=2)
    again = pickle.loads(pickle.dumps(page))
    assert again == page
    with pytest.raises(tiger.InvalidRequest, match="list again with starting_after"):
        list(again.auto_paging_iter())


@pytest.mark.parametrize("what", ["mark", "snapshot", "snapshot's table", "batch", "batch's table"])
def test_objects_of_one_process_say_what_to_pickle_instead(shared_store, what: str) -> None:
    with shared_store.snapshot() as view, shared_store.batch() as batch:
        thing = {
            "mark": shared_store.mark(),
            "snapshot": view,
            "snapshot's table": view.coupons,
            "batch": batch,
            "batch's table": batch.coupons,
        }[what]
        with pytest.raises(TypeError, match=r"cannot pickle .*: pickle the store, and"):
            pickle.dumps(thing)


def test_a_store_of_asyncio_says_so_too(shared_directory: str) -> None:
    async def main() -> None:
        async with tiger.aio.connect(shared_directory) as store:
            for thing in (store, store.coupons):
                with pytest.raises(TypeError, match=r"pickle a store of tiger\.connect"):
                    pickle.dumps(thing)

    asyncio.run(main())


def test_a_store_is_sent_to_a_spawned_process(shared_directory: str, run_program) -> None:
    """As `multiprocessing` sends arguments; the function is importable from a script."""
    answer = run_program(programs.sends_store_to_spawned, shared_directory)
    assert answer == [0, True, {"id": "parent"}, True]
