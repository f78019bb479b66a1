"""A process's connection to the daemon: made at the first write, for this process only.

Threads may share it; their writes take turns. A forked child gets a connection of its own at its
first write: what it said on its parent's would be taken for the parent's.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable
from typing import Any

from tiger import instance, protocol
from tiger.looking import Looking
from tiger.reader import Reader
from tiger.session import Answer, Session, Steps, Wait, Watch, not_running
from tiger.wire import RECONNECT_S, Wire

WATCH_S = 500e-6
"""How long a write watches its slot before it sleeps. On two cores, with 1 to 8 clients, watching
that long gave 2 to 3 times the throughput of sleeping at once, and longer gave no more."""


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
        self._wire = Wire(instance.socket_path(self._reader.directory))
        self._session: Session | None = None

    def write(self, operations: list[protocol.Operation], meanwhile: Callable[[], Any]) -> Answer:
        """Have operations applied together, or raise why not; as `Session.write`."""
        return self._run(lambda session: session.write(operations, meanwhile, self._timeout_s))

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
            self._wire.close()  # for this process
            self._reset()
        with self._lock:
            if self._session is None:
                self._session = Session(self._reader, self._wire)
            self._session.answers = not self._looking.is_worth_it()
            return self._drive(begin(self._session))

    def _drive(self, steps: Steps) -> Answer:
        """Do what the session says, blocking."""
        result: Any = None
        try:
            while True:
                action = steps.send(result)
                if type(action) is Watch:
                    result = self._looking.until(action.is_answered)
                elif type(action) is Wait:
                    result = self._wait(action)
                else:
                    self._start()
                    result = None
        except StopIteration as stop:
            answer: Answer = stop.value
            return answer
        except BaseException:
            steps.close()  # now: it may be in the middle of a message
            raise

    def _wait(self, action: Wait) -> bool:
        """Wait until trying again makes sense; return whether that is before the deadline."""
        left_s = action.deadline - time.monotonic()
        descriptor = self._wire.descriptor()
        if left_s <= 0:
            return False
        if descriptor is None:
            time.sleep(min(left_s, RECONNECT_S))
            return True
        poll = select.poll()
        poll.register(descriptor, action.event)
        return bool(poll.poll(1000 * left_s))

    def _start(self) -> None:
        if not self._autostart:
            raise not_running(self._reader.directory)
        instance.start(self._reader.directory)

    def close(self) -> None:
        """Let go of the socket; a later write opens another."""
        if self._owner == os.getpid():
            with self._lock:
                self._wire.close()
                self._session = None
