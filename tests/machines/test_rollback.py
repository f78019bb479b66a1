"""A rollback on several hosts: planned where its mark is, done on all alike, once, or on none."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import Any

import pytest

import tiger
from tests.machines.machines import Machines, machines
from tests.machines.relay import Relay, Side
from tests.machines.test_wire import Follower
from tests.support import model
from tests.support.daemon import Daemon
from tests.support.file_system import new_directory
from tests.support.processes import wait_for
from tests.support.seeds import new_random
from tiger.format import layout, protocol
from tigerd.log.log import address_of
from tigerd.log.nats import NatsLog
from tigerd.service import rollbacks
from tigerd.service.parsing import parse

Stores = tuple[tiger.Store, tiger.Store]


@pytest.fixture(scope="module")
def shared() -> Iterator[Machines]:
    """Two hosts that the tests of this module share; each has a namespace of its own."""
    with machines("A", "B") as made:
        yield made


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Give the test's namespace."""
    return str(request.node.name)[:80]


@pytest.fixture
def stores(shared: Machines, name: str) -> Iterator[Stores]:
    """Give a store of each host, in this test's namespace."""
    settings = {"namespace": name, "timeout_s": 60.0}
    with shared["A"].connect(**settings) as a, shared["B"].connect(**settings) as b:
        yield a, b


@contextmanager
def relayed(delay_s: float = 0.0) -> Iterator[tuple[Machines, Relay]]:
    """Give two hosts, of which A speaks to the engine by way of a relay."""
    with (
        machines("A", "B", start=False) as made,
        closing(Relay(made.engine, delay_s)) as relay,
    ):
        made["A"].start(url=relay.url)
        made["B"].start()
        yield made, relay


@pytest.fixture
def apart() -> Iterator[tuple[Machines, Relay]]:
    """Give such hosts of this test's own."""
    with relayed() as found:
        yield found


@pytest.fixture
def patient(apart: tuple[Machines, Relay], name: str) -> Iterator[Stores]:
    """A store of each of these hosts; the first one's waits for a daemon that was killed."""
    made, _ = apart
    with (
        made["A"].connect(namespace=name, timeout_s=30, autostart=True) as a,
        made["B"].connect(namespace=name) as b,
    ):
        yield a, b


def everything(store: tiger.Store) -> dict[str, list[Any]]:
    """Return all that a namespace has, in the order of lists."""
    with store.snapshot() as view:
        return {table: list(view.table(table)) for table in sorted(store.tables())}


def fill(store: tiger.Store) -> None:
    """Write records of which many were `created` at once, so that only their places tell."""
    store.coupons.insert_many([{"id": f"c{n}", "created": n % 3} for n in range(30)])
    store.plans.insert_many([{"id": f"p{n}", "product": f"x{n % 2}"} for n in range(10)])
    store.events.insert({"id": "e", "type": "one"})


def change(store: tiger.Store) -> None:
    """Change, remove, put anew and add, in tables that had records and in one that had none."""
    store.coupons.patch("c3", {"name": "changed"})
    store.coupons.insert({"id": "c4", "created": 99})
    for id in ("c5", "c6", "c20"):
        store.coupons.delete(id)
    store.coupons.insert({"id": "c6", "created": 0})
    store.coupons.insert({"id": "new", "created": 1})
    store.plans.patch("p1", {"product": "other"})
    store.events.clear_namespace()
    store.events.insert({"id": "e", "type": "two"})
    store.products.insert({"id": "begun since"})


def marked(store: tiger.Store) -> tuple[dict[str, list[Any]], tiger.Mark]:
    """Fill a namespace, mark it, and change it; return what it had at the mark, and the mark."""
    fill(store)
    before, mark = everything(store), store.mark()
    change(store)
    return before, mark


def forget(store: tiger.Store, commit: int) -> None:
    """Let a host take away what was there at a commit."""

    def is_past() -> bool:
        store.namespace("elsewhere").coupons.insert({"id": "again"})
        return store._reader.words[layout.HORIZON] > commit

    wait_for(is_past, "the other host's horizon")


def tries_of(made: Machines) -> list[list[Any]]:
    """Return what rollbacks have put into the log."""
    follower = Follower(address_of(made.engine.url))
    follower.until(lambda: follower.log.is_up and len(follower.entries) == follower.log.last)
    follower.log.close()
    found = [parse(entry.body)[4][0] for entry in follower.entries]
    return [operation for operation in found if operation[0] == protocol.RESTORE]


