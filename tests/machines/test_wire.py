"""The wire of NATS as tigerd speaks it: with the real server, cut anywhere, and with noise."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.machines.machines import Machines, machines
from tests.support.processes import wait_for
from tests.support.seeds import new_random
from tiger import DaemonUnavailable, InstanceError, InvalidRequest
from tigerd.log.log import Address, Entry, Event, Position, Refusal, Terms, Told, address_of
from tigerd.log.nats import NatsLog
from tigerd.log.nats_wire import Inbox, Message, Refused

TERMS = Terms.of_this(1000)


class Follower:
    """A log that is followed by the test itself."""

    def __init__(self, address: Address, position: Position | None = None) -> None:
        self.position = position or Position(0, 0)
        self.log = NatsLog(address, "test", "", lambda: self.position, TERMS)
        self.entries: list[Entry] = []
        self.others: list[Event] = []

    def until(self, condition: Callable[[], object], what: str = "the log") -> None:
        def turn() -> object:
            for event in self.log.take():
                if isinstance(event, Entry):
                    self.entries.append(event)
                    self.position = Position(event.sequence, event.stamp)
                else:
                    self.others.append(event)
            return condition()

        try:
            wait_for(turn, what, 20)
        except BaseException:
            self.log.close()
            raise


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> object:
    with machines() as made:
        yield made


def address(made: Machines) -> Address:
    return address_of(made.engine.url)


def test_entries_come_in_one_order_to_all_and_an_id_is_taken_once(engine: Machines) -> None:
    random = new_random()
    one, two = Follower(address(engine)), Follower(address(engine))
    bodies = [random.randbytes(random.choice((1, 100, 70_000))) for _ in range(60)]
    for follower in (one, two):
        follower.until(lambda: follower.log.is_up)  # noqa: B023 - called at once
    for number, body in enumerate(bodies):
        (one, two)[number % 2].log.append(f"a-{number}", body)
        (two, one)[number % 2].log.append(f"a-{number}", body)
    for follower in (one, two):
        follower.until(lambda: len(follower.entries) == len(bodies))  # noqa: B023
    one.log.append("a-0", bodies[0])
    one.log.append("last", b"last")
    for follower in (one, two):
        follower.until(lambda: len(follower.entries) == len(bodies) + 1)  # noqa: B023
    assert one.entries == two.entries
    assert [e.sequence for e in one.entries] == list(range(1, len(bodies) + 2))
    assert sorted(e.body for e in one.entries[:-1]) == sorted(bodies)
    late = Follower(address(engine), Position(30, one.entries[29].stamp))
    late.until(lambda: len(late.entries) == len(bodies) - 29)
    assert late.entries == one.entries[30:]
    for follower in (one, two, late):
        follower.log.close()


def test_a_message_to_all_reaches_the_others(engine: Machines) -> None:
    one, two = Follower(address(engine)), Follower(address(engine))
    for follower in (one, two):
        follower.until(lambda: follower.log.is_up)  # noqa: B023 - called at once
    one.log.tell(b"hello")
    two.until(lambda: Told(b"hello") in two.others)
    for follower in (one, two):
        follower.log.close()


def test_a_position_that_the_log_does_not_have_is_refused(engine: Machines) -> None:
    one = Follower(address(engine))
    one.until(lambda: one.log.is_up)
    for number in range(5):
        one.log.append(f"a-{number}", b"x")
    one.until(lambda: len(one.entries) == 5)
    stamps = [entry.stamp for entry in one.entries]
    for position, words in (
        (Position(9, stamps[4]), "ends at entry 5"),
        (Position(3, stamps[4]), "is not the one that was applied"),
        (Position(5, stamps[3]), "is not the one that was applied"),
    ):
        with pytest.raises(InstanceError, match=words):
            Follower(address(engine), position).until(lambda: False)
    # A daemon that was killed between the stamp and the commit has that of the next entry.
    undone = Follower(address(engine), Position(3, stamps[3]))
    undone.until(lambda: len(undone.entries) == 2)
    for follower in (one, undone):
        follower.log.close()


def test_a_message_that_the_engine_does_not_take_is_refused_alone(engine: Machines) -> None:
    one = Follower(address(engine))
    one.until(lambda: one.log.is_up)
    one.log._appends._subject = "tigerd.other.entries"  # a subject of no stream
    one.log.append("lost", b"x")
    one.until(lambda: not one.log.is_up, "the end of a connection that leads nowhere")
    one.log._appends._subject = "tigerd.shop.entries"
    one.until(lambda: one.entries, "the entry, sent again")
    one.log.close()


def test_without_an_engine_an_append_is_refused_in_time() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        where = Address("127.0.0.1", probe.getsockname()[1], "shop")
        one = Follower(where)
        one.log.append("a-1", b"x")
        one.until(lambda: one.others)
        one.log.close()
    refusal = one.others[0]
    assert isinstance(refusal, Refusal)
    assert isinstance(refusal.error, DaemonUnavailable)
    assert "cannot be reached" in str(refusal.error)


@pytest.mark.parametrize(
    "said",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"MSG a\r\n", b"\0" * 100, b"INFO {}\r\n", b""],
    ids=["http", "a broken message", "noise", "no limits", "nothing"],
)
def test_a_peer_that_is_no_nats_server_is_reported_and_tried_again(said: bytes) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def serve() -> None:
            for _ in range(2):
                peer, _ = listening.accept()
                with peer:
                    peer.sendall(said)

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        one = Follower(Address("127.0.0.1", listening.getsockname()[1], "shop"))
        one.until(lambda: not server.is_alive(), "a second try")
        one.until(lambda: one.log.trouble != "not tried yet")
        assert not one.log.is_up
        one.log.close()


STREAM = (
    b'INFO {"max_payload":100}\r\nPING\r\nMSG a.b 1 3\r\nabc\r\n+OK\r\nMSG a.b 2 re.ply 0\r\n\r\n'
    b"HMSG c 3 r 22 24\r\nNATS/1.0 100\r\nA: b\r\n\r\nhi\r\nPONG\r\n"
)


@given(st.lists(st.integers(1, len(STREAM)), max_size=8))
def test_messages_are_the_same_wherever_the_bytes_are_cut(cuts: list[int]) -> None:
    inbox = Inbox(1000)
    found: list[Message] = []
    edges = [0, *sorted(cuts), len(STREAM)]
    for begin, end in itertools.pairwise(edges):
        inbox.feed(STREAM[begin:end])
        while (message := inbox.next()) is not None:
            found.append(message)
    assert found == [
        Message(1, b"a.b", b"", b"", b"abc"),
        Message(2, b"a.b", b"re.ply", b"", b""),
        Message(3, b"c", b"r", b"NATS/1.0 100\r\nA: b\r\n\r\n", b"hi"),
    ]
    assert (inbox.pings, inbox.pongs, inbox.info) == (1, 1, b'{"max_payload":100}')
    assert (found[2].status, found[2].header(b"A"), found[2].header(b"B")) == (100, b"b", b"")


@given(st.binary(max_size=300))
def test_noise_is_refused_or_waited_for_and_nothing_else(noise: bytes) -> None:
    inbox = Inbox(1000)
    inbox.feed(noise)
    with suppress(Refused):
        while inbox.next() is not None:
            pass


def test_a_message_without_an_end_takes_no_memory() -> None:
    inbox = Inbox(1000)
    inbox.feed(b"MSG a 1 2000\r\n")
    with pytest.raises(Refused, match="2000 bytes"):
        inbox.next()
    inbox = Inbox(1000)
    inbox.feed(b"x" * ((1 << 20) + 1))
    with pytest.raises(Refused, match="a line"):
        inbox.next()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nats://h/s", Address("h", 4222, "s")),
        ("tls://u:p%40w@h.org:1/s_-1", Address("h.org", 1, "s_-1", "u", "p@w", True)),
        ("nats://token@[::1]:5/s", Address("::1", 5, "s", "token")),
    ],
)
def test_addresses(text: str, expected: Address) -> None:
    assert address_of(text) == expected
    assert "p@w" not in str(expected)
    assert address_of(str(expected)).host == expected.host


@pytest.mark.parametrize(
    "text",
    [
        "",
        "h:4222",
        "http://h/s",
        "nats://h",
        "nats://h/",
        "nats://h/a.b",
        "nats:///s",
        "nats://h:x/s",
        "nats://h:99999/s",
        "nats://u:secret@/a b",
    ],
)
def test_an_invalid_address_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(InvalidRequest, match="nats://HOST:4222/STREAM") as refused:
        address_of(text)
    assert "secret" not in str(refused.value)


def certificate(folder: Path, name: str) -> tuple[str, str]:
    """Return the files of a new certificate and of its key; it is its own authority."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    key, found = str(folder / f"{name}-key.pem"), str(folder / f"{name}.pem")
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    command = [*new, *subject, "-keyout", key, "-out", found]
    subprocess.run(command, check=True, capture_output=True)
    return found, key


