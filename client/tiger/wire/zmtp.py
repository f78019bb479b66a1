"""The part of ZeroMQ's wire protocol that a client of the daemon needs, and the client's socket.

That is ZMTP 3.0 (RFC 23) over a local socket, without security, as a DEALER: a greeting and READY
from each side, then messages of one frame each. The daemon uses pyzmq. The client does not, because
libzmq sends from its own thread, which has to be woken first: a frame then took 24 to 40 us to the
daemon, and 13 us when sent from the calling thread (medians, three runs).

Nothing here waits: `send` and `receive` yield the events to wait for. The socket connects when
there is something to send, and again after the daemon has ended. Bytes that were on their way then,
in either direction, are lost with the connection. Each connection checks which user's process
listens, because the directory may have been removed and made again by somebody else.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

from tiger.errors import OutcomeUnknown
from tiger.format import protocol
from tiger.place.instance import check_directory
from tiger.system import select, socket, time
from tiger.wire.peer import check_peer

GREETING_SIZE = 64
GREETING = (
    b"\xff\0\0\0\0\0\0\0\0\x7f"  # signature
    b"\3\0"  # version
    b"NULL".ljust(22, b"\0")  # mechanism (20), not as a server (1), and of the filler 1
).ljust(GREETING_SIZE, b"\0")

MORE, LONG, COMMAND = 1, 2, 4
"""Flags, the first byte of a frame."""

SHORT_MAX = 255
LONG_HEADER = struct.Struct(">BQ")

PING, PONG = b"\4PING", b"\4PONG"
TTL_SIZE = 2
"""A PING has the time for which it is valid, and then the bytes that the PONG must repeat."""

TOLD_MAX = 80
"""The most bytes of the other side's message that an error quotes."""

RECONNECT_S = 0.01
RECONNECT_DOUBLED = 3
"""How long to wait after a failed connection, and how often that is doubled."""

PATIENCE_S = 0.5
"""How long to try to connect while nobody listens, and to wait at once."""

CHUNK = 1 << 16

SEND_FLAGS = getattr(socket, "MSG_NOSIGNAL", 0)
"""A program that embeds Python may have SIGPIPE end it; macOS does not have the flag."""


class Refused(Exception):
    """The other side does not speak this protocol, or refuses the connection."""


def message(body: bytes) -> bytes:
    """Return a message of one frame as it travels."""
    return _frame(0, body)


def _frame(flags: int, body: bytes) -> bytes:
    size = len(body)
    if size <= SHORT_MAX:
        return bytes((flags, size)) + body
    return LONG_HEADER.pack(flags | LONG, size) + body


def _ready(socket_type: bytes) -> bytes:
    name = b"Socket-Type"
    value = struct.pack(">I", len(socket_type)) + socket_type
    return _frame(COMMAND, b"\5READY" + bytes((len(name),)) + name + value)


OPENING = GREETING + _ready(b"DEALER")
"""A client's first words. libzmq takes no message before it has said READY itself."""


class Inbox:
    """Bytes that came from the daemon, and the messages in them."""

    def __init__(self, frame_max: int) -> None:
        """Begin with nothing, not even the greeting; accept no frame of more than `most` bytes."""
        self._frame_max = frame_max
        self._unread = bytearray()
        self._is_greeted = False
        self.is_ready: bool = False
        """Whether the daemon accepts messages."""
        self.pong: bytes = b""
        """The PONG that the daemon waits for, after its PING; empty once it is sent."""

    def feed(self, data: bytes) -> None:
        """Take bytes that came."""
        self._unread += data

    def next(self) -> bytes | None:
        """Return the next message, or None if more has to come; `Refused` if none will."""
        if not self._is_greeted:
            if len(self._unread) < GREETING_SIZE:
                return None
            self._check_greeting(self._cut(0, GREETING_SIZE))
            self._is_greeted = True
        while (frame := self._next_frame()) is not None:
            flags, body = frame
            if flags & COMMAND:
                self._obey(body)
            elif flags & MORE or not self.is_ready:
                raise Refused("it sent a message that no daemon sends")
            else:
                return body
        return None

    def _obey(self, command: bytes) -> None:
        """Carry out a command; a client ignores all other commands."""
        if command.startswith(b"\5READY"):
            self.is_ready = True
        elif command.startswith(b"\5ERROR"):
            reason = command[7:][:TOLD_MAX].decode("ascii", "backslashreplace")
            raise Refused(f"it refused the connection: {reason!r}")
        elif command.startswith(PING):
            self.pong = _frame(COMMAND, PONG + command[len(PING) + TTL_SIZE :])

    def _next_frame(self) -> tuple[int, bytes] | None:
        unread = self._unread
        if len(unread) < 2:
            return None
        if not unread[0] & LONG:
            at, size = 2, unread[1]
        elif len(unread) < LONG_HEADER.size:
            return None
        else:
            at, size = LONG_HEADER.size, LONG_HEADER.unpack_from(unread)[1]
        if size > self._frame_max:
            raise Refused(f"it sent a frame of {size} bytes")
        if len(unread) < at + size:
            return None
        return unread[0], self._cut(at, at + size)

    def _check_greeting(self, greeting: bytes) -> None:
        is_zmtp_3 = greeting[0] == 0xFF and greeting[9] == 0x7F and greeting[10] >= 3
        if not is_zmtp_3 or greeting[12:32].rstrip(b"\0") != b"NULL":
            raise Refused(f"it greeted with {greeting[:32]!r}, which no daemon does")

    def _cut(self, begin: int, end: int) -> bytes:
        cut = bytes(self._unread[begin:end])
        del self._unread[:end]
        return cut