def size_of(made: Machines) -> int:
    """Return the bytes of the log."""
    log = NatsLog(address_of(made.engine.url), "test")
    wait_for(lambda: (log.take(), log.is_up)[1], "the log")
    log.close()
    return log.size


def begun(call: Callable[[], Any]) -> Future[Any]:
    """Call in a thread of its own."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(call)
    pool.shutdown(wait=False)
    return future


# --- What is undone ---


def test_all_hosts_get_back_what_was_there_at_its_place(stores: Stores, shared: Machines) -> None:
    a, b = stores
    before, mark = marked(a)
    forget(b, mark._moment.commit)
    a.rollback(mark)
    shared.check_equal()
    assert everything(a) == everything(b) == before
    assert [p["id"] for p in b.plans.find_by_product("x1")] == ["p9", "p7", "p5", "p3", "p1"]
    assert b.plans.find_by_product("other") == []


def test_later_records_have_the_same_place_on_all_hosts(stores: Stores, shared: Machines) -> None:
    a, b = stores
    fill(a)
    for _ in range(3):
        with a.savepoint():
            change(a)
        b.coupons.insert({"id": f"b{b.coupons.count()}", "created": 1})
        shared.settle()
    shared.check_equal()


def test_nothing_to_undo_is_no_error(stores: Stores, shared: Machines) -> None:
    a, _ = stores
    a.rollback(a.mark())
    a.coupons.insert({"id": "c"})
    a.rollback(a.mark())
    assert "c" in a.coupons
    shared.check_equal()


def test_a_namespace_that_was_cleared_comes_back(stores: Stores, shared: Machines) -> None:
    a, b = stores
    fill(a)
    before = everything(a)
    mark, other = a.mark(), a.mark()
    shared.settle()
    b.clear_namespace()
    shared.settle()
    forget(b, mark._moment.commit)
    a.rollback(mark)
    assert everything(a) == before
    a.clear_namespace()
    change_anew(a)
    a.rollback(other)
    shared.check_equal()
    assert everything(b) == before


def change_anew(store: tiger.Store) -> None:
    """Begin a namespace again, in part with what it had."""
    store.coupons.insert({"id": "c1", "created": 1})
    store.products.insert({"id": "begun since"})


def test_a_namespace_that_began_since_goes(stores: Stores, shared: Machines) -> None:
    a, b = stores
    mark = a.mark()
    fill(a)
    a.rollback(mark)
    shared.check_equal()
    assert not any(everything(b).values())
    assert b.current_namespace not in b.namespaces()


def test_a_fork_keeps_what_it_inherits(stores: Stores, shared: Machines) -> None:
    a, b = stores
    fill(a)
    with a.fork() as fork:
        fork.coupons.delete("c1")
        fork.coupons.patch("c2", {"name": "own"})
        before = everything(fork)
        mark = fork.mark()
        change(fork)
        fork.coupons.insert({"id": "c1"})
        fork.coupons.delete("c2")
        forget(b, mark._moment.commit)
        fork.rollback(mark)
        shared.check_equal()
        assert everything(b.namespace(fork.current_namespace)) == before


def test_a_fork_that_was_ended_comes_back_without_its_parent(
    stores: Stores, shared: Machines
) -> None:
    a, b = stores
    fill(a)
    fork = a.begin_fork(f"{a.current_namespace}-fork")
    fork.coupons.delete("c1")
    before = everything(fork)
    mark = fork.mark()
    a.clear_namespace(fork.current_namespace)
    a.clear_namespace()
    fork.rollback(mark)
    shared.check_equal()
    assert everything(b.namespace(fork.current_namespace)) == before


def test_a_namespace_with_forks_is_sealed(stores: Stores, shared: Machines) -> None:
    a, _ = stores
    fill(a)
    mark = a.mark()
    change(a)
    with a.fork(), pytest.raises(tiger.Sealed, match="has forks"):
        a.rollback(mark)
    a.rollback(mark)
    assert "new" not in a.coupons
    shared.check_equal()


def test_a_defined_table_is_rolled_back_and_stays_defined(stores: Stores, shared: Machines) -> None:
    a, b = stores
    a.define("visits", indexes=("page",)).insert({"id": "v", "page": "home"})
    mark = a.mark()
    a.table("visits").patch("v", {"page": "shop"})
    a.define("places").insert({"id": "p"})
    a.rollback(mark)
    shared.check_equal()
    assert [v["id"] for v in b.table("visits").find_by("page", "home")] == ["v"]
    assert b.table("places").count() == 0


def test_a_savepoint_of_asyncio_is_one_on_all(stores: Stores, shared: Machines) -> None:
    a, b = stores
    fill(a)
    before = everything(a)

    async def block() -> None:
        where = {"directory": shared["A"].directory, "namespace": a.current_namespace}
        async with tiger.aio.connect(**where) as store, store.savepoint():
            await store.coupons.insert({"id": "new"})
            await store.coupons.delete("c1")

    asyncio.run(block())
    shared.check_equal()
    assert everything(b) == before


def test_with_everywhere_all_hosts_have_it_when_it_returns(
    stores: Stores, shared: Machines
) -> None:
    a, b = stores
    with shared["A"].connect(namespace=a.current_namespace, everywhere=True) as careful:
        for _ in range(50):
            with careful.savepoint():
                careful.coupons.insert({"id": "c"})
            assert "c" not in b.coupons


# --- Marks ---


def test_a_mark_outlives_the_daemons_of_its_host(stores: Stores, shared: Machines) -> None:
    """The next one remembers nothing of what was changed, and compares all."""
    a, b = stores
    before, mark = marked(a)
    shared["A"].kill()
    shared["A"].start()
    a.rollback(mark)
    shared.check_equal()
    assert everything(b) == before


def test_a_forked_child_rolls_back_to_its_parents_mark(stores: Stores, shared: Machines) -> None:
    a, b = stores
    a.coupons.insert({"id": "kept"})
    mark = a.mark()
    a.coupons.insert({"id": "undone"})
    if not (pid := os.fork()):
        status = 1
        try:
            a.rollback(mark)
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    shared.check_equal()
    assert [c["id"] for c in b.coupons] == ["kept"]


def test_a_mark_of_another_host_is_told_where_it_belongs(stores: Stores, shared: Machines) -> None:
    a, b = stores
    a.coupons.insert({"id": "c", "n": 1})
    mark = a.mark()
    a.coupons.insert({"id": "c", "n": 2})
    shared.settle()
    forget(b, mark._moment.commit)
    with pytest.raises(tiger.InvalidRequest, match="use a store of that instance"):
        b.rollback(mark)
    assert b.coupons["c"] == {"id": "c", "n": 2}
    a.rollback(mark)
    shared.check_equal()


# --- What does not fit ---


def test_one_that_the_log_does_not_take_is_refused_and_changes_nothing(
    stores: Stores, shared: Machines
) -> None:
    a, b = stores
    for part in "abc":
        a.coupons.insert_many([{"id": f"{part}{n}", "n": "x" * 1000} for n in range(12_000)])
    mark = a.mark()
    a.clear_namespace()
    size = size_of(shared)
    words = r"36000 records and 3\d{7} bytes, .* and 3\d{7}"
    with pytest.raises(tiger.InvalidRequest, match=words):
        a.rollback(mark)
    assert size_of(shared) < size + 10_000
    shared.settle()
    assert a.coupons.count() == b.coupons.count() == 0
    shared.check_equal()


def test_one_of_more_records_than_an_entry_may_have_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No host could read such an entry."""
    monkeypatch.setattr(protocol, "OPERATIONS_MAX", 20)
    with new_directory() as place:
        daemon = Daemon(place / "instance")
        daemon.do([model.put(12, "a", "kept")])
        commit = daemon.writer.commit
        for name in ("a", "b"):
            daemon.do([model.put_many(12, "a", [{"id": f"{name}{n}"} for n in range(10)])])
            one = rollbacks.Rollback([], [[protocol.ROLLBACK, "a", commit]])
            one.entry(daemon.writer, 1 << 20)
            assert one.end(is_known=False) is None
        daemon.do([model.put(12, "a", "one more")])
        one.entry(daemon.writer, 1 << 20)
        words = "changes 21 records .* the log takes 20"
        assert re.search(words, str(one.end(is_known=False)))


