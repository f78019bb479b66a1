"""The client's side of ZeroMQ's wire protocol, against libzmq and against peers that are none."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from tiger import protocol, zmtp
from tiger.wire import Wire

PATIENCE_MS = 20_000
READY = zmtp.OPENING[zmtp.GREETING_SIZE :].replace(b"DEALER", b"ROUTER")


@contextmanager
def router(path: Path) -> Iterator[Any]:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        socket.linger = 0
        socket.bind(f"ipc://{path}")
        yield socket


@pytest.fixture
def path(directory: str) -> Path:
    Path(directory).mkdir(parents=True, exist_ok=True)
    return Path(directory, "socket")


@pytest.fixture
def wire(path: Path) -> Iterator[Wire]:
    wire = Wire(path)
    yield wire
    wire.close()


def wait(wire: Wire, event: int) -> None:
    descriptor = wire.descriptor()
    assert descriptor is not None
    poll = select.poll()
    poll.register(descriptor, event)
    assert poll.poll(PATIENCE_MS)


def send(wire: Wire, body: bytes) -> None:
    wire.begin(body)
    while event := wire.flush():
        wait(wire, event)


def receive(wire: Wire) -> bytes:
    while (body := wire.receive()) is None:
        wait(wire, select.POLLIN)
    return body


def heard(router: Any) -> list[bytes]:
    assert router.poll(PATIENCE_MS)
    frames: list[bytes] = router.recv_multipart()
    return frames


@pytest.mark.parametrize("size", [0, 1, 255, 256, 65_535, 65_536, 5_000_000])
def test_messages_of_every_size_travel_both_ways(wire: Wire, path: Path, size: int) -> None:
    with router(path) as far:
        for body in (b"a" * size, b"b" * size):
            send(wire, body)
            peer, arrived = heard(far)
            assert arrived == body
            far.send_multipart([peer, body[::-1]])
            assert receive(wire) == body[::-1]
        assert wire.receive() is None


@given(bodies=st.lists(st.binary(max_size=600), max_size=5), pieces=st.randoms())
def test_what_comes_in_pieces_is_put_together(bodies: list[bytes], pieces: Any) -> None:
    inbox = zmtp.Inbox(1000)
    data = zmtp.GREETING + READY + b"".join(map(zmtp.message, bodies))
    found = []
    while data:
        count = pieces.choice((1, 2, 9, 64, 300, 1000))
        inbox.feed(data[:count])
        data = data[count:]
        while (body := inbox.next()) is not None:
            found.append(body)
    assert found == bodies
    assert inbox.is_ready


def test_nobody_there_is_waited_for(wire: Wire, path: Path) -> None:
    wire.begin(b"hello")
    assert wire.flush()
    assert wire.descriptor() is None
    with router(path) as far:
        send(wire, b"hello")
        assert heard(far)[1] == b"hello"


def test_another_daemon_gets_the_whole_message(wire: Wire, path: Path) -> None:
    with router(path) as far:
        send(wire, b"first")
        assert heard(far)[1] == b"first"
    path.unlink(missing_ok=True)
    with router(path) as far:
        wire.begin(b"second")
        while event := wire.flush():
            if wire.descriptor() is not None:
                wait(wire, event)
        assert heard(far)[1] == b"second"


@contextmanager
def listener(path: Path) -> Iterator[socket.socket]:
    """Give a socket that is no ZeroMQ's."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(PATIENCE_MS / 1000)
        yield listening


def fill(wire: Wire, far: socket.socket) -> None:
    """Say that messages are taken, and take none: send until the socket is full."""
    far.sendall(zmtp.GREETING + READY)
    while (event := wire.flush()) == select.POLLIN:
        wait(wire, event)
    assert event == select.POLLOUT


def assert_it_is_sent(wire: Wire, body: bytes, far: socket.socket) -> None:
    """Say that messages are taken; the next one is there, and nothing before it."""
    far.sendall(zmtp.GREETING + READY)
    send(wire, body)
    expected = zmtp.OPENING + zmtp.message(body)
    assert far.recv(len(expected), socket.MSG_WAITALL) == expected


def test_half_a_message_is_never_one(wire: Wire, path: Path) -> None:
    """A daemon that reads nothing: the sender gives up, and closes."""
    with listener(path) as listening:
        wire.begin(b"x" * protocol.FRAME_MAX)
        assert wire.flush() == select.POLLIN
        far, _ = listening.accept()
        with far:
            fill(wire, far)
            wire.give_up()
            wire.begin(b"next")
            assert wire.flush() == select.POLLIN
            far.settimeout(PATIENCE_MS / 1000)
            count = 0
            while data := far.recv(1 << 20):
                count += len(data)
            assert len(zmtp.OPENING) < count < protocol.FRAME_MAX
        far, _ = listening.accept()
        with far:
            assert_it_is_sent(wire, b"next", far)


def test_a_message_of_which_nothing_was_sent_costs_no_connection(wire: Wire, path: Path) -> None:
    with listener(path) as listening:
        wire.begin(b"first")
        assert wire.flush() == select.POLLIN  # nobody has said READY
        wire.give_up()
        far, _ = listening.accept()
        with far:
            assert_it_is_sent(wire, b"second", far)
        assert wire.number == 1


def test_a_message_half_sent_to_one_that_goes_is_sent_whole_to_the_next(
    wire: Wire, path: Path
) -> None:
    body = b"x" * 1_000_000
    with listener(path) as listening:
        wire.begin(body)
        assert wire.flush() == select.POLLIN
        far, _ = listening.accept()
        with far:
            fill(wire, far)
    path.unlink()
    with router(path) as far:
        while event := wire.flush():
            if wire.descriptor() is not None:
                wait(wire, event)
        assert heard(far)[1] == body


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".ljust(100),
        zmtp.GREETING.replace(b"NULL", b"CURV") + READY,
        zmtp.GREETING.replace(b"\x7f\3", b"\x7f\1") + READY,
        zmtp.GREETING + b"\x04\x0a\x05ERROR\x03400",
        zmtp.GREETING + READY + b"\1\1a\0\1b",
        zmtp.GREETING + READY + b"\2" + (protocol.FRAME_MAX + 1).to_bytes(8, "big"),
        b"",
    ],
    ids=["no-zmtp", "security", "old", "refusal", "frames", "huge", "silence"],
)
def test_one_that_is_no_daemon_is_hung_up_on(wire: Wire, path: Path, said: bytes) -> None:
    with listener(path) as listening:
        wire.begin(b"hello")
        assert wire.flush() == select.POLLIN
        far, _ = listening.accept()
        with far:
            far.sendall(said)
            if not said:
                far.shutdown(socket.SHUT_WR)
            wait(wire, select.POLLIN)
            assert wire.receive() is None
            assert wire.descriptor() is None