class Wire:
    """A socket to the daemon of an instance, one message at a time. Not for two threads at once.

    A caller that is interrupted in it has to close it: half a message may have been sent, or read.
    Where the other side is not the daemon of this user, `Refused` or `InstanceError` is raised, and
    the socket is closed.
    """

    def __init__(self, path: Path) -> None:
        """Prepare to connect to the daemon's socket."""
        self._path = path
        self._socket: socket.socket | None = None
        self._message = memoryview(b"")
        self._sent = 0
        self._inbox = Inbox(protocol.REPLY_MAX)
        self.connections: int = 0
        """The number of connections so far, including this one."""
        self._failures = 0
        """Connections since the last one on which the daemon took messages."""
        self._is_ended = False

    def descriptor(self) -> int | None:
        """Return what to wait for, or None while it is not connected."""
        return None if self._socket is None else self._socket.fileno()

    def pause_s(self) -> float:
        """Return how long to wait, while it is not connected, before trying again."""
        return RECONNECT_S * (1 << min(self._failures, RECONNECT_DOUBLED))

    def begin(self, body: bytes) -> None:
        """Prepare to send a message."""
        self._message = memoryview(message(body))
        self._sent = 0

    def flush(self) -> int:
        """Send as much as is taken now; return 0 if that was all, else the event to wait for."""
        try:
            connected = self._socket or self._connect()
            if not self._inbox.is_ready:
                self.receive()
                if not self._inbox.is_ready:
                    return select.POLLIN
                self._failures = 0
            while self._sent < len(self._message):
                self._sent += connected.send(self._message[self._sent :], SEND_FLAGS)
        except BlockingIOError:
            return select.POLLOUT
        except OutcomeUnknown:  # which is an OSError too
            raise
        except OSError:  # nobody listens, or the daemon is gone
            self.close()
            self._failures += 1
            return select.POLLOUT
        return 0

    def give_up(self) -> None:
        """Send no more of the message; where a part was sent, the connection ends with it."""
        if self._sent:
            self.close()

    def _connect(self) -> socket.socket:
        if self._is_ended:
            raise OutcomeUnknown(
                "this process was forked in the middle of a request, which is its parent's: read "
                "before you write it again"
            )
        check_directory(self._path.parent)
        connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connecting.setblocking(False)
            connecting.connect(str(self._path))  # a local socket connects at once or not at all
            check_peer(connecting, self._path)
            connecting.send(OPENING, SEND_FLAGS)
        except BaseException:
            connecting.close()
            raise
        self._socket = connecting
        self._sent = 0
        self.connections += 1
        return connecting

    def receive(self) -> bytes | None:
        """Return the next message, or None if more has to come.

        It reads once at most, so that a waiting caller looks at the clock between any two reads.
        """
        inbox = self._inbox
        try:
            if (message := inbox.next()) is None and self._socket is not None:
                if not (data := self._socket.recv(CHUNK)):
                    raise ConnectionResetError
                inbox.feed(data)
                message = inbox.next()
        except BlockingIOError:
            return None
        except OSError:
            self.close()
            self._failures += 1
            return None
        except Refused:
            self.close()
            raise
        if inbox.pong:
            self._answer_ping()
        return message

    def _answer_ping(self) -> None:
        """Send a PONG between messages, if it fits as a whole; otherwise another PING will come."""
        pong, self._inbox.pong = self._inbox.pong, b""
        is_between = self._sent in {0, len(self._message)}
        if self._socket is None or not is_between:
            return
        try:
            if self._socket.send(pong, SEND_FLAGS) < len(pong):
                self.close()
        except BlockingIOError:
            pass
        except OSError:
            self.close()

    def close(self) -> None:
        """Close the socket, if it is open; the next message opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            self._inbox = Inbox(protocol.REPLY_MAX)

    def end(self) -> None:
        """Close the socket for good: a request in the middle of a message must not open another."""
        self._is_ended = True
        self.close()


# --- Sending and receiving: each yields the events to wait for ---


class Wait(NamedTuple):
    """Wait for an event of the socket, or a while; answered with whether there is time left."""

    event: int
    deadline: float


def send(wire: Wire, body: bytes, deadline: float) -> Generator[Wait, bool, int]:
    """Send a message; return the number of the connection that took it, or 0.

    It is 0 if none did by the deadline, or if for a while nobody listened.
    """
    give_up_at = -math.inf
    try:
        wire.begin(body)
        while event := wire.flush():
            now = time.monotonic()
            if give_up_at < 0 or wire.descriptor() is not None:
                give_up_at = now + PATIENCE_S
            if now >= min(deadline, give_up_at):
                wire.give_up()
                return 0
            yield Wait(event, min(deadline, now + PATIENCE_S))
    except BaseException:
        wire.close()
        raise
    return wire.connections


def receive(wire: Wire, deadline: float) -> Generator[Wait, bool, bytes | None]:
    """Return the next message, or None if none came by the deadline."""
    try:
        while (body := wire.receive()) is None:
            if not (yield Wait(select.POLLIN, deadline)):
                return None
    except BaseException:
        wire.close()
        raise
    return body
