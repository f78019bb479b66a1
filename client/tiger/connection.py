"""A process's connection to the daemon: made at the first write, for this process only.

Threads may share it; their writes take turns. A forked child gets a connection of its own at its
first write: ZeroMQ's sockets and contexts are of no use across a fork.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tiger import instance, protocol
from tiger.looking import Looking
from tiger.reader import Reader
from tiger.session import Answer, Receive, Send, Session, Start, Steps, Watch, not_running

if TYPE_CHECKING:
    import zmq

WATCH_S = 500e-6
"""How long a write watches its slot before it sleeps. On two cores, with 1 to 8 clients, watching
that long gave 2 to 3 times the throughput of sleeping at once, and longer gave no more."""


def open_socket(context: zmq.Context[Any], reader: Reader) -> Any:
    """Return a DEALER socket connecting to the daemon of an instance."""
    import zmq  # noqa: PLC0415 - a process that only reads never loads it

    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.immediate = 1  # else requests queue up for a daemon yet to come
    socket.reconnect_ivl = 10
    socket.reconnect_ivl_max = 200
    socket.maxmsgsize = protocol.FRAME_MAX
    socket.connect(instance.endpoint(reader.directory))
    return socket


class Connection:
    """Requests of the threads of one process, one after another."""

    def __init__(self, reader: Reader, *, autostart: bool, timeout_s: float) -> None:
        """Prepare a connection; nothing is opened before it is needed."""
        self._reader = reader
        self._autostart = autostart
        self._timeout_s = timeout_s
        self._looking = Looking(WATCH_S)
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._zmq: Any = None
        self._context: Any = None
        self._socket: Any = None
        self._session: Session | None = None

    def write(self, operations: list[protocol.Operation]) -> Answer:
        """Have operations applied together, or raise why not."""
        return self._run(lambda session: session.write(operations, self._timeout_s))

    def ask(self, question: str, *, revive: bool = True) -> Any:
        """Return the daemon's answer to a question."""
        return self._run(
            lambda session: session.ask(question, self._timeout_s, revive=revive)
        ).value

    def twin(self) -> Connection:
        """Return another connection like this one; nothing is opened before it is needed."""
        return Connection(self._reader, autostart=self._autostart, timeout_s=self._timeout_s)

    def wait(self, commit: int, table: int | None, namespace: str, deadline: float) -> None:
        """Wait until a namespace was written to after a commit, or until the deadline.

        Other requests of this connection wait meanwhile: use a twin.
        """
        self._run(lambda session: session.wait(commit, table, namespace, deadline))

    def _run(self, begin: Callable[[Session], Steps]) -> Answer:
        if self._owner != os.getpid():
            self._reset()  # the parent's socket is left alone
        with self._lock:
            if self._session is None:
                self._open()
            assert self._session is not None
            self._session.answers = not self._looking.is_worth_it()
            return self._drive(begin(self._session))

    def _open(self) -> None:
        import zmq  # noqa: PLC0415 - a process that only reads never loads it

        self._zmq = zmq
        self._context = zmq.Context()
        self._socket = open_socket(self._context, self._reader)
        self._session = Session(self._reader)

    def _drive(self, steps: Steps) -> Answer:
        """Do what the session says, blocking."""
        result: Any = None
        while True:
            try:
                action = steps.send(result)
            except StopIteration as stop:
                answer: Answer = stop.value
                return answer
            if type(action) is Send:
                result = self._send(action)
            elif type(action) is Watch:
                result = self._looking.until(action.is_answered)
            elif type(action) is Receive:
                result = self._receive(action)
            elif type(action) is Start:
                self._start()
                result = None

    def _send(self, action: Send) -> bool:
        zmq = self._zmq
        while True:
            try:
                self._socket.send(action.frame, zmq.NOBLOCK)
            except zmq.Again:
                if not self._socket.poll(milliseconds(action.deadline), zmq.POLLOUT):
                    return False
            else:
                return True

    def _receive(self, action: Receive) -> bytes | None:
        if not self._socket.poll(milliseconds(action.deadline)):
            return None
        frame: bytes = self._socket.recv()
        return frame

    def _start(self) -> None:
        # Where there is none, what the socket may still hold goes: no later daemon will see it.
        if not self._autostart:
            self._let_go()
            raise not_running(self._reader.directory)
        try:
            instance.start(self._reader.directory)
        except BaseException:
            self._let_go()
            raise

    def _let_go(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._context is not None:
            self._context.term()
        self._context = self._socket = self._session = None

    def close(self) -> None:
        """Let go of the socket; a later write opens another."""
        if self._owner == os.getpid():
            with self._lock:
                self._let_go()


def milliseconds(deadline: float) -> int:
    """Return how long it is until a deadline, for ZeroMQ: at least 0, rounded up."""
    return max(0, int(1000 * (deadline - time.monotonic())) + 1)
