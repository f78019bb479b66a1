"""Connections: only processes of this user may connect. Knows which process has made each."""

from __future__ import annotations

import logging
import struct
from contextlib import suppress
from typing import Any

import zmq

from tiger.format import protocol
from tiger.system import os, socket

log = logging.getLogger("tigerd")

MONITOR = "inproc://monitor"
MONITOR_EVENT = struct.Struct("=Hi")
"""The first frame from a monitor: event, descriptor (zmq_socket_monitor(3)). pyzmq's own function
for it loads asyncio, which was a quarter of the time that a daemon took to start."""


HANDSHAKE_MS = 20_000
"""How long a connection may take to begin. It needs an answer of the daemon, which may be at a
request of a few seconds."""

QUEUED = 100
"""Messages of one connection that are taken in before they are served. A client has two at most;
with 4 here, ZeroMQ's thread is woken for every second one, and inserts took longer."""

UNREAD = 100
"""Answers that are kept for a client that does not read them."""

PROCESSES_MAX = 8192
"""Connections whose process is remembered."""


def new_router(context: zmq.Context[Any]) -> zmq.Socket[bytes]:
    """Return a socket for clients, not bound yet, with limits on its input."""
    router: zmq.Socket[bytes] = context.socket(zmq.ROUTER)
    router.linger = 0
    router.router_mandatory = 1
    router.maxmsgsize = protocol.FRAME_MAX
    router.rcvhwm, router.sndhwm = QUEUED, UNREAD
    router.handshake_ivl = HANDSHAKE_MS
    return router


class Peers:
    """The peers of one socket, as two sockets beside it tell of them."""

    def __init__(self, context: zmq.Context[Any], router: zmq.Socket[Any]) -> None:
        """Guard a socket that is not bound yet."""
        self._router = router
        self._connections: set[int] = set()
        """Descriptors of the connections that were accepted and have not ended."""
        self.processes: dict[bytes, str] = {}
        """The process that made a connection, as far as it was noted and the kernel says it."""
        self._gate = context.socket(zmq.REP)
        self._gate.linger = 0
        self._gate.bind("inproc://zeromq.zap.01")
        router.setsockopt(zmq.ZAP_DOMAIN, b"tigerd")
        # Without a limit: ZeroMQ's thread waits at one, and what ends the monitor waits for it.
        self._monitor = context.socket(zmq.PAIR)
        self._monitor.rcvhwm = 0
        self._monitor.linger = 0
        router.monitor(MONITOR, zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)
        self._monitor.connect(MONITOR)
        self.sockets = (self._gate, self._monitor)
        """The sockets to poll before `look`."""

    @property
    def connection_count(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    def look(self) -> bool:
        """Tell ZeroMQ which peers may connect; return whether any came or went."""
        while self._gate.poll(0):
            self._check()
        return self._count_all()

    def _count_all(self) -> bool:
        """Count who came and went; return whether any did."""
        is_any = False
        while self._monitor.poll(0):
            self._count()
            is_any = True
        return is_any

    def _check(self) -> None:
        """Answer ZeroMQ's question (RFC 27, ZAP) whether a peer may connect: if it is this user."""
        version, request, _, address, *_ = self._gate.recv_multipart()
        # libzmq writes what the kernel says of a local peer: localhost:uid:gid:pid
        parts = [*address.split(b":"), b"", b"", b""]
        mine = parts[1] == str(os.geteuid()).encode()
        if not mine:
            log.warning("refused a peer: %r is not user %d", address, os.geteuid())
        code, text = (b"200", b"OK") if mine else (b"400", b"another user's process")
        self._gate.send_multipart([version, request, code, text, parts[3], b""])

    def note(self, peer: bytes, message: zmq.Frame) -> str:
        """Return the process that made a connection, by a message of it, and remember that."""
        if len(self.processes) >= PROCESSES_MAX:
            self.processes.clear()
        try:
            process = str(message.get("User-Id"))
        except zmq.ZMQError:
            process = ""
        self.processes[peer] = process
        return process

    def _count(self) -> None:
        event, descriptor = MONITOR_EVENT.unpack(self._monitor.recv_multipart()[0])
        if event == zmq.EVENT_ACCEPTED:
            self._connections.add(descriptor)
        else:
            self._connections.discard(descriptor)

    def hang_up(self) -> None:
        """End all connections, and free their unfinished messages; clients connect again."""
        self._count_all()
        for descriptor in self._connections:
            with suppress(OSError):  # it ended this moment
                _shut(descriptor)

    def close(self) -> None:
        """End the monitor; the context ends the rest."""
        self._router.disable_monitor()


def _shut(descriptor: int) -> None:
    """End a connection that is ZeroMQ's, which closes it then."""
    copy = os.dup(descriptor)
    try:
        connection = socket.socket(fileno=copy)
        try:
            connection.shutdown(socket.SHUT_RDWR)
        finally:
            connection.detach()
    finally:
        os.close(copy)
