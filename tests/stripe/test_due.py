"""What time brings: in order, once, whichever process does it, however many things are due."""

from __future__ import annotations

import heapq
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

import tiger
import tigerstripe
from tests.stripe.alarms import Alarms, put, rings
from tests.stripe.shop import paid
from tigerstripe.objects import due, registry
from tigerstripe.work import clock
from tigerstripe.work.log import Log
from tigerstripe.work.scope import Scope

T0 = 1_800_000_000
MONTH_S = 30 * 24 * 3600


@pytest.fixture
def scope(account: Any) -> Scope:
    """The tables of the account, whose clock stands at `T0`."""
    account.freeze(T0)
    return Scope(account.store)


# --- Order ---


def test_all_is_done_in_order_and_once(scope: Scope, alarms: Alarms) -> None:
    put(scope, ["c", "a", "d", "b"], [30, 10, 40, 20])
    put(scope, ["d"], [15])  # instead of 40
    due.run_until(scope, Log(scope), 20)
    assert alarms.rung == [("a", 10), ("d", 15), ("b", 20)]
    due.run_until(scope, Log(scope), 100)
    due.run_until(scope, Log(scope), 100)
    assert alarms.rung[3:] == [("c", 30)]


@pytest.mark.parametrize("together", [False, True])
def test_entries_added_on_the_way_have_their_place(scope, alarms, together) -> None:
    alarms.happens_together = together
    alarms.next = {"a": ("between", 15), "between": ("a", 25), "b": ("b", 30)}
    put(scope, ["a", "b"], [10, 20])
    due.run_until(scope, Log(scope), 29)
    assert alarms.rung[:4] == [("a", 10), ("between", 15), ("b", 20), ("a", 25)]
    assert due.next_at(scope) == 30


def test_at_one_moment_kinds_have_ranks_and_what_was_put_in_first_comes_first(
    scope: Scope, alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "need", lambda name: alarms)
    named = {"zz": "invoice", "y": "alarm", "m": "subscription", "b": "subscription", "x": "charge"}
    for id, object in named.items():
        put(scope, [id], [50], object=object)
    put(scope, ["b"], [60], object="subscription")
    put(scope, ["b"], [50], object="subscription")  # it is where it was
    due.run_until(scope, Log(scope), 50)
    assert [id for id, _ in alarms.rung] == ["x", "m", "b", "zz", "y"]
    assert due.KINDS.index("subscription") < due.KINDS.index("invoice")


@pytest.mark.parametrize("together", [False, True])
def test_any_calendar_is_worked_off_as_one_that_is_sorted_anew_each_time(
    scope: Scope, alarms: Alarms, together: bool
) -> None:
    chance = random.Random(seed := random.randrange(10**6))
    print(f"seed {seed}")
    alarms.happens_together = together
    ids = [f"a{n}" for n in range(300)]
    at = [T0 + chance.randrange(400) for _ in ids]
    put(scope, ids, at)
    later = {
        id: (f"{id}+", moment + chance.choice((0, 1, 5, 100, 500)))
        for id, moment in zip(ids, at, strict=True)
        if chance.random() < 0.5
    }
    alarms.next = {**later}
    wanted = []
    calendar = [
        (moment, number, id) for number, (id, moment) in enumerate(zip(ids, at, strict=True))
    ]
    heapq.heapify(calendar)
    while calendar:
        moment, _, id = heapq.heappop(calendar)
        wanted.append((id, moment))
        if id in later:
            heapq.heappush(calendar, (later[id][1], 300 + len(wanted), later[id][0]))
    due.run_until(scope, Log(scope), T0 + 1000)
    assert alarms.rung == wanted


def test_each_entry_of_a_commit_has_its_own_moment_and_event(account, scope, alarms) -> None:
    alarms.happens_together = True
    put(scope, ["a", "b", "c"], [T0 + 10, T0 + 20, T0 + 20])
    before = account.store.mark()
    account.advance(seconds=20)
    assert rings(account) == [("a", T0 + 10), ("b", T0 + 20), ("c", T0 + 20)]
    told = [change for change in account.store.changes(before) if change.table == "events"]
    assert len(told) == 3
    assert len({change.commit for change in told}) == 1


def test_a_consequence_shares_the_commit_where_nothing_else_can_come_between(
    account, scope, alarms, monkeypatch
) -> None:
    alarms.happens_together = True
    put(scope, ["a"], [T0 + 10], every=10)
    counted = Counted(monkeypatch)
    account.advance(T0 + 10 * due.TOGETHER)
    assert len(rings(account)) == due.TOGETHER
    assert counted.calls["batch"] == 1
    put(scope, ["b"], [T0 + 1005], every=10)  # the two ring in turn
    account.advance(T0 + 1100)
    assert [id for id, _ in rings(account)][-20:] == ["b", "a"] * 10
    put(scope, ["b"], [T0 + 1110])  # at once with a, which was there before
    account.advance(T0 + 1200)
    assert [id for id, _ in rings(account)][-20:] == ["a", "b"] * 10


