"""The socket to the daemon: nothing here waits.

It connects when there is something to send, and again when the daemon went. What was under way
then, in either direction, is gone with the connection. Whose process listens there is asked at
every connection: the directory may have been removed since, and made again by somebody else.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

from tiger.errors import InstanceError, OutcomeUnknown
from tiger.format import protocol
from tiger.place.instance import check_directory
from tiger.system import os, select, socket
from tiger.wire import zmtp

RECONNECT_S = 0.01
RECONNECT_DOUBLED = 3
"""How long to wait after it could not connect, and how often that is doubled while it cannot."""

CHUNK = 1 << 16

SEND_FLAGS = getattr(socket, "MSG_NOSIGNAL", 0)
"""A program that embeds Python may have SIGPIPE end it; macOS does not have the flag."""


class Wire:
    """A socket to the daemon of an instance, one message at a time. Not for two threads at once.

    Whoever is interrupted in it has to close it: half a message may have been sent, or read. Where
    the other side is not the daemon of this user, `zmtp.Refused` or `InstanceError` is raised, and
    the socket is closed.
    """

    def __init__(self, path: Path) -> None:
        """Prepare to connect to the daemon's socket."""
        self._path = path
        self._socket: socket.socket | None = None
        self._message = memoryview(b"")
        self._sent = 0
        self._inbox = zmtp.Inbox(protocol.REPLY_MAX)
        self.number: int = 0
        """Of the connection: 1 for the first."""
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
        self._message = memoryview(zmtp.message(body))
        self._sent = 0

    def flush(self) -> int:
        """Send what can be sent now; return 0 if that was the rest, else the event to wait for."""
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
        except OSError:  # nobody listens, or who did is gone
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
            connecting.send(zmtp.OPENING, SEND_FLAGS)
        except BaseException:
            connecting.close()
            raise
        self._socket = connecting
        self._sent = 0
        self.number += 1
        return connecting

    def receive(self) -> bytes | None:
        """Return the next message, or None if more has to come.

        It reads once at most, so that whoever waits looks at the clock between any two reads.
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
        except zmtp.Refused:
            self.close()
            raise
        if inbox.pong:
            self._answer_ping()
        return message

    def _answer_ping(self) -> None:
        """Send a PONG where it fits in whole, between messages: else another PING will come."""
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
            self._inbox = zmtp.Inbox(protocol.REPLY_MAX)

    def end(self) -> None:
        """Close the socket for good: who is in the middle of a message must not open another."""
        self._is_ended = True
        self.close()


# --- Who listens ---


def check_peer(connected: socket.socket, path: Path) -> None:
    """Raise `InstanceError` unless the process at the other end is this user's."""
    user, mine = peer_user(connected), os.geteuid()
    if user not in (mine, None):
        raise InstanceError(
            f"{path} is served by a process of user {user}, you are user {mine}: nothing was sent "
            f"there; connect to a directory of your own"
        )


if sys.platform == "darwin":
    _XUCRED = struct.Struct("=IIh66x")  # version, uid, groups
    _SOL_LOCAL, _LOCAL_PEERCRED = 0, 1  # sys/un.h

    def peer_user(connected: socket.socket) -> int | None:
        """Return whose process made the other end, as the kernel noted it; None if it does not."""
        said = connected.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED.size)
        return int(_XUCRED.unpack(said)[1])

elif hasattr(socket, "SO_PEERCRED"):
    _UCRED = struct.Struct("=iII")  # pid, uid, gid

    def peer_user(connected: socket.socket) -> int | None:
        """Return whose process made the other end, as the kernel noted it; None if it does not."""
        said = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        return int(_UCRED.unpack(said)[1])

else:

    def peer_user(connected: socket.socket) -> int | None:
        """Return whose process made the other end, as the kernel noted it; None if it does not."""
        return None
