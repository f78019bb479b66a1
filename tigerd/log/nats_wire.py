"""NATS's wire protocol, as far as a follower of a log speaks it.

Lines that end with CR LF: INFO, PING, PONG, +OK and -ERR from the server, and MSG and HMSG, after
which so many bytes of headers and body come. It is spoken here, and not by a library, for it is in
the daemon's own loop so: an entry that is appended and comes back took 111 us by a plain socket and
235 by nats-py, in a loop of its own, before any is handed to another thread (medians, two runs).
"""

from __future__ import annotations

from typing import NamedTuple

LINE_MAX = 1 << 20
"""Bytes of a line: INFO names all servers of a cluster."""

ROOM = 4096
"""Bytes of headers that a server adds to a message, at most."""

END = b"\r\n"
HEADERS = b"NATS/1.0"
"""The first bytes of a block of headers; a status of three digits may follow."""

PASSING = 503
"""A status, and a class of errors of JetStream, after which a request may be sent again."""

PING = b"PING\r\n"
PONG = b"PONG\r\n"


class Refused(Exception):
    """The server does not speak NATS, or refuses the connection."""


class Message(NamedTuple):
    """A message that came to a subscription."""

    subscription: int
    subject: bytes
    reply: bytes
    """Where the sender wants an answer, if it wants one."""
    headers: bytes
    body: bytes

    @property
    def status(self) -> int:
        """The number that the server gives a message of its own; 0 for all others."""
        digits = self.headers[len(HEADERS) + 1 : len(HEADERS) + 4]
        return int(digits) if digits.isdigit() else 0

    def header(self, name: bytes) -> bytes:
        """Return a header's value, empty if it is not there."""
        _, found, rest = self.headers.partition(END + name + b": ")
        return rest.partition(END)[0] if found else b""


def subscribe(subject: str, number: int) -> bytes:
    """Return the command that subscribes to a subject; its messages have the number."""
    return f"SUB {subject} {number}\r\n".encode()


def publish(subject: str, body: bytes, *, reply: str = "") -> bytes:
    """Return a message without headers."""
    return f"PUB {subject} {reply} {len(body)}\r\n".encode() + body + END


def publish_with(headers: dict[str, str], subject: str, body: bytes, *, reply: str) -> bytes:
    """Return a message with headers."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = HEADERS + END + lines.encode() + END
    sizes = f"{len(head)} {len(head) + len(body)}"
    return f"HPUB {subject} {reply} {sizes}\r\n".encode() + head + body + END


class Inbox:
    """The bytes that came from the server, and the messages in them."""

    def __init__(self, body_max: int) -> None:
        """Begin with nothing; take no message of more bytes."""
        self._body_max = body_max
        self._unread = bytearray()
        self.info: bytes = b""
        """The JSON of the last INFO; empty until one came."""
        self.pings: int = 0
        """How many PING wait for a PONG; sending these sets it to 0."""
        self.pongs: int = 0
        """How many PONG came."""

    def feed(self, data: bytes) -> None:
        """Take what came."""
        self._unread += data

    def next(self) -> Message | None:
        """Return the next message, or None if more has to come; `Refused` if none will."""
        unread, at = self._unread, 0
        try:
            while (end := unread.find(END, at)) >= 0:
                line = bytes(unread[at:end])
                if line.startswith((b"MSG ", b"HMSG ")):
                    message, size = self._message(line, end + 2)
                    at = end + 2 + size if message else at
                    return message
                at = end + 2
                self._obey(line)
        finally:
            del unread[:at]
        if len(unread) > LINE_MAX:
            raise Refused(f"it sent a line of more than {LINE_MAX} bytes")
        return None

    def _message(self, line: bytes, begin: int) -> tuple[Message | None, int]:
        """Return the message that a line announces, None if it is not all there, and its bytes."""
        words = line.split()
        has_headers = len(line) > 0 and line[0] == ord("H")
        try:
            size = int(words[-1])
            head = int(words[-2]) if has_headers else 0
            subject, number = words[1], int(words[2])
            reply = words[3] if len(words) - has_headers == 5 else b""
        except (IndexError, ValueError):
            raise Refused(f"it sent {line[:80]!r}") from None
        if not 0 <= head <= size <= self._body_max:
            raise Refused(f"it sent a message of {size} bytes")
        unread = self._unread
        if len(unread) < begin + size + 2:
            return None, 0
        content = bytes(unread[begin : begin + size])
        return Message(number, subject, reply, content[:head], content[head:]), size + 2

    def _obey(self, line: bytes) -> None:
        kind = line[:5].upper()
        if kind == b"INFO ":
            self.info = line[5:]
        elif kind[:4] == b"PING":
            self.pings += 1
        elif kind[:4] == b"PONG":
            self.pongs += 1
        elif kind[:4] == b"-ERR":
            raise Refused(line[5:].strip(b" '").decode("ascii", "backslashreplace")[:200])
        elif kind[:3] != b"+OK":
            raise Refused(f"it sent {line[:80]!r}, which no server of NATS does")