@pytest.mark.parametrize("together", [True, False])
def test_a_refused_entry_holds_up_nothing_and_is_logged(account, scope, alarms, together) -> None:
    alarms.happens_together = together
    alarms.refused = {"b"}
    put(scope, ["a", "b", "c"], [10, 20, 30])
    account.freeze(25)
    assert account.now == 25
    account.freeze(40)
    assert rings(account) == [("a", 10), ("c", 30)]
    noted = account.requests("/alarm/b")
    assert [(one["method"], one["created"]) for one in noted] == [("TIME", 20)]
    assert noted[0]["error"]["message"] == "b cannot ring"


@pytest.mark.parametrize("together", [True, False])
def test_what_is_due_for_ever_is_an_error_and_no_hang(account, scope, alarms, together) -> None:
    alarms.happens_together = together
    put(scope, ["a"], [T0 + 10], every=0)
    with pytest.raises(AssertionError, match=f"The alarm a is due at {T0 + 10}: expected a change"):
        account.advance(seconds=20)
    assert account.now == T0
    assert rings(account) == []


def test_a_thing_that_is_put_off_or_taken_out_on_the_way_is_not_done(scope, alarms) -> None:
    alarms.happens_together = True
    alarms.next = {"a": ("b", 40), "c": ("d", 35)}
    alarms.dropped = {"d": "e"}
    put(scope, ["a", "b", "c", "e"], [10, 20, 30, 38])
    due.run_until(scope, Log(scope), 100)
    assert alarms.rung == [("a", 10), ("c", 30), ("d", 35), ("b", 40)]


@pytest.mark.parametrize("delta", [{"days": "2"}, {"fortnights": 1}])
def test_a_span_of_time_that_is_none_is_refused(account, delta) -> None:
    name, value = next(iter(delta.items()))
    with pytest.raises(TypeError, match=f"^{name}={value!r}: expected numbers of weeks, days,"):
        account.advance(**delta)


# --- Which process does it ---


def test_a_clock_that_runs_does_what_is_due_before_the_first_request(account, alarms) -> None:
    scope = Scope(account.store)
    put(scope, ["past", "future"], [account.now - 10, account.now + 1000])
    assert stripe.Customer.list().data == []
    assert [id for id, _ in rings(account)] == ["past"]
    put(scope, ["late"], [account.now - 5])
    other = tigerstripe.Account(account.store)  # as one of another process, it has not looked yet
    other.client().v1.customers.list()
    assert [id for id, _ in alarms.rung] == ["past", "late"]
    assert due.next_at(scope) is not None


def test_while_a_clock_stands_still_nothing_happens_by_itself(account, scope, alarms) -> None:
    put(scope, ["past"], [T0 - 10])
    stripe.Customer.create()
    assert rings(account) == []
    account.thaw()
    stripe.Customer.create()
    assert rings(account) == [("past", T0 - 10)]
    assert account.now >= T0  # it is done late, and the clock does not go back


def test_an_error_of_the_store_is_no_fault_of_the_request_that_looks(
    account, alarms, monkeypatch
) -> None:
    customer = stripe.Customer.create().id
    put(Scope(account.store), ["past"], [account.now - 10])
    asked = []

    def full(*_: Any) -> None:
        asked.append(1)
        raise tiger.StoreFull("no room")

    monkeypatch.setattr(alarms, "happen", full)
    other = tigerstripe.Account(account.store)
    assert other.client().v1.customers.retrieve(customer).id == customer
    assert asked
    assert due.next_at(Scope(account.store)) is not None


def test_threads_that_work_off_at_once_do_each_thing_once(account: Any, price: str) -> None:
    account.freeze()
    ids = sorted(paid(price).id for _ in range(12))
    target = account.now + 90_000
    begin = threading.Barrier(3)

    def work_off() -> None:
        scope = Scope(account.store)
        begin.wait()
        due.run_until(scope, Log(scope), target)

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(work_off) for _ in range(3)]:
            done.result(60)
    told = account.events("checkout.session.expired")
    assert sorted(event["data"]["object"]["id"] for event in told) == ids
    assert due.next_at(Scope(account.store)) is None


def hourly(scope: Scope, count: int) -> None:
    """Let so many alarms ring each hour, all at the same moments."""
    put(scope, [f"a{n}" for n in range(count)], [T0 + 3600] * count, every=3600)


def check_each_hour_once(account: Any, count: int, hours: int) -> None:
    wanted = [(f"a{n}", T0 + 3600 * hour) for hour in range(1, hours + 1) for n in range(count)]
    assert Counter(rings(account)) == Counter(wanted)
    assert [at for _, at in rings(account)] == [at for _, at in wanted]


def test_processes_that_advance_at_once_do_each_thing_once(account, scope, start) -> None:
    hourly(scope, 40)
    both = [start(T0 + 24 * 3600) for _ in range(3)]
    assert [process.wait(120) for process in both] == [0, 0, 0]
    check_each_hour_once(account, 40, 24)
    assert account.now == T0 + 24 * 3600


