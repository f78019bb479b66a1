"""The socket to the daemon: nothing here waits.

It connects when there is something to send, and again when the daemon went. What was under way
then, in either direction, is gone with the connection.
"""

from __future__ import annotations

from pathlib import Path

from tiger import protocol, zmtp
from tiger.errors import OutcomeUnknown
from tiger.system import select, socket

RECONNECT_S = 0.01
"""How long to wait after it could not connect."""

CHUNK = 1 << 16

SEND_FLAGS = getattr(socket, "MSG_NOSIGNAL", 0)
"""A program that embeds Python may have SIGPIPE end it; macOS does not have the flag."""


class Wire:
    """A socket to the daemon of an instance, one message at a time. Not for two threads at once.

    Whoever is interrupted in it has to close it: half a message may have been sent, or read.
    """

    def __init__(self, path: Path) -> None:
        """Prepare to connect to the daemon's socket."""
        self._path = str(path)
        self._socket: socket.socket | None = None
        self._message = memoryview(b"")
        self._sent = 0
        self._inbox = zmtp.Inbox(protocol.FRAME_MAX)
        self.number: int = 0
        """Of the connection: 1 for the first."""
        self._is_ended = False

    def descriptor(self) -> int | None:
        """Return what to wait for, or None while it is not connected."""
        return None if self._socket is None else self._socket.fileno()

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
            while self._sent < len(self._message):
                self._sent += connected.send(self._message[self._sent :], SEND_FLAGS)
        except BlockingIOError:
            return select.POLLOUT
        except OutcomeUnknown:  # which is an OSError too
            raise
        except OSError:  # nobody listens, or who did is gone
            self.close()
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
        connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connecting.setblocking(False)
            connecting.connect(self._path)  # a local socket connects at once or not at all
            connecting.send(zmtp.OPENING, SEND_FLAGS)
        except BaseException:
            connecting.close()
            raise
        self._socket = connecting
        self._sent = 0
        self.number += 1
        return connecting

    def receive(self) -> bytes | None:
        """Return the next message, or None if more has to come."""
        try:
            while (message := self._inbox.next()) is None and self._socket is not None:
                if data := self._socket.recv(CHUNK):
                    self._inbox.feed(data)
                else:
                    self.close()
        except BlockingIOError:
            return None
        except (OSError, zmtp.Refused):
            self.close()
            return None
        return message

    def close(self) -> None:
        """Close the socket, if it is open; the next message opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            self._inbox = zmtp.Inbox(protocol.FRAME_MAX)

    def end(self) -> None:
        """Close the socket for good: who is in the middle of a message must not open another."""
        self._is_ended = True
        self.close()
