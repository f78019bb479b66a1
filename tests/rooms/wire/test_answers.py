"""What a client makes of answers that no daemon gives: an error, in time, and in bounded memory."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import tiger
from tests.support.daemon import Daemon
from tiger.aio.connection import AsyncConnection
from tiger.format import protocol
from tiger.place import instance
from tiger.reading.reader import Reader
from tiger.wire import zmtp
from tiger.wire.connection import Connection, Options

READY = zmtp.OPENING[zmtp.GREETING_SIZE :].replace(b"DEALER", b"ROUTER")
IN_TIME_S = 0.3
OTHER = 77

CLEAR = [[protocol.CLEAR_NAMESPACE, 1, "nobody's"]]

Speak = Callable[[socket.socket], None]


class Impostor:
    """Listens in a daemon's place; `speak` is called for each connection, in a thread."""

    def __init__(self, path: Path, speak: Speak) -> None:
        """Begin to listen."""
        self.connections = 0
        self._speak = speak
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self._thread = Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                far, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            with far, suppress(OSError):
                self._speak(far)

    def close(self) -> None:
        """Hang up."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(20)


@pytest.fixture
def reader(directory: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    Daemon(Path(directory))
    monkeypatch.setattr(instance, "is_running", lambda _: True)
    with closing(Reader(Path(directory))) as reader:
        yield reader


@contextmanager
def connected(reader: Reader, speak: Speak) -> Iterator[tuple[Connection, Impostor]]:
    connection = Connection(reader, Options(autostart=False, timeout_s=IN_TIME_S))
    impostor = Impostor(instance.socket_path(reader.directory), speak)
    with closing(impostor), closing(connection):
        yield connection, impostor


def request(far: socket.socket) -> list[Any]:
    """Return the next request that a client sends."""
    flags = far.recv(1, socket.MSG_WAITALL)[0]
    size = int.from_bytes(far.recv(8 if flags & zmtp.LONG else 1, socket.MSG_WAITALL), "big")
    return protocol.unpack(far.recv(size, socket.MSG_WAITALL))


def greet(far: socket.socket) -> None:
    far.sendall(zmtp.GREETING + READY)
    far.recv(len(zmtp.OPENING), socket.MSG_WAITALL)


def answer(far: socket.socket, *values: Any) -> None:
    far.sendall(zmtp.message(protocol.pack(list(values))))


def until_it_hangs_up(far: socket.socket) -> None:
    while far.recv(1 << 16):
        pass


def first(said: Callable[[int], bytes]) -> Speak:
    """Say one thing to the first question."""

    def speak(far: socket.socket) -> None:
        greet(far)
        far.sendall(said(request(far)[3]))
        until_it_hangs_up(far)

    return speak


def reply(*values: Any) -> Callable[[int], bytes]:
    return lambda number: zmtp.message(protocol.pack([number, *values]))


@pytest.mark.parametrize(
    "said",
    [
        lambda _: zmtp.message(b""),
        lambda _: zmtp.message(b"\xc1"),
        lambda _: zmtp.message(b"\x91" * 5000),
        lambda _: zmtp.message(protocol.pack(["a", 0, None])),
        reply(0),
        reply(OTHER, None),
        reply("0", None),
        reply(0, None),
        reply(0, [1]),
        reply(0, ["slot", 1]),
        reply(0, [1 << 40, 1]),
        reply(0, [-1, 1]),
    ],
)
def test_an_answer_of_a_wrong_shape_is_an_error(reader: Reader, said: Any) -> None:
    with (
        connected(reader, first(said)) as (connection, _),
        pytest.raises(tiger.DaemonUnavailable, match=r"no daemon answers at .*nothing was changed"),
    ):
        connection.write(CLEAR, str)


def test_after_the_request_was_sent_its_outcome_is_unknown(reader: Reader) -> None:
    def speak(far: socket.socket) -> None:
        greet(far)
        answer(far, request(far)[3], protocol.DONE, [3, reader.instance])
        request(far)
        far.sendall(zmtp.message(b"nonsense"))
        until_it_hangs_up(far)

    with (
        connected(reader, speak) as (connection, _),
        pytest.raises(tiger.OutcomeUnknown, match=r"not an answer.*may or may not have been"),
    ):
        connection.write(CLEAR, str)


def others_answers(far: socket.socket) -> None:
    greet(far)
    data = zmtp.message(protocol.pack([OTHER, 0, None])) * 100
    while True:
        far.sendall(data)


def pings(far: socket.socket) -> None:
    greet(far)
    while True:
        far.sendall(b"\x04\x07\4PING\0\x0a" * 100)
        far.recv(1 << 16)


def a_frame_that_does_not_end(far: socket.socket) -> None:
    greet(far)
    far.sendall(zmtp.LONG_HEADER.pack(zmtp.LONG, protocol.REPLY_MAX))
    for _ in range(protocol.REPLY_MAX >> 10):
        far.sendall(bytes(1 << 9))


@pytest.mark.timeout(30)
@pytest.mark.parametrize("speak", [others_answers, pings, a_frame_that_does_not_end])
def test_an_endless_message_ends_in_time(reader: Reader, speak: Speak) -> None:
    with connected(reader, speak) as (connection, _):
        with pytest.raises(tiger.DaemonUnavailable):
            connection.ask(protocol.PING)

        async def ask() -> None:
            other = AsyncConnection(reader, Options(autostart=False, timeout_s=IN_TIME_S))
            with closing(other), pytest.raises(tiger.DaemonUnavailable):
                await other.ask(protocol.PING)

        connection.let_go()
        asyncio.run(ask())


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (zmtp.GREETING + b"\x04\x0a\x05ERROR\x03400", "refused the connection: '400'"),
        (zmtp.GREETING.replace(b"NULL", b"CURV") + READY, "CURV"),
        (zmtp.GREETING + READY + b"\2" + bytes([1] * 8), "a frame of"),
    ],
    ids=["refusal", "mechanism", "size"],
)
def test_a_refusal_reaches_the_caller_at_once(reader: Reader, said: bytes, told: str) -> None:
    def speak(far: socket.socket) -> None:
        far.sendall(said)
        until_it_hangs_up(far)

    with connected(reader, speak) as (connection, impostor):
        connection.line.options = Options(autostart=False, timeout_s=60.0)
        with pytest.raises(tiger.DaemonUnavailable, match=told):
            connection.write(CLEAR, str)
        assert impostor.connections == 1


@pytest.mark.timeout(60)
def test_a_request_is_sent_once_on_a_connection_however_long_it_takes(reader: Reader) -> None:
    """And once more on the next; meanwhile it is only asked for."""
    numbers: list[tuple[int, Any]] = []

    def speak(far: socket.socket) -> None:
        greet(far)
        if not numbers:
            answer(far, request(far)[3], protocol.DONE, [3, reader.instance])
        asked = 0
        while asked < 4:
            _, _, _, number, _, operations = request(far)
            numbers.append((number, operations[0][0]))
            asked += operations[0][0] == protocol.ANSWER
        if numbers.count((1, protocol.CLEAR_NAMESPACE)) == 2:
            answer(far, 1, protocol.ABSENT, None)
            until_it_hangs_up(far)

    with connected(reader, speak) as (connection, impostor):
        connection.line.options = Options(autostart=False, timeout_s=60.0)
        connection._looking.is_worth_it = lambda: False
        assert connection.write(CLEAR, str).status == protocol.ABSENT
        assert impostor.connections == 2
    sent = [name for _, name in numbers]
    assert sent.count(protocol.CLEAR_NAMESPACE) == 2
    assert sent.count(protocol.ANSWER) >= 8
