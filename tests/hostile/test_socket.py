"""Noise at the socket: the daemon lives, stays small, and serves others meanwhile."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import zmq

import tiger
from tests.faults.storm import check
from tests.hostile.frames import Noise
from tests.hostile.trials import drain, hello, peer
from tests.support.processes import instance_directory, serving, wait_for
from tests.support.seeds import new_random
from tiger.format import layout, protocol
from tiger.place import instance
from tiger.wire import zmtp

FRAMES = 6000
FLOOD = 10_000
CONNECTIONS = 1500
LONGEST_S = 5.0
"""That a client who behaves may wait for a write, with noise going on on two cores."""
GROWTH = 96 << 20
"""Bytes that the daemon may grow by."""


@pytest.fixture
def place() -> Iterator[Path]:
    with instance_directory() as directory:
        yield directory


@pytest.fixture
def daemon(place: Path) -> Iterator[int]:
    with serving(place) as pid:
        yield pid


@contextmanager
def a_client_that_behaves(directory: Path) -> Iterator[None]:
    """Write, and read what was written, all the while; each in time."""
    ended = Event()

    def behave() -> int:
        count = 0
        with tiger.connect(directory, namespace="good", autostart=False, timeout_s=20) as store:
            while not ended.is_set() or count <= 5:  # on a busy machine all may end before that
                start = time.monotonic()
                store.coupons.insert({"id": f"c{count % 50}", "n": count})
                assert store.coupons.get(f"c{count % 50}")["n"] == count
                assert time.monotonic() - start < LONGEST_S
                count += 1
            assert store.coupons.count() == min(count, 50)
        return count

    with ThreadPoolExecutor(1) as pool:
        writing: Future[int] = pool.submit(behave)
        try:
            yield
        finally:
            ended.set()
            writing.result(30)


def resident(pid: int) -> int:
    """Bytes of memory of a process, without what it has mapped of files."""
    _, all_pages, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    return (int(all_pages) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")


@needs_proc
def test_frames_that_are_almost_requests(place: Path, daemon: int) -> None:
    random = new_random()
    before = resident(daemon)
    with a_client_that_behaves(place), peer(place) as dealer:
        noise = Noise(random, 4711, hello(dealer, 4711))
        answers = 0
        for _ in range(FRAMES):
            dealer.send_multipart(noise.message())
            answers += drain(dealer)
        assert answers > FRAMES // 20
    with tiger.connect(place, autostart=False) as store:
        assert store.ping()["pid"] == daemon
        for name in store.tables():
            for record in store.namespace("f").table(name):
                assert isinstance(record["id"], str)
    assert resident(daemon) - before < GROWTH
    check(place)


@pytest.mark.parametrize("client", [-1, 0])
def test_a_client_without_a_number_gets_no_slot(place: Path, daemon: int, client: int) -> None:
    with peer(place) as dealer:
        question = [protocol.VERSION, client, -1, 1 << 40, True, [[protocol.HELLO]]]
        dealer.send(protocol.pack(question))
        assert not dealer.poll(200)
        with tiger.connect(place, autostart=False) as store:
            assert store.ping()["pid"] == daemon
            store.coupons.insert({"id": "A"})


@pytest.mark.parametrize("operations", [[[]], [[], []], [[], [protocol.CLEAR, 3]]])
def test_an_operation_that_is_empty_is_refused(
    place: Path, daemon: int, operations: list[Any]
) -> None:
    with peer(place) as dealer:
        request = [protocol.VERSION, 4711, hello(dealer, 4711), 1 << 40, True, operations]
        dealer.send(protocol.pack(request))
        assert dealer.poll(20_000)
        assert b"an operation is an array" in dealer.recv()
    with tiger.connect(place, autostart=False) as store:
        assert store.ping()["pid"] == daemon


@needs_proc
@pytest.mark.parametrize("size", [40, 30_000])
def test_a_flood_that_nobody_reads_the_answers_of(place: Path, daemon: int, size: int) -> None:
    before = resident(daemon)
    with a_client_that_behaves(place), ExitStack() as stack:
        dealers = [stack.enter_context(peer(place)) for _ in range(4)]
        frames = []
        for client, dealer in enumerate(dealers, 1):
            operation = [protocol.PATCH, 3, "f", "nobody", b"\x81\xa1a" + b"\xc0" * size]
            head = [protocol.VERSION, client, hello(dealer, client)]
            frames.append((dealer, head, operation))
        for number in range(1, FLOOD // 4 if size < 1000 else 250):
            for dealer, head, operation in frames:
                frame = protocol.pack([*head, number, True, [operation]])
                with suppress(zmq.Again):
                    dealer.send(frame, zmq.NOBLOCK)
        with tiger.connect(place, autostart=False, timeout_s=20) as store:
            assert store.ping()["pid"] == daemon
        assert resident(daemon) - before < GROWTH
    check(place)


@needs_proc
def test_frames_as_large_as_allowed_and_larger(place: Path, daemon: int) -> None:
    before = resident(daemon)
    with a_client_that_behaves(place), ExitStack() as stack:
        for size in (protocol.FRAME_MAX - 1, protocol.FRAME_MAX + 1) * 3:
            dealer = stack.enter_context(peer(place))
            dealer.send(b"\xdd\x00\x0f\xff\xff" + bytes(size - 5))
        with tiger.connect(place, autostart=False, timeout_s=20) as store:
            assert store.ping()["pid"] == daemon
        wait_for(lambda: resident(daemon) - before < GROWTH, "the memory of large frames", 15)


@needs_proc
def test_a_frame_of_nothing_but_empty_containers(place: Path, daemon: int) -> None:
    before = resident(daemon)
    with a_client_that_behaves(place), peer(place) as dealer:
        parts = 60 << 16
        frame = b"\x91\xdd" + parts.to_bytes(4, "big") + (b"\x9f" + b"\x90" * 15) * parts
        largest = 0
        dealer.send(frame)
        log = place / instance.LOG_NAME
        with tiger.connect(place, autostart=False, timeout_s=20) as store:
            while "values" not in log.read_text():
                store.ping()
                largest = max(largest, resident(daemon) - before)
        assert largest < 4 * protocol.FRAME_MAX


@needs_proc
def test_frames_that_do_not_end_are_held_for_seconds_only(place: Path, daemon: int) -> None:
    before = resident(daemon)
    with ExitStack() as stack, tiger.connect(place, autostart=False, timeout_s=20) as store:
        store.coupons.insert({"id": "A", "n": 0})
        for _ in range(6):
            raw = stack.enter_context(socket.socket(socket.AF_UNIX))
            raw.settimeout(20)
            raw.connect(str(instance.socket_path(place)))
            raw.sendall(zmtp.OPENING)
            raw.recv(zmtp.GREETING_SIZE, socket.MSG_WAITALL)
            raw.sendall(zmtp.LONG_HEADER.pack(zmtp.LONG, protocol.FRAME_MAX))
            with suppress(OSError):  # on a busy machine it may be over already
                raw.sendall(bytes(60 << 20))
        wait_for(lambda: resident(daemon) - before < GROWTH, "the end of the frames", 20)
        for number in range(20):
            assert store.coupons.insert({"id": "A", "n": number})["n"] == number
        assert store.ping()["pid"] == daemon


def test_connections_that_come_and_go_in_storms(place: Path, daemon: int) -> None:
    random = new_random()
    path = str(instance.socket_path(place))
    files = Path(f"/proc/{daemon}/fd")
    before = len(list(files.iterdir())) if files.exists() else 0
    with a_client_that_behaves(place):
        for _ in range(CONNECTIONS):
            with socket.socket(socket.AF_UNIX) as raw, suppress(OSError):
                raw.settimeout(5)
                raw.connect(path)
                raw.sendall(random.randbytes(random.choice((0, 1, 10, 64, 200))))
        with ExitStack() as stack:
            held = []
            for _ in range(100):  # that never speak
                raw = stack.enter_context(socket.socket(socket.AF_UNIX))
                raw.settimeout(5)
                with suppress(OSError):
                    raw.connect(path)
                held.append(raw)
            with tiger.connect(place, autostart=False) as store:
                store.coupons.insert({"id": "in between"})
    if before:
        wait_for(lambda: len(list(files.iterdir())) < before + 20, "the end of connections", 15)
    with tiger.connect(place, autostart=False) as store:
        assert store.ping()["pid"] == daemon


def test_more_clients_than_there_are_slots_do_not_shut_out_the_first(
    place: Path, daemon: int
) -> None:
    with tiger.connect(place, autostart=False) as first, peer(place) as dealer:
        first.plans.create({"id": "A", "n": 1})
        for client in range(1, layout.CLIENTS_MAX + 10):
            hello(dealer, client)
        assert first.plans.patch("A", {"n": 2}) == {"id": "A", "n": 2}
        assert first.ping()["pid"] == daemon
