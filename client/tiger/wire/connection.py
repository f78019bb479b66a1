"""A process's connection to the daemon: made at the first write.

Threads may share it; their writes take turns. Requests go through its `Line`, which is a socket and
a session. A line belongs to one process: a forked child that used its parent's line would be taken
for the parent. So in a child, before any of its own code or threads run, every connection leaves
its line and begins another.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from tiger import system
from tiger.errors import InvalidRequest, StoreFull, TigerError
from tiger.format import protocol
from tiger.place import instance, launch, process
from tiger.reading.reader import Reader
from tiger.system import os, select, threading, time
from tiger.wire.failures import busy_error, no_daemon_error
from tiger.wire.requests import Request
from tiger.wire.session import Answer, Session, Steps, Watch
from tiger.wire.zmtp import Wait, Wire

Same = TypeVar("Same", bound="Connection")
Result = TypeVar("Result")

WATCH_S = 500e-6
"""How long a write watches its slot before it sleeps. On two cores, with 1 to 8 clients, watching
that long gave 2 to 3 times the throughput of sleeping at once, and longer gave no more."""

SLEEP_S = 0.02
"""How long a write sleeps on its slot before it asks whether the daemon is still running."""

LONG_TURN_S = 1e-3
"""If yielding the processor takes longer than this, another program has had a turn, which lasts
milliseconds: ZeroMQ's threads, the daemon and its clients give the processor back sooner. Four
clients on two cores made 19,000 inserts a second with this limit, and 12,700 with 0.3 ms."""
FIRST, MOST = 64, 1 << 15
"""How many waits skip looking after a look that met a long turn: FIRST, then twice as many each
time, up to MOST; FIRST again if there were more looks in between than were skipped. A look that
meets a long turn costs as much time as a hundred other looks save."""


# --- Polling for an answer, instead of sleeping until it is there ---


class Looking:
    """Polls as long as that is cheap.

    If the processor is free, polling is the fastest way to learn of an answer, because no thread
    has to be woken. If other programs want the processor, yielding it takes as long as their turn,
    some milliseconds. Then a process that has used up its share by polling gets the processor back
    last, while one that sleeps is woken at once. The time that yielding takes shows which case it
    is.
    """

    def __init__(self, longest_s: float) -> None:
        """Look for at most `longest_s` seconds each time."""
        self._longest_s = longest_s
        self._skip = FIRST // 2  # doubled at first
        self._skipped = 0
        self._looks = 0

    def is_worth_it(self) -> bool:
        """Tell whether to look this time: not for a while after a look that met a long turn."""
        if self._skipped:
            self._skipped -= 1
            return False
        self._looks += 1
        return True

    def _rest(self) -> None:
        """Do not look for a while."""
        self._skip = min(2 * self._skip, MOST) if self._looks < self._skip else FIRST
        self._skipped = self._skip
        self._looks = 0

    def until(self, condition: Callable[[], object]) -> bool:
        """Return whether the condition came true while it was looked for."""
        now = time.perf_counter()
        deadline = now + self._longest_s
        while not condition():
            os.sched_yield()
            before, now = now, time.perf_counter()
            if now - before > LONG_TURN_S:
                self._rest()
                return bool(condition())
            if now > deadline:
                return False
        return True


# --- The socket and the session of a connection ---


class Options(NamedTuple):
    """How requests are sent: these are arguments of `tiger.connect`."""

    autostart: bool
    timeout_s: float
    everywhere: bool = False


class Line:
    """The socket and the session that requests of a connection use, one after another."""

    def __init__(self, reader: Reader, options: Options) -> None:
        """Prepare a line; nothing is opened before it is needed."""
        self.reader: Reader = reader
        self.options: Options = options
        self.is_closed: bool = False
        """Whether its connection was closed for good."""
        self._begin()

    def _begin(self) -> None:
        self.wire: Wire = Wire(instance.socket_path(self.reader.directory))
        self._session: Session | None = None

    def leave(self) -> None:
        """Leave socket and session to the process that this one was forked from."""
        self.wire.end()
        self._begin()

    def check_open(self) -> None:
        """Raise `InvalidRequest` if the connection is closed."""
        if self.is_closed:
            raise InvalidRequest("the store is closed: connect again")

    def start(self) -> None:
        """Start a daemon, or raise `DaemonUnavailable` if `autostart` is off."""
        if not self.options.autostart:
            raise no_daemon_error(self.reader.directory)
        launch.start(self.reader.directory)

    def session(self) -> Session:
        """Return the session, for the request that has the turn."""
        self.check_open()
        if self._session is None:
            kind = Session
            if self.options.everywhere:
                from tiger.wire import everywhere  # noqa: PLC0415 - for several machines alone

                kind = everywhere.EverywhereSession
            self._session = kind(self.reader, self.wire, timeout_s=self.options.timeout_s)
        return self._session


class Connection:
    """Requests of the threads of one process, one after another."""

    def __init__(self, reader: Reader, options: Options) -> None:
        """Prepare a connection; nothing is opened before it is needed."""
        self.line: Line = Line(reader, options)
        self._lock = threading.Lock()
        self._looking = Looking(WATCH_S)
        process.leaves(self)

    def leave(self) -> None:
        """Leave line and turn to the process that this one was forked from."""
        self.line.leave()
        self._lock = threading.Lock()

    def twin(self: Same) -> Same:
        """Return another connection like this one; nothing is opened before it is needed."""
        self.line.check_open()
        return type(self)(self.line.reader, self.line.options)

    def run(self, request: Request[Result]) -> Result:
        """Return the result of a request, or raise the error with which it failed."""
        reader = self.line.reader
        if time.monotonic() >= reader.presence.look_at:
            reader.presence.check()
        try:
            return request.result(self.write(request.operations, request.meanwhile))
        except StoreFull:
            reader.let_go()  # of memory that only this process keeps from being free
            raise

    def write(self, operations: list[protocol.Operation], meanwhile: Callable[[], Any]) -> Answer:
        """Have operations applied together, or raise their error; as `Session.write`."""
        deadline = time.monotonic() + self.line.options.timeout_s
        return self._run(lambda session: session.write(operations, meanwhile, deadline), deadline)

    def ask(self, question: str, *, revive: bool = True) -> Any:
        """Return the daemon's answer to a question."""
        deadline = time.monotonic() + self.line.options.timeout_s
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
        if os.getpid() != process.here.pid:
            process.current()  # a child that nobody noticed yet: all of this begins again
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
                raise busy_error(self.line.reader.directory, self.line.options.timeout_s)
            try:
                return self._drive(begin)
            finally:
                lock.release()
        finally:
            if self.line.is_closed:  # perhaps meanwhile
                self.let_go()

    def _drive(self, begin: Callable[[Session], Steps]) -> Answer:
        """Take the session's steps, blocking."""
        session = self.line.session()
        looks = self._looking.is_worth_it()
        session.wants_replies = not (looks or session.wakes)
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
                        self.line.start()
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
        descriptor = self.line.wire.descriptor()
        if left_s <= 0:
            return False
        if descriptor is None:
            time.sleep(min(left_s, self.line.wire.pause_s()))
            return True
        poll = select.poll()
        poll.register(descriptor, action.event)
        return bool(poll.poll(1000 * left_s))

    def close(self) -> None:
        """Close the socket for good. Never waits, even during a request."""
        self.line.is_closed = True
        self.let_go()

    def let_go(self) -> None:
        """Close the socket if no request needs it; a later one opens another.

        If the connection is closed while a request has the turn, the socket is closed when the turn
        ends.

        The garbage collector may call it in the middle of a request of the same thread.
        """
        lock = self._lock
        if lock.acquire(blocking=False):
            try:
                self.line.wire.close()
            finally:
                lock.release()

    def forget(self) -> None:
        """As `let_go`, for a connection whose owner was never closed: others may still use it."""
        with contextlib.suppress(Exception):
            self.let_go()
