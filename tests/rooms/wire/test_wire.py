"""The client's side of ZeroMQ's wire protocol, against libzmq and against peers that are none."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

import tiger
from tiger.format import protocol
from tiger.wire import zmtp
from tiger.wire.peer import peer_user
from tiger.wire.zmtp import RECONNECT_S, Wire

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
def test_a_message_in_pieces_is_put_together(bodies: list[bytes], pieces: Any) -> None:
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
        assert wire.connections == 1


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
            with pytest.raises(zmtp.Refused) if said else nullcontext():
                assert wire.receive() is None
            assert wire.descriptor() is None


def test_a_ping_is_answered_and_does_not_count_as_ready(wire: Wire, path: Path) -> None:
    """With what it said (RFC 37); one that comes before READY too."""
    with listener(path) as listening:
        wire.begin(b"hello")
        assert wire.flush() == select.POLLIN
        far, _ = listening.accept()
        with far:
            far.settimeout(PATIENCE_MS / 1000)
            assert far.recv(len(zmtp.OPENING), socket.MSG_WAITALL) == zmtp.OPENING
            far.sendall(zmtp.GREETING + b"\x04\x0b\4PING\0\x0aabcd")
            wait(wire, select.POLLIN)
            assert wire.flush() == select.POLLIN
            pong = b"\x04\x09\4PONGabcd"
            assert far.recv(len(pong), socket.MSG_WAITALL) == pong
            far.sendall(READY)
            wait(wire, select.POLLIN)
            assert wire.flush() == 0
            far.sendall(b"\x04\x07\4PING\0\x0a")
            wait(wire, select.POLLIN)
            assert wire.receive() is None
            expected = zmtp.message(b"hello") + b"\x04\x05\4PONG"
            assert far.recv(len(expected), socket.MSG_WAITALL) == expected


def test_a_command_without_a_meaning_is_passed_over() -> None:
    inbox = zmtp.Inbox(1000)
    inbox.feed(zmtp.GREETING + b"\x04\x06\5OTHER" + READY + b"\x04\x05\4PONG" + zmtp.message(b"a"))
    assert inbox.next() == b"a"
    assert inbox.pong == b""


def test_libzmq_finds_its_pings_answered(wire: Wire, path: Path) -> None:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as far:
        far.linger = 0
        far.heartbeat_ivl, far.heartbeat_timeout = 20, 5000
        far.bind(f"ipc://{path}")
        send(wire, b"hello")
        peer, _ = heard(far)
        for _ in range(3):
            wait(wire, select.POLLIN)
            assert wire.receive() is None
        far.send_multipart([peer, b"still there"])
        assert receive(wire) == b"still there"
        assert wire.connections == 1


def test_each_call_reads_once_however_much_comes(wire: Wire, path: Path) -> None:
    """A caller can look at its clock, though what comes has no end."""
    with listener(path) as listening:
        wire.begin(b"hello")
        assert wire.flush() == select.POLLIN
        far, _ = listening.accept()
        with far:
            far.sendall(zmtp.GREETING + READY + b"\x02" + (1 << 20).to_bytes(8, "big"))
            for reads in range(16):
                far.sendall(bytes(1 << 16))
                wait(wire, select.POLLIN)
                assert wire.receive() is None or reads == 15


def test_a_client_that_cannot_connect_tries_ever_less_often(wire: Wire) -> None:
    pauses = set()
    for _ in range(8):
        wire.begin(b"hello")
        assert wire.flush() == select.POLLOUT
        pauses.add(wire.pause_s())
    assert min(pauses) >= RECONNECT_S
    assert max(pauses) >= 5 * RECONNECT_S
    assert len(pauses) < 8, "up to a bound"


def test_the_socket_of_another_user_is_told_nothing(wire: Wire, path: Path, monkeypatch) -> None:
    """The kernel says whose it is; here it says another one."""
    with listener(path) as listening:
        monkeypatch.setattr("tiger.wire.peer.peer_user", lambda _: os.geteuid() + 1)
        wire.begin(b"secret")
        with pytest.raises(tiger.InstanceError, match=r"served by a process of user \d+"):
            wire.flush()
        far, _ = listening.accept()
        with far:
            assert far.recv(100) == b""
        assert wire.descriptor() is None


def test_a_directory_that_was_opened_to_others_is_not_connected_to(wire: Wire, path: Path) -> None:
    with router(path):
        path.parent.chmod(0o755)
        wire.begin(b"secret")
        with pytest.raises(tiger.InstanceError, match="mode 0755"):
            wire.flush()
        assert wire.descriptor() is None


def test_the_kernel_says_whose_the_other_end_is(wire: Wire, path: Path) -> None:
    with listener(path), closing(socket.socket(socket.AF_UNIX)) as near:
        near.connect(str(path))
        assert peer_user(near) in {os.geteuid(), None}