def test_an_engine_with_tls_is_spoken_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    its, key = certificate(tmp_path, "server")
    monkeypatch.setenv("SSL_CERT_FILE", its)
    with machines(arguments=["--tls", "--tlscert", its, "--tlskey", key]) as made:
        where = address(made)._replace(is_encrypted=True)
        one = Follower(where)
        one.until(lambda: one.log.is_up)
        for number in range(20):
            one.log.append(f"a-{number}", os.urandom(50_000))
        one.until(lambda: len(one.entries) == 20)
        one.log.close()
        monkeypatch.delenv("SSL_CERT_FILE")
        stranger = Follower(where)
        stranger.until(lambda: "certificate" in stranger.log.trouble.lower())
        assert not stranger.log.is_up
        stranger.log.close()


def test_an_engine_that_wants_a_certificate_gets_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    its, its_key = certificate(tmp_path, "server")
    mine, my_key = certificate(tmp_path, "client")
    tls = ["--tlsverify", "--tlscacert", mine, "--tlscert", its, "--tlskey", its_key]
    with machines(arguments=tls) as made:
        where = address(made)._replace(is_encrypted=True)
        monkeypatch.setenv("NATS_CA", its)
        for name, value, trouble in (
            ("NATS_KEY", my_key, "certificate"),  # a key alone is none
            ("NATS_CERT", str(tmp_path / "none.pem"), f"NATS_CERT={tmp_path}/none.pem"),
            ("NATS_CERT", its, "cannot use"),  # of another key
        ):
            monkeypatch.setenv(name, value)
            stranger = Follower(where)
            stranger.until(lambda: trouble in stranger.log.trouble)  # noqa: B023 - called at once
            assert not stranger.log.is_up
            stranger.log.close()
        monkeypatch.setenv("NATS_CERT", mine)
        one = Follower(where)
        one.until(lambda: one.log.is_up)
        one.log.append("a-1", b"x")
        one.until(lambda: one.entries)
        one.log.close()


def test_a_password_does_not_go_in_the_clear_where_tls_is_asked(engine: Machines) -> None:
    one = Follower(address(engine)._replace(is_encrypted=True, user="u", password="secret"))
    one.until(lambda: "TLS" in one.log.trouble)
    assert not one.log.is_up
    one.log.close()
