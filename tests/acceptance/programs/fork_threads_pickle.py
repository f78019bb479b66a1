"""What children do with the store of their parent, forked or spawned."""

import multiprocessing
import os
from typing import Any

import tiger
from tests.support.forks import fork


def begin(directory: str) -> tiger.Store:
    store = tiger.connect(directory)
    store.coupons.insert({"id": "parent", "n": 1})
    return store


def child_reads_and_writes(directory: str, used: bool) -> object:
    store = begin(directory)
    if used:
        store.coupons.get("parent")
    else:
        store.close()
        store = tiger.connect(directory)
    coupons = store.coupons

    def work() -> object:
        coupons.insert({"id": "child", "n": 2})
        coupons.patch("parent", {"n": 10})
        return [coupons.get("parent"), coupons.get("child"), coupons.count(), store.ping()["pid"]]

    with store:
        child = fork(work)()
        coupons.patch("child", {"n": 20})
        coupons.insert({"id": "after"})
        return [child, coupons.get("child"), coupons.count(), store.ping()["pid"]]


def parent_and_children_add(directory: str) -> object:
    with begin(directory) as store:
        store.coupons.insert({"id": "sum", "n": 0})

        def add() -> None:
            for _ in range(50):
                store.coupons.modify("sum", lambda record: {**record, "n": record["n"] + 1})

        children = [fork(add) for _ in range(3)]
        add()
        return [[child() for child in children], store.coupons.get("sum")["n"]]


def grandchild_writes(directory: str) -> object:
    with begin(directory) as store:
        coupons = store.coupons

        def grandchild() -> int:
            coupons.insert({"id": "grandchild"})
            return coupons.count()

        def child() -> object:
            coupons.insert({"id": "child"})
            return [fork(grandchild)(), coupons.count()]

        return [fork(child)(), coupons.count()]


def child_closes(directory: str) -> object:
    with begin(directory) as store:
        fork(store.close)()
        store.coupons.insert({"id": "after"})
        return [store.coupons.count(), store.ping()["pid"] > 0]


def child_reads_snapshot(directory: str) -> object:
    with begin(directory) as store:
        coupons = store.coupons
        with store.snapshot() as view:
            coupons.update({"id": "parent", "n": 2})
            child = fork(lambda: [view.coupons.get("parent")["n"], coupons.get("parent")["n"]])()
            return [child, view.coupons.get("parent")["n"]]


def starts_daemon(directory: str) -> object:
    with begin(directory) as store:
        return store.ping()["pid"]


def work_of_spawned(store: tiger.Store, queue: Any) -> None:
    store.coupons.insert({"id": "child", "pid": os.getpid()})
    queue.put([store.current_namespace, store.coupons.get("parent"), os.getpid()])
    store.close()


def sends_store_to_spawned(directory: str) -> object:
    context = multiprocessing.get_context("spawn")
    with tiger.connect(directory) as store, store.sandbox() as test:
        test.coupons.insert({"id": "parent"})
        queue = context.Queue()
        child = context.Process(target=work_of_spawned, args=(test, queue))
        child.start()
        namespace, read, pid = queue.get(timeout=30)
        child.join(30)
        written = test.coupons.get("child")["pid"] == pid == child.pid
        return [child.exitcode, namespace == test.current_namespace, read, written]
