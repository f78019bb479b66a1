"""What connections do in children of a process, forked by Python or by a program in C."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable

import tiger
import tiger.aio
from tests.support.forks import fork


def connect(directory: str) -> tiger.Store:
    store = tiger.connect(directory)
    store.coupons.insert({"id": "first"})
    return store


def threads_of_child_write(directory: str) -> object:
    with connect(directory) as store:

        def work() -> bool:
            line = store._attached.connection.line
            begun = line._session is None and line.wire.descriptor() is None
            start = threading.Barrier(4)

            def write(worker: int) -> None:
                start.wait()
                for number in range(5):
                    store.coupons.insert({"id": f"{worker}-{number}"})

            threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return begun

        begun = fork(work)()
        for number in range(5):
            store.coupons.insert({"id": f"parent-{number}"})
        return [begun, store.coupons.count()]


def forks_while_a_thread_writes(directory: str, how: str) -> object:
    with connect(directory) as store:
        daemon = store.ping()["pid"]
        os.kill(daemon, signal.SIGSTOP)
        writing = threading.Thread(target=store.coupons.insert, args=({"id": "parent"},))
        writing.start()
        while not store._attached.connection._lock.locked():
            pass
        child = fork(lambda: store.coupons.insert({"id": "child"}), how)
        os.kill(daemon, signal.SIGCONT)
        said = child()
        writing.join()
        return [said, store.coupons.count()]


def forks_with_store_of_asyncio(directory: str) -> object:
    loop = asyncio.new_event_loop()
    store = loop.run_until_complete(tiger.aio.connect(directory).__aenter__())

    def write_all(loop: asyncio.AbstractEventLoop, who: str) -> bool:
        for number in range(10):
            loop.run_until_complete(store.coupons.insert({"id": f"{who}-{number}"}))
        return True

    loop.run_until_complete(store.coupons.insert({"id": "first"}))
    child = fork(lambda: write_all(asyncio.new_event_loop(), "child"))
    said = [write_all(loop, "parent"), child()]
    count = store.coupons.count()
    loop.run_until_complete(store.close())
    loop.close()
    return [said, count]


def forks_in_a_write(directory: str) -> object:
    child: int | None = None

    def fork_here() -> None:
        nonlocal child
        child = os.fork()

    with connect(directory) as store:
        connection = store._attached.connection
        watch: Callable[..., bool] = lambda asked, _: (  # noqa: E731
            child != 0 and asked.slot.is_answered(asked.request)
        )
        setattr(connection, "_watch", watch)  # noqa: B010
        try:
            number = store.coupons._resource.number
            connection.write([["delete", number, "global", "first"]], fork_here)
        except tiger.OutcomeUnknown as error:
            os._exit(0 if child == 0 and "forked" in str(error) else 1)
        finally:
            if child == 0:
                os._exit(2)
        assert child is not None
        return [os.waitpid(child, 0)[1], store.coupons.count()]


def children_in_c_write(directory: str) -> object:
    with tiger.connect(directory) as store:
        store.plans.insert({"id": "p", "n": 0})

        def work(who: str) -> list[object]:
            said = [store.coupons.insert({"id": f"{who}-{number}"})["id"] for number in range(10)]
            return said + [store.plans.patch("p", {who: number})[who] for number in range(5)]

        children = [fork(lambda who=who: work(who), "in_c") for who in ("a", "b")]  # type: ignore[misc]
        grandchild = fork(lambda: [fork(lambda: work("c"), "in_c")(), work("d")], "in_c")
        said = {"parent": work("parent"), "a": children[0](), "b": children[1]()}
        said["c"], said["d"] = grandchild()
        kept = {who: [f"{who}-{number}" in store.coupons for number in range(10)] for who in said}
        return [said, kept, store.plans.get("p")]
