"""What time brings: in order, once, whatever else becomes due on the way."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.stripe.shop import paid
from tigerstripe import clock, due, registry
from tigerstripe.log import Log
from tigerstripe.scope import Scope
from tigerstripe.work import Work


class Alarms:
    """A resource whose objects ring, and let others ring."""

    happens_together = False

    def __init__(self) -> None:
        """Begin with none."""
        self.rung: list[tuple[str, int]] = []
        self.next: dict[str, tuple[str, int]] = {}

    def happen(self, work: Work, id: str) -> None:
        """Ring; set the next one, if there is one."""
        self.rung.append((id, work.now))
        if id in self.next:
            due.put(work, "alarm", *self.next.pop(id))


@pytest.fixture
def alarms(monkeypatch: pytest.MonkeyPatch) -> Alarms:
    """The resource of the object `alarm`."""
    found = Alarms()
    monkeypatch.setattr(registry, "need", lambda name: found)
    return found


def put(scope: Scope, id: str, at: int) -> None:
    work = Work(scope, 0, "2026-10-28.endive", None, is_write=True)
    due.put(work, "alarm", id, at)
    work.commit(Log(scope))


def test_all_is_done_in_order_and_once(account: Any, alarms: Alarms) -> None:
    scope = Scope(account.store)
    for id, at in (("c", 30), ("a", 10), ("d", 40), ("b", 20)):
        put(scope, id, at)
    put(scope, "d", 15)  # instead of 40
    due.work_off(scope, Log(scope), 20)
    assert alarms.rung == [("a", 10), ("d", 15), ("b", 20)]
    due.work_off(scope, Log(scope), 100)
    due.work_off(scope, Log(scope), 100)
    assert alarms.rung[3:] == [("c", 30)]


def test_what_becomes_due_on_the_way_has_its_place(account: Any, alarms: Alarms) -> None:
    scope = Scope(account.store)
    alarms.next = {"a": ("between", 15), "between": ("a", 25)}
    put(scope, "a", 10)
    put(scope, "b", 20)
    alarms.next["b"] = ("b", 30)
    due.work_off(scope, Log(scope), 29)
    assert alarms.rung[:4] == [("a", 10), ("between", 15), ("b", 20), ("a", 25)]
    assert scope.table(due.TABLE).get("b")["at"] == 30


def test_two_that_work_off_at_once_do_each_thing_once(account: Any, price: str) -> None:
    account.freeze()
    ids = sorted(paid(price).id for _ in range(12))
    clock.move(Scope(account.store), account.now + 90_000)
    begin = threading.Barrier(3)

    def work_off() -> None:
        scope = Scope(account.store)
        begin.wait()
        due.work_off(scope, Log(scope), account.now)

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(work_off) for _ in range(3)]:
            done.result(60)
    told = account.events("checkout.session.expired")
    assert sorted(event["data"]["object"]["id"] for event in told) == ids
    assert due.next_at(Scope(account.store)) is None