def test_after_a_kill_in_the_middle_the_next_advance_goes_on(account, scope, alarms, start) -> None:
    hourly(scope, 40)
    killed = start(T0 + 24 * 3600, stop=205)
    assert killed.stdout is not None
    assert killed.stdout.readline() == "\n"  # it is in the middle of a commit
    killed.kill()
    killed.wait()
    there = rings(account)
    assert 0 < len(there) < 205
    assert account.now == there[-1][1] < T0 + 24 * 3600
    alarms.happens_together = True
    account.advance(T0 + 24 * 3600)
    check_each_hour_once(account, 40, 24)


def test_others_are_answered_while_a_process_advances(account, scope, start) -> None:
    hourly(scope, 40)
    slow = start(T0 + 2 * 3600, stop=50)
    assert slow.stdout is not None
    assert slow.stdin is not None
    assert slow.stdout.readline() == "\n"  # and it does not go on until it is told to
    customer = stripe.Customer.create(name="meanwhile")
    assert customer.created == account.now == T0 + 3600  # the moment of what is done
    put(scope, ["sooner"], [T0 + 3601])
    slow.stdin.write("\n")
    slow.stdin.flush()
    assert slow.wait(60) == 0
    assert ("sooner", T0 + 3601) in rings(account)
    assert [at for _, at in rings(account)] == sorted(at for _, at in rings(account))


# --- Where it is kept ---


def test_a_fork_has_its_own_calendar_and_a_savepoint_takes_it_back(account, scope, alarms) -> None:
    put(scope, ["a"], [T0 + 10])
    with account.fork() as fork:
        fork.advance(seconds=10)
        assert rings(fork) == [("a", T0 + 10)]
        assert due.next_at(Scope(fork.store)) is None
    assert rings(account) == []
    with account.savepoint():
        account.advance(seconds=10)
        assert rings(account) == [("a", T0 + 10)]
    assert (rings(account), account.now, due.next_at(scope)) == ([], T0, T0 + 10)
    account.advance(seconds=10)
    assert rings(account) == [("a", T0 + 10)]


@pytest.mark.parametrize("name", ["advance", "freeze"])
def test_an_entry_that_is_added_while_the_clock_moves_is_run_too(
    account, scope, alarms, monkeypatch, name
) -> None:
    """As by another process, which adds it when everything else is done."""
    part = {"advance": "move", "freeze": "freeze"}[name]
    show = getattr(clock, part)

    to_add = ["a"]

    def showing(of: Scope, to: int) -> object:
        while to_add:
            put(scope, [to_add.pop()], [T0 + 5])
        return show(of, to)

    monkeypatch.setattr(clock, part, showing)
    getattr(account, name)(T0 + 10)
    assert rings(account) == [("a", T0 + 5)]
    assert account.now == T0 + 10


def test_an_account_may_advance_before_it_has_a_state(account, alarms) -> None:
    at = account.now + 1000
    account.store.define("due", indexes=("clock",)).insert_many([
        {"id": "start", "clock": None, "account": None, "created": -1},
        {"id": "a", "of": "alarm", "at": at, "clock": None, "account": None, "created": at * 16},
    ])  # fmt: skip
    account.advance(seconds=1000)
    assert rings(account) == [("a", at)]
    assert account.now >= at


class Counted:
    """How often the store was asked to do what, and how many records it gave."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Count from now on."""
        self.calls: Counter[str] = Counter()
        self.records = 0
        for name in ("list", "list_namespace", "find_by", "get", "read_version", "__iter__"):
            self._count(monkeypatch, tiger.Table, name)
        self._count(monkeypatch, tiger.Store, "batch")

    def _count(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def counted(table: Any, *args: Any, **named: Any) -> Any:
            self.calls[name] += 1
            found = real(table, *args, **named)
            if name in ("list", "list_namespace", "find_by"):
                self.records += len(found)
            return found

        monkeypatch.setattr(owner, name, counted)


def test_of_10_000_over_12_months_only_what_is_due_is_read(
    account, scope, alarms, monkeypatch
) -> None:
    alarms.happens_together = True
    ids = [f"a{n:05}" for n in range(10_000)]
    at = [T0 + 1 + n * 12 * MONTH_S // 10_000 for n in range(10_000)]
    for begin in range(0, 10_000, 1000):
        put(scope, ids[begin : begin + 1000], at[begin : begin + 1000])
    expected = sum(moment <= T0 + MONTH_S for moment in at)
    counted = Counted(monkeypatch)
    account.advance(T0 + MONTH_S)
    assert len(alarms.rung) == expected == 834
    assert counted.records <= expected + 2 * due.PAGE
    assert counted.calls["list"] <= expected / due.PAGE + 3
    assert counted.calls["get"] <= 6 * expected  # of what happens itself
    assert counted.calls["batch"] <= expected / due.TOGETHER + expected / due.PAGE + 3
    assert counted.calls["__iter__"] == 0
    stripe.Customer.create()  # it removes idempotency records that are old by now
    counted.calls.clear()
    stripe.Customer.create()
    assert counted.calls["list"] == 0  # a request looks at nothing of the calendar
