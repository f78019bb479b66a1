"""A connection to a server of NATS: bytes to it and messages from it. Nothing here waits."""

from __future__ import annotations

import ssl
from typing import Any

from tiger.format.protocol import FRAME_MAX
from tiger.system import os, select, socket, time
from tigerd.log import nats_wire
from tigerd.log.nats_wire import Inbox

READ = 1 << 18
"""Bytes that are read at once."""


class Lost(Exception):
    """The connection is of no use any more."""


class Link:
    """One connection, from its opening on."""

    def __init__(self, host: str, port: int) -> None:
        """Begin to connect; OSError if that cannot be. A name is looked up, which may take time."""
        self._host = host
        self.inbox = Inbox(FRAME_MAX + nats_wire.ROOM)
        self.heard_at: float = time.monotonic()
        """When something came last."""
        self._unsent = bytearray()
        self._is_open = False
        self._is_greeting = False
        family, kind, number, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        self._socket: Any = socket.socket(family, kind, number)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.connect(place)
        except BlockingIOError:
            pass
        except OSError:
            self._socket.close()
            raise

    def waits_for(self) -> tuple[int, int]:
        """Return its descriptor, and the events of poll after which `turn` may do something."""
        wants_to_send = self._unsent or not self._is_open
        return self._socket.fileno(), select.POLLIN | (select.POLLOUT if wants_to_send else 0)

    def encrypt(self) -> None:
        """Go on with TLS, by the certificates that the system trusts (`SSL_CERT_FILE` adds to it).

        As for the clients of NATS, `NATS_CA` names those that are trusted instead, `NATS_CERT` and
        `NATS_KEY` this client's own. OSError if one cannot be read, or if the server is not the one
        of that name.
        """
        self._socket = _context().wrap_socket(
            self._socket, server_hostname=self._host, do_handshake_on_connect=False
        )
        self._is_greeting = True

    def put(self, data: bytes) -> None:
        """Queue bytes for the next `flush` or `turn`, which sends them with one system call."""
        self._unsent += data

    def send(self, data: bytes) -> None:
        """Send, now or by a later `turn`; OSError if the connection has ended."""
        self.put(data)
        self.flush()

    def flush(self) -> None:
        """Send what waits, as far as it goes; OSError if the connection has ended."""
        if self._unsent and self._is_open and not self._is_greeting:
            self._flush()

    def turn(self) -> None:
        """Send what waits, and take what came; OSError or `Lost` if the connection has ended."""
        if self._is_ready():
            self._read()
            if self.inbox.pings:
                self._unsent += nats_wire.PONG * self.inbox.pings
                self.inbox.pings = 0
            self._flush()

    def _is_ready(self) -> bool:
        """Tell whether bytes may go, once the connection is there and agreed on."""
        if not self._is_open:
            poll = select.poll()
            poll.register(self._socket.fileno(), select.POLLOUT)
            if not poll.poll(0):
                return False
            if number := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(number, os.strerror(number))
            self._is_open = True
        if self._is_greeting:
            try:
                self._socket.do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            self._is_greeting = False
        return True

    def _flush(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass

    def _read(self) -> None:
        try:
            while True:
                data = self._socket.recv(READ)
                if not data:
                    raise Lost("the server closed the connection")
                self.heard_at = time.monotonic()
                self.inbox.feed(data)
                if not (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()):
                    return
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass

    def close(self) -> None:
        """End it."""
        self._socket.close()


def _context() -> ssl.SSLContext:
    names = {name: os.environ.get(name) or None for name in ("NATS_CA", "NATS_CERT", "NATS_KEY")}
    authorities, certificate, key = names.values()
    try:
        context = ssl.create_default_context(cafile=authorities)
        if certificate is not None:
            # Without a password a terminal would be asked for one.
            context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        given = ", ".join(f"{name}={value}" for name, value in names.items() if value)
        raise OSError(f"cannot use {given}: {error}") from None
    return context
