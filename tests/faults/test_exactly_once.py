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
from tests.faults.storm import check
from tests.support.daemon import CLIENT, Daemon
from tests.support.processes import instance_directory, is_stopped, kill, serving, stop, wait_for
from tests.support.seeds import new_random
from tiger.format import layout, protocol
from tiger.place import instance
from tiger.reading.reader import Reader
from tiger.wire.requests import TableRequests
from tiger.wire.session import Session, Slot
from tigerd.service.slots import Slots

BEFORE = {"id": "A", "created": 5, "n": 1}


def write_batch(store: tiger.Store) -> Any:
    with store.batch() as batch:
        batch.coupons.create({"id": "in a batch", "n": 1})
        batch.plans.delete("A")
    return store.coupons.get("in a batch")


WRITES: dict[str, tuple[Callable[[tiger.Store], Any], Any]] = {
    "create": (lambda store: store.plans.create({"id": "new", "n": 1}), {"id": "new", "n": 1}),
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
        send, receive = Session._send, Session._receive

        def lossy_send(session: Session, frame: bytes, deadline: float) -> Any:
            frames = [frame]
            chance = random.random()
            if chance < 0.3:
                self.lost += 1
                frames = []
                if chance < 0.15:
                    self._late.append(frame)
            elif chance < 0.45:
                frames = [frame, frame]
            elif chance < 0.6 and self._late:
                frames = [self._late.pop(0), frame]
            for each in frames:
                if not (yield from send(session, each, deadline)):
                    return 0
            number = session._wire.connections
            if not frames:  # what is lost is lost with its connection
                session._wire.close()
            return number

        def lossy_receive(session: Session, deadline: float) -> Any:
            frame = yield from receive(session, deadline)
            if frame is not None and random.random() < 0.4:
                self.lost += 1
                frame = yield from receive(session, deadline)
            return frame

        patch.setattr(Session, "_send", lossy_send)
        patch.setattr(Session, "_receive", lossy_receive)


def test_lost_doubled_and_late_messages_are_not_noticed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = new_random()
    with serving(place), tiger.connect(place, timeout_s=30) as store:
        commit = store.ping()["commit"]
        losses = Losses(random, monkeypatch)
        for number in range(18):
            identity = f"p{number}"
            assert store.plans.create({"id": identity, "n": number})["n"] == number
            changed = store.plans.modify("A", lambda r: {**r, "n": r["n"] + 1})
            assert changed["n"] == number + 2
            assert store.plans.patch("A", {"seen": number})["seen"] == number
            with pytest.raises(tiger.AlreadyExists):
                store.plans.create({"id": identity})
            if number % 3 == 0:
                assert store.plans.delete(identity) is True
        assert losses.lost > 15
        assert store.ping()["commit"] == commit + 60
        assert store.plans.count() == 13
    check(place)


# --- Answers that are lost ---


@contextlib.contextmanager
def patch_overtaken(
    place: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[tiger.Store], None]
) -> Iterator[Any]:
    """Give the answer to a patch: its daemon was killed, and something was done since."""
    patched = TableRequests._patched

    def overtaken(requests: TableRequests, id: str, answer: Any) -> Any:
        assert answer.value is None, "the answer was not lost"
        with tiger.connect(place, timeout_s=30) as other:
            meanwhile(other)
        return patched(requests, id, answer)

    monkeypatch.setattr(TableRequests, "_patched", overtaken)
    with (
        serving(place, module=altered("stop_before_reply")) as daemon,
        tiger.connect(place, timeout_s=30) as store,
        ThreadPoolExecutor(1) as executor,
    ):
        answer = executor.submit(store.plans.patch, "A", {"n": 2})
        wait_for(lambda: is_stopped(daemon), "the stop")
        kill([daemon])
        yield answer


@pytest.mark.parametrize("change", ["delete", "update"])
def test_a_patch_returns_what_it_wrote_though_its_answer_was_lost(
    place: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    def meanwhile(other: tiger.Store) -> None:
        if change == "delete":
            other.plans.delete("A")
        else:
            other.plans.update({"id": "A", "n": 3})

    with patch_overtaken(place, monkeypatch, meanwhile) as answer:
        assert answer.result() == {**BEFORE, "n": 2}
    check(place)


def test_a_patch_of_which_nothing_is_left_but_that_it_was_applied(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(other: tiger.Store) -> None:
        chunk = place / "tables" / "plans" / "chunk.1"
        assert chunk.exists()
        other.plans.insert_many({"id": f"{n}", "text": "x" * 1000} for n in range(200))
        other.plans.clear()
        wait_for(lambda: not chunk.exists(), "the cleaning")

    with (
        patch_overtaken(place, monkeypatch, meanwhile) as answer,
        pytest.raises(tiger.OutcomeUnknown, match="'A' was applied, but its answer was lost"),
    ):
        answer.result()
    check(place)


class Interrupted:
    """Words of which one is not loaded before something else was done."""

    def __init__(self, words: Any, at: int, meanwhile: Callable[[], None]) -> None:
        self._words, self._at, self._meanwhile = words, at, meanwhile

    def __getitem__(self, place: int) -> int:
        if place == self._at:
            self._meanwhile()
        word: int = self._words[place]
        return word


@pytest.mark.parametrize("word", ["CLIENT_ANSWER", "CLIENT_COMMIT", "CLIENT_ID"])
def test_an_answer_that_is_taken_back_while_a_client_looks_is_none(place: Path, word: str) -> None:
    """The daemon was killed between answer and commit, and the next one tidies up just now."""
    daemon = Daemon(place)
    with contextlib.closing(Reader(place)) as reader:
        slot = Slots(daemon.control).open(CLIENT)
        daemon.writer.store_answer((slot, 5), protocol.DONE, daemon.writer.commit + 1, 0)
        at = layout.client_at(slot, getattr(layout, word))
        words: Any = Interrupted(reader.words, at, daemon.restart)
        assert not Slot(words, CLIENT, slot).is_answered(5)


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
    with serving(place) as daemon, tiger.connect(place, timeout_s=5, autostart=False) as store:
        store.plans.insert({"id": "B"})
        looks = threading.Event()
        is_answered = Slot.is_answered

        def late(slot: Slot, request: int) -> bool:
            """Look as a client does that sleeps while the daemon applies and is killed."""
            if not looks.is_set():
                return False
            return is_answered(slot, request)

        is_running = instance.is_running

        def nothing_comes(*_: object) -> Any:
            return None
            yield

        def killed_meanwhile(directory: Path) -> bool:
            wait_for(lambda: store.plans.get("C", None), "the write")
            kill([daemon])
            wait_for(lambda: not is_running(directory), "the end")
            looks.set()
            return False

        monkeypatch.setattr(Slot, "is_answered", late)
        monkeypatch.setattr(Session, "_receive", nothing_comes)
        monkeypatch.setattr(instance, "is_running", killed_meanwhile)
        with contextlib.suppress(tiger.OutcomeUnknown):  # which is no lie
            store.plans.create({"id": "C"})
        assert looks.is_set(), "the daemon was not killed"
        assert not is_running(place)
        assert store.plans.get("C") == {"id": "C"}