CHECKED: list[Any] = [protocol.EXPECT, 12, "a", "c", None]
WRITES: list[Any] = [protocol.RESTORE, "a", 1 << 30, 0, [], [], [[12, 5, b"\x81\xa2id\xa1c"]]]


@pytest.mark.parametrize(
    ("operations", "words"),
    [
        ([WRITES], "for daemons alone"),
        ([WRITES, CHECKED], "for daemons alone"),
        ([CHECKED, WRITES], "has to be a request of its own|no operation"),
        ([CHECKED, [protocol.ROLLBACK, "a", 0]], "no operation 'rollback'"),
        ([[protocol.ROLLBACK, "a", 0], CHECKED], "has to be a request of its own"),
        ([[protocol.ROLLBACK]], "wrong arguments"),
        ([[protocol.ROLLBACK, 7, 0]], "namespace 7 is not a string"),
        ([[], CHECKED], "an operation is an array"),
    ],
)
def test_no_client_says_what_others_get_back(
    stores: Stores, shared: Machines, operations: list[Any], words: str
) -> None:
    a, _ = stores
    pid = a.ping()["pid"]
    with pytest.raises((tiger.InvalidRequest, tiger.InvalidRecord), match=words):
        a._attached.connection.write(operations, lambda: None)
    assert a.ping()["pid"] == pid
    assert "c" not in a.namespace("a").coupons
    shared.check_equal()


