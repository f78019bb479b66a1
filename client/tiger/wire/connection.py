"""A process's connection to the daemon: made at the first write.

Threads may share it; their writes take turns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tiger import system
from tiger.errors import InvalidRequest, TigerError
from tiger.format import protocol
from tiger.place import launch, process
from tiger.reading.reader import Reader
from tiger.system import select, threading, time
from tiger.wire.line import Line
from tiger.wire.session import Answer, Session, Steps, Wait, Watch
from tiger.wire.spinning import Looking

Same = TypeVar("Same", bound="Connection")

WATCH_S = 500e-6
"""How long a write watches its slot before it sleeps. On two cores, with 1 to 8 clients, watching
that long gave 2 to 3 times the throughput of sleeping at once, and longer gave no more."""

SLEEP_S = 0.02
"""How long it sleeps on its slot before it asks: the daemon may be gone."""


class Connection:
    """Requests of the threads of one process, one after another."""

    def __init__(
        self, reader: Reader, *, autostart: bool, timeout_s: float, everywhere: bool = False
    ) -> None:
        """Prepare a connection; nothing is opened before it is needed."""
        self._line = Line(reader, autostart=autostart, timeout_s=timeout_s, everywhere=everywhere)
        self._lock = threading.Lock()
        self._looking = Looking(WATCH_S)
        process.leaves(self)

    def leave(self) -> None:
        """Leave line and turn to the process that this one was forked from."""
        self._line.leave()
        self._lock = threading.Lock()

    def twin(self: Same) -> Same:
        """Return another connection like this one; nothing is opened before it is needed."""
        self._line.check_open()
        return type(self)(self._line.reader, **self._line.settings)

    def write(self, operations: list[protocol.Operation], meanwhile: Callable[[], Any]) -> Answer:
        """Have operations applied together, or raise why not; as `Session.write`."""
        deadline = time.monotonic() + self._line.timeout_s
        return self._run(lambda session: session.write(operations, meanwhile, deadline), deadline)

    def ask(self, question: str, *, revive: bool = True) -> Any:
        """Return the daemon's answer to a question."""
        deadline = time.monotonic() + self._line.timeout_s
        return self._run(
            lambda session: session.ask(question, deadline, revive=revive), deadline
        ).value

    def wait(self, commit: int, table: int | None, namespace: str, deadline: float) -> None:
        """Wait until a namespace was written to after a commit, or until a deadline.

        Other requests of this connection wait meanwhile: use a twin.
        """
        if system.is_gevent_late():
            raise InvalidRequest(
                "gevent has patched this process since tiger was loaded, so waiting here would "
                "stop all greenlets: call gevent.monkey.patch_all() before `import tiger`"
            )
        self._run(lambda session: session.wait(commit, table, namespace, deadline), deadline)

    def _run(self, begin: Callable[[Session], Steps], deadline: float) -> Answer:
        process.current()  # in a child that nobody noticed yet, all of this begins again
        lock = self._lock  # in a child that is forked meanwhile, there is another
        try:
            if not lock.locked():
                # No signal comes between this and the block, as one may after a call of `acquire`.
                # Another thread may take the lock right now; its request has the same time-out as
                # this one, so waiting for it without a time-out of its own is safe.
                with lock:
                    return self._drive(begin)
            left_s = max(0.0, deadline - time.monotonic())
            if not lock.acquire(timeout=min(left_s, threading.TIMEOUT_MAX)):
                raise self._line.busy_error()
            try:
                return self._drive(begin)
            finally:
                lock.release()
        finally:
            if self._line.is_closed:  # perhaps meanwhile
                self.let_go()

    def _drive(self, begin: Callable[[Session], Steps]) -> Answer:
        """Do what the session says, blocking."""
        session = self._line.session()
        looks = self._looking.is_worth_it()
        session.answers = not (looks or session.wakes)
        steps = begin(session)
        result: Any = None
        try:
            while True:
                action = steps.send(result)
                if type(action) is Watch:
                    result = self._watch(action, looks)
                elif type(action) is Wait:
                    result = self._wait(action)
                else:
                    try:
                        self._start()
                    except TigerError as error:
                        steps.throw(error)  # the session knows what that means for the request
                        raise
                    result = None
        except StopIteration as stop:
            answer: Answer = stop.value
            return answer
        except BaseException:
            steps.close()  # now: it may be in the middle of a message
            raise

    def _watch(self, watch: Watch, looks: bool) -> bool:
        """Look for the answer while that is worth it, then sleep on it for a while."""
        slot, request = watch.slot, watch.request
        if looks and self._looking.until(slot.look(request)):
            return True
        return slot.sleep(request, min(watch.deadline, time.monotonic() + SLEEP_S))

    def _wait(self, action: Wait) -> bool:
        """Wait until trying again makes sense; return whether that is before the deadline."""
        left_s = action.deadline - time.monotonic()
        descriptor = self._line.wire.descriptor()
        if left_s <= 0:
            return False
        if descriptor is None:
            time.sleep(min(left_s, self._line.wire.pause_s()))
            return True
        poll = select.poll()
        poll.register(descriptor, action.event)
        return bool(poll.poll(1000 * left_s))

    def _start(self) -> None:
        self._line.check_autostart()
        launch.start(self._line.reader.directory)

    def close(self) -> None:
        """Let go of the socket for good. Never waits, whatever is under way."""
        self._line.is_closed = True
        self.let_go()

    def let_go(self) -> None:
        """Close the socket if no request needs it; a later one opens another.

        Where a request has the turn and the connection is closed, that is done when the turn ends.

        The garbage collector may call it in the middle of a request of the same thread.
        """
        lock = self._lock
        if lock.acquire(blocking=False):
            try:
                self._line.wire.close()
            finally:
                lock.release()
