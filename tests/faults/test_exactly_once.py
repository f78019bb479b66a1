"""A request is applied once and has one answer, wherever it or the daemon is lost."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest

import tiger
from tests.faults.processes import (
    instance_directory,
    is_stopped,
    kill,
    serving,
    stop,
    wait_for,
)
from tests.faults.storm import check
from tests.support.seeds import new_random
from tiger import instance
from tiger.connection import Connection
from tiger.session import Send, Session

BEFORE = {"id": "A", "created": 5, "n": 1}


def write_batch(store: tiger.Store) -> Any:
    with store.batch() as batch:
        batch.coupons.create({"id": "in a batch", "n": 1})
        batch.plans.delete("A")
    return store.coupons.get("in a batch")


WRITES: dict[str, tuple[Callable[[tiger.Store], Any], Any]] = {
    "create": (
        lambda store: store.plans.create({"id": "new", "n": 1}),
        {"id": "new", "n": 1},
    ),
    "patch": (lambda store: store.plans.patch("A", {"n": 2}), {**BEFORE, "n": 2}),
    "modify": (
        lambda store: store.plans.modify("A", lambda r: {**r, "n": r["n"] + 1}),
        {**BEFORE, "n": 2},
    ),
    "delete": (lambda store: store.plans.delete("A"), True),
    "batch": (write_batch, {"id": "in a batch", "n": 1}),
}
"""Each with what it returns if it is done once."""

REFUSED = {
    "create": (lambda store: store.plans.create(BEFORE), tiger.AlreadyExists),
    "patch": (lambda store: store.plans.patch("nobody", {"n": 2}), tiger.NotFound),
    "update": (lambda store: store.plans.update(BEFORE, if_version=99), tiger.Conflict),
}


@pytest.fixture
def place() -> Iterator[Path]:
    with instance_directory() as directory:
        with serving(directory), tiger.connect(directory) as store:
            store.plans.insert(BEFORE)
        yield directory


STOPS = ["plan", "answer", "commit", "reply"]


def altered(fault: str) -> str:
    return f"tests.faults.altered {fault}"


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("where", [*[f"stop_before_{at}" for at in STOPS], "stop_after_commit"])
def test_a_write_is_done_once_though_the_daemon_is_killed_in_it(
    place: Path, where: str, name: str
) -> None:
    call, expected = WRITES[name]
    with (
        serving(place, module=altered(where)) as daemon,
        tiger.connect(place, timeout_s=30) as store,
        ThreadPoolExecutor(1) as other,
    ):
        commit = store.ping()["commit"]
        answer = other.submit(call, store)
        wait_for(lambda: is_stopped(daemon) or answer.done(), "the stop")
        kill([daemon])
        assert answer.result() == expected
        assert store.ping()["commit"] == commit + 1
    check(place)


@pytest.mark.parametrize("name", REFUSED)
def test_a_write_that_was_refused_is_refused_again_by_the_next_daemon(
    place: Path, name: str
) -> None:
    call, error = REFUSED[name]
    with (
        serving(place, module=altered("stop_before_reply")) as daemon,
        tiger.connect(place, timeout_s=30) as store,
        ThreadPoolExecutor(1) as other,
    ):
        answer = other.submit(call, store)
        wait_for(lambda: is_stopped(daemon), "the stop")
        kill([daemon])
        with pytest.raises(error):
            answer.result()
        assert list(store.plans) == [BEFORE]


# --- Lost and late messages ---


class Losses:
    """Requests and replies of this process are lost, doubled and delayed at random."""

    def __init__(self, random: Random, patch: pytest.MonkeyPatch) -> None:
        self.lost = 0
        self._random = random
        self._late: list[bytes] = []
        send, receive = Connection._send, Connection._receive

        def lossy_send(connection: Connection, action: Any) -> bool:
            frames = [action.frame]
            chance = random.random()
            if chance < 0.3:
                self.lost += 1
                frames = []
                if chance < 0.15:
                    self._late.append(action.frame)
            elif chance < 0.45:
                frames = [action.frame, action.frame]
            elif chance < 0.6 and self._late:
                frames = [self._late.pop(0), action.frame]
            return all(send(connection, Send(f, action.deadline)) for f in frames)

        def lossy_receive(connection: Connection, action: Any) -> bytes | None:
            frame: bytes | None = receive(connection, action)
            if frame is not None and random.random() < 0.4:
                self.lost += 1
                return receive(connection, action)
            return frame

        patch.setattr(Connection, "_send", lossy_send)
        patch.setattr(Connection, "_receive", lossy_receive)


def test_lost_doubled_and_late_messages_are_not_noticed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = new_random()
    with serving(place), tiger.connect(place, timeout_s=30) as store:
        commit = store.ping()["commit"]
        losses = Losses(random, monkeypatch)
        for number in range(36):
            identity = f"p{number}"
            assert store.plans.create({"id": identity, "n": number})["n"] == number
            changed = store.plans.modify("A", lambda r: {**r, "n": r["n"] + 1})
            assert changed["n"] == number + 2
            assert store.plans.patch("A", {"seen": number})["seen"] == number
            with pytest.raises(tiger.AlreadyExists):
                store.plans.create({"id": identity})
            if number % 3 == 0:
                assert store.plans.delete(identity) is True
        assert losses.lost > 30
        assert store.ping()["commit"] == commit + 120
        assert store.plans.count() == 25
    check(place)


# --- A client that gives up ---


def test_a_stopped_daemon_leaves_reads_and_ends_writes_in_time(place: Path) -> None:
    with serving(place) as daemon, tiger.connect(place, timeout_s=0.5) as store:
        store.plans.insert({"id": "B"})
        commit = store.ping()["commit"]
        stop([daemon])
        with (
            tiger.connect(place, timeout_s=0.5) as new,
            tiger.connect(place, timeout_s=0.5, autostart=False) as newer,
        ):
            assert [record["id"] for record in new.plans] == ["A", "B"]
            with store.snapshot() as view:
                assert view.plans.get("A") == store.plans.get("A") == BEFORE
            for other in (new, newer):
                with pytest.raises(tiger.DaemonUnavailable):  # it has not even begun a session
                    other.plans.insert({"id": "never"})
            for _ in range(3):
                with pytest.raises(tiger.OutcomeUnknown):
                    store.plans.modify("A", lambda r: {**r, "n": r["n"] + 1})
            assert store.plans.get("A") == BEFORE
        kill(
            [daemon], signal.SIGCONT
        )  # of the three requests, all that each read n == 1, one is done
        with tiger.connect(place) as patient:
            wait_for(lambda: patient.ping()["commit"] > commit, "the late request")
            assert patient.plans.get("A") == {**BEFORE, "n": 2}
            assert patient.plans.get("never", None) is None
        store.plans.patch("A", {"n": 7})
        assert store.plans.get("A")["n"] == 7
        assert store.ping()["commit"] == commit + 2
    check(place)


def test_a_write_without_a_daemon_and_without_autostart_says_the_truth(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was applied, and the daemon was killed before the client looked: that is not "no"."""
    with (
        serving(place) as daemon,
        tiger.connect(place, timeout_s=5, autostart=False) as store,
    ):
        store.plans.insert({"id": "B"})
        looks = threading.Event()
        is_answered = Session._is_answered

        def late(session: Any, number: int) -> bool:
            """Look as a client does that sleeps while the daemon applies and is killed."""
            if not looks.is_set():
                return False
            return is_answered(session, number)

        is_running = instance.is_running

        def killed_meanwhile(directory: Path) -> bool:
            wait_for(lambda: store.plans.get("C", None), "the write")
            kill([daemon])
            wait_for(lambda: not is_running(directory), "the end")
            looks.set()
            return False

        monkeypatch.setattr(Session, "_is_answered", late)
        monkeypatch.setattr(Connection, "_receive", lambda *_: None)
        monkeypatch.setattr(instance, "is_running", killed_meanwhile)
        with contextlib.suppress(tiger.OutcomeUnknown):  # which is no lie
            store.plans.create({"id": "C"})
        assert looks.is_set(), "the daemon was not killed"
        assert not is_running(place)
        assert store.plans.get("C") == {"id": "C"}