@pytest.mark.parametrize(
    "arguments",
    [[], ["a"], [7, 1, 0, [], [], []], ["a", 1 << 50, 0, [], [], [[12, -1, b"\x81\xa2id\xa1c"]]]],
)
def test_an_entry_that_no_daemon_made_is_refused_by_all(
    stores: Stores, shared: Machines, arguments: list[Any]
) -> None:
    follower = Follower(address_of(shared.engine.url))
    follower.until(lambda: follower.log.is_up)
    frame = [protocol.VERSION, 99, 0, 1, False, [[protocol.RESTORE, *arguments]]]
    entry = protocol.pack(frame)
    follower.log.append(f"made-{len(arguments)}-{arguments!r:.3}", entry)
    follower.until(lambda: entry in [each.body for each in follower.entries])
    stores[0].coupons.insert({"id": "after"})
    assert "c" not in stores[0].namespace("a").coupons
    shared.check_equal()
    follower.log.close()


# --- Others write meanwhile ---


def test_a_plan_that_came_too_late_is_made_anew(apart: tuple[Machines, Relay], name: str) -> None:
    made, relay = apart
    with made["A"].connect(namespace=name) as a, made["B"].connect(namespace=name) as b:
        fill(a)
        before = everything(a)
        mark = a.mark()
        a.coupons.delete("c1")
        made.settle()
        with relay.held("engine"):
            b.coupons.insert({"id": "meanwhile"})
            done = begun(lambda: a.rollback(mark))
            wait_for(lambda: len(tries_of(made)) == 1, "the first try")
            assert not done.done()
            assert "c1" not in b.coupons
        done.result()
        assert everything(a) == before
        assert len(tries_of(made)) == 2
        made.check_equal()
        assert everything(b) == before


def test_a_namespace_that_was_cleared_meanwhile_is_changed_too(
    apart: tuple[Machines, Relay], name: str
) -> None:
    """No word tells when it was cleared: that there is one table less does."""
    made, relay = apart
    with made["A"].connect(namespace=name) as a, made["B"].connect(namespace=name) as b:
        fill(a)
        before = everything(a)
        mark = a.mark()
        a.coupons.delete("c1")
        made.settle()
        with relay.held("engine"):
            b.events.clear_namespace()
            b.namespace("other").coupons.insert({"id": "elsewhere"})
            done = begun(lambda: a.rollback(mark))
            wait_for(lambda: len(tries_of(made)) == 1, "the first try")
        done.result()
        assert len(tries_of(made)) == 2
        made.check_equal()
        assert everything(a) == everything(b) == before


def test_a_write_elsewhere_does_not_disturb_it(apart: tuple[Machines, Relay], name: str) -> None:
    made, relay = apart
    with made["A"].connect(namespace=name) as a, made["B"].connect(namespace="other") as b:
        mark = a.mark()
        a.coupons.insert({"id": "c"})
        b.namespace("elsewhere").coupons.insert({"id": "c"})
        made.settle()
        with relay.held("engine"):
            b.coupons.insert({"id": "meanwhile"})
            b.clear_namespace("elsewhere")
            done = begun(lambda: a.rollback(mark))
            wait_for(lambda: len(tries_of(made)) == 1, "the first try")
        done.result()
        assert len(tries_of(made)) == 1
        assert "meanwhile" in b.coupons
        made.check_equal()


