"""ZeroMQ's wire protocol, as far as a client of the daemon speaks it.

That is ZMTP 3.0 (RFC 23) over a local socket, without security, as a DEALER: a greeting and READY
from either side, then messages of one frame each. The daemon's side is pyzmq's. The client's is
not, for libzmq sends from a thread of its own, which has to be woken to wake the daemon's: a frame
took 24 to 40 us to the daemon so, and 13 from the thread that had it (medians, three runs).
"""

from __future__ import annotations

import struct

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
"""A PING says for how long it counts, then what the PONG has to repeat."""

TOLD_MAX = 80
"""Bytes of what the other side said that an error repeats."""


class Refused(Exception):
    """The other side is not one to talk to, or does not want to."""


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
"""What a client says first. libzmq takes no message before it has said READY itself."""


class Inbox:
    """What came from the daemon, and the messages in it."""

    def __init__(self, frame_max: int) -> None:
        """Begin with nothing, not even the greeting; take no frame of more than so many bytes."""
        self._frame_max = frame_max
        self._unread = bytearray()
        self._is_greeted = False
        self.is_ready: bool = False
        """Whether the daemon takes messages."""
        self.pong: bytes = b""
        """The command that the daemon waits for since it said PING; whoever sends it empties it."""

    def feed(self, data: bytes) -> None:
        """Take what came."""
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
        """Do what a command asks; others than these mean nothing to a client."""
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