@pytest.mark.parametrize("begins", [True, False], ids=["of what began", "of what was there"])
def test_a_fork_that_begins_meanwhile_seals_it_on_all(
    apart: tuple[Machines, Relay], name: str, begins: bool
) -> None:
    made, relay = apart
    with made["A"].connect(namespace=name) as a, made["B"].connect(namespace=name) as b:
        if not begins:
            a.coupons.insert({"id": "c", "n": 1})
        mark = a.mark()
        a.coupons.insert({"id": "c", "n": 2})
        made.settle()
        with relay.held("engine"):
            b.begin_fork(f"{name}-fork")
            done = begun(lambda: a.rollback(mark))
            wait_for(lambda: len(tries_of(made)) == 1, "the first try")
        with pytest.raises(tiger.Sealed):
            done.result()
        made.check_equal()
        assert a.coupons["c"]["n"] == b.namespace(f"{name}-fork").coupons["c"]["n"] == 2
        a.clear_namespace(f"{name}-fork")
        a.rollback(mark)
        made.check_equal()
        assert ("c" in b.coupons) is not begins


def test_one_that_its_client_has_given_up_is_not_tried_again(
    apart: tuple[Machines, Relay], name: str
) -> None:
    """It would undo what the client has written since."""
    made, relay = apart
    with (
        made["A"].connect(namespace=name, timeout_s=0.3) as a,
        made["B"].connect(namespace=name) as b,
    ):
        mark = a.mark()
        made.settle()
        with relay.held("engine"):
            b.coupons.insert({"id": "meanwhile"})
            with pytest.raises(tiger.OutcomeUnknown):
                a.rollback(mark)
            with pytest.raises(tiger.OutcomeUnknown):
                a.namespace("other").coupons.insert({"id": "later"})
        wait_for(lambda: "later" in a.namespace("other").coupons, "the write")
        made.check_equal()
        assert len(tries_of(made)) == 1
        assert "meanwhile" in a.coupons


def test_where_others_do_not_stop_it_says_so_and_changes_nothing(name: str) -> None:
    with (
        relayed(delay_s=0.05) as (made, _),
        made["A"].connect(namespace=name) as a,
        made["B"].connect(namespace=name) as b,
    ):
        a.coupons.insert({"id": "kept"})
        mark = a.mark()
        a.coupons.delete("kept")
        is_over = threading.Event()

        def write() -> None:
            for number in range(1 << 30):
                b.plans.insert({"id": "p", "n": number})
                if is_over.is_set():
                    return

        writing = begun(write)
        wait_for(lambda: "p" in a.plans, "the writer")
        try:
            with pytest.raises(tiger.Conflict, match="when they have stopped") as found:
                a.rollback(mark)
        finally:
            is_over.set()
        writing.result()
        assert found.value.namespace == name
        assert len(tries_of(made)) == rollbacks.TRIES
        made.settle()
        assert "kept" not in b.coupons
        a.rollback(mark)
        made.check_equal()
        assert "kept" in b.coupons
        assert "p" not in b.plans


def test_two_hosts_roll_the_same_namespace_back_at_once(stores: Stores, shared: Machines) -> None:
    a, b = stores
    fill(a)
    before = everything(a)
    shared.settle()
    for turn in range(20):
        marks = [store.mark() for store in stores]
        a.coupons.insert({"id": "by a", "n": turn})
        b.plans.delete("p1")
        shared.settle()
        with ThreadPoolExecutor(2) as pool:
            for each in [pool.submit(s.rollback, m) for s, m in zip(stores, marks, strict=True)]:
                each.result()
        shared.settle()
        assert everything(a) == everything(b) == before
    shared.check_equal()


def test_savepoints_beside_a_writer_of_another_host(stores: Stores, shared: Machines) -> None:
    """Each write of the other host costs one try at most, so no rollback is given up."""
    a, b = stores
    fill(a)
    shared.settle()

    def write() -> None:
        for number in range(rollbacks.TRIES // 2):
            b.coupons.insert({"id": f"b{number % 7}", "created": number % 3})

    for turn in range(20):
        writing = begun(write)
        with a.savepoint():
            a.plans.insert({"id": f"new{turn}"})
            a.plans.delete("p3")
        assert f"new{turn}" not in a.plans
        assert "p3" in a.plans
        writing.result()
    shared.check_equal()


# --- What is killed ---


@pytest.mark.parametrize("side", ["host", "engine"])
def test_one_whose_daemon_was_killed_is_done_once(
    apart: tuple[Machines, Relay], patient: Stores, side: Side
) -> None:
    """What the dead daemon sent comes to the engine after the next one's, or its daemon is told."""
    made, relay = apart
    a, b = patient
    before, mark = marked(a)
    made.settle()
    with relay.held(side):
        done = begun(lambda: a.rollback(mark))
        wait_for(lambda: relay.holds(protocol.RESTORE.encode()), "the try")
        made["A"].kill()
        done.result()
        assert everything(a) == before
        b.coupons.insert({"id": "after"})
    b.coupons.insert({"id": "later"})
    made.settle()
    assert len(tries_of(made)) == 1
    assert {"after", "later"} <= {c["id"] for c in a.coupons}
    made.check_equal()


def test_one_that_is_planned_anew_by_the_next_daemon_is_done_once(
    apart: tuple[Machines, Relay], patient: Stores
) -> None:
    made, relay = apart
    a, b = patient
    before, mark = marked(a)
    made.settle()
    with relay.held("engine"):
        b.coupons.insert({"id": "meanwhile"})
        done = begun(lambda: a.rollback(mark))
        wait_for(lambda: len(tries_of(made)) == 1, "the first try")
        made["A"].kill()
        done.result()
    assert len(tries_of(made)) == 2
    made.check_equal()
    assert everything(a) == everything(b) == before


def test_a_request_refused_by_the_next_daemon_is_not_done_by_an_entry_of_the_last(
    apart: tuple[Machines, Relay], patient: Stores, name: str
) -> None:
    """Its try comes when the client was told that nothing is changed, and the reason is gone."""
    made, relay = apart
    a, b = patient
    a.coupons.insert({"id": "c", "n": 1})
    mark = a.mark()
    a.coupons.insert({"id": "c", "n": 2})
    made.settle()
    with relay.held("host"):
        done = begun(lambda: a.rollback(mark))
        wait_for(lambda: relay.holds(protocol.RESTORE.encode()), "the try")
        b.begin_fork(f"{name}-fork")
        made["A"].kill()
        with pytest.raises(tiger.Sealed):
            done.result()
        b.clear_namespace(f"{name}-fork")
    b.coupons.insert({"id": "later"})
    made.check_equal()
    assert a.coupons["c"]["n"] == 2
    assert tries_of(made) == [rollbacks.REFUSED]


def test_the_engine_is_killed_and_it_is_done_once(stores: Stores, shared: Machines) -> None:
    a, b = stores
    fill(a)
    before = everything(a)
    for _ in range(5):
        mark = a.mark()
        change(a)
        done = begun(lambda: a.rollback(mark))  # noqa: B023 - waited for at once
        shared.engine.kill()
        shared.engine.start()
        done.result()
        assert everything(a) == before
    shared.check_equal()
    assert everything(b) == before


def test_daemons_are_killed_and_what_was_rolled_back_stays_so(
    stores: Stores, shared: Machines
) -> None:
    """At any moment: of a rollback, of an entry, of what others write meanwhile."""
    random, name = new_random(), stores[0].current_namespace
    settings = {"namespace": name, "timeout_s": 30.0, "autostart": True}
    with shared["A"].connect(**settings) as a, shared["B"].connect(**settings) as b:
        fill(a)
        before = everything(a)
        is_over = threading.Event()

        def write() -> None:
            for number in range(1 << 30):
                b.namespace(f"{name}-other").coupons.insert({"id": f"b{number % 9}"})
                if is_over.is_set():
                    return

        def strike() -> None:
            while not is_over.wait(random.uniform(0.05, 0.4)):  # a random moment
                host = shared[random.choice("AB")]
                with suppress(tiger.DaemonUnavailable, tiger.OutcomeUnknown), host.connect() as one:
                    one.ping()  # one that starts is not killed: who waits for it would give up
                    host.kill()

        others = begun(write), begun(strike)
        try:
            for _ in range(17):
                with a.savepoint():
                    change(a)
                assert everything(a) == before
        finally:
            is_over.set()
        for each in others:
            each.result()
        shared.check_equal()
        assert everything(b) == before
