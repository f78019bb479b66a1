"""A client's side of the rules by which each request is applied once, even if messages are lost.

A client numbers its requests and has one under way at a time. The daemon applies a number once and
keeps the answer in the client's slot of the control segment. It stores the answer before the commit
that it belongs to. So the answer counts once that commit is visible, and a daemon that starts
removes answers that were not committed. A client that has sent its request watches its slot for a
while. A reply, which is a message, is needed only for the text of an error, for the record that a
patch made, and for a client that went to sleep.

A write is sent again only on another connection. Everything that one connection has accepted
arrives, in order, unless the daemon dies, and then the connection ends. So on the same connection
the client only asks for the answer, and on another one it sends the same number again.

This module decides what to send and what to conclude; `tiger.wire.connection` and `tiger.aio` wait.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from pathlib import Path
from random import random
from typing import Any, NamedTuple

from tiger.errors import CODES, InstanceError, TigerError, error_of
from tiger.format import layout, memory, protocol
from tiger.place import instance
from tiger.reading.reader import Reader
from tiger.system import secrets, time
from tiger.wire import failures, zmtp
from tiger.wire.zmtp import Wait, Wire

FIRST_PAUSE_S = 0.02
LAST_PAUSE_S = 0.5
"""The pauses before asking for an answer again: doubled each time, plus up to a half at random."""
WATCH_AGAIN_S = 1.0
"""How long to wait for news of a change before asking again: another daemon may run by then."""
QUESTION = 1 << 40
"""Numbers from here on are those of questions, which change nothing."""

NO_SLOT = -1
"""The number of a client that has none."""

NEARLY_S = 50e-6
"""How long to wait if the answer is stored and its commit is the daemon's next store."""


class Slot:
    """A client's slot, which the daemon may have given to another client since."""

    def __init__(self, words: memoryview[int], client: int, number: int) -> None:
        """Look at a slot of the control segment's words; nothing is read yet."""
        self.number = number
        self._words = words
        self._client = client
        self._at = layout.client_at(number, 0)
        self._word = 0
        """The last answer that was found."""

    def look(self, request: int) -> Callable[[], bool]:
        """Return a function that tells whether a request is answered; fast as long as it is not."""
        words = self._words
        at = self._at + layout.CLIENT_ANSWER
        bits = layout.CLIENT_STATUS_BITS
        return lambda: words[at] >> bits == request and self.is_answered(request)

    @property
    def wakes(self) -> bool:
        """Whether a client may sleep on this slot, because the daemon wakes it."""
        return memory.sleep_on is not None and bool(self._words[layout.WAKES])

    def sleep(self, request: int, deadline: float) -> bool:
        """Sleep until a request is answered, or until a deadline; tell whether it is.

        The daemon stores the answer, then the commit, and wakes the client then. So a client that
        finds the word as it was before, and sleeps while it is, misses nothing.
        """
        at = self._at + layout.CLIENT_ANSWER
        while not self.is_answered(request):
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not self.wakes:
                return False
            word = self._words[at]
            if word >> layout.CLIENT_STATUS_BITS == request:
                time.sleep(NEARLY_S)
            else:
                memory.sleep_on(self._words, at, word, left_s)
        return True

    def is_answered(self, request: int) -> bool:
        """Tell whether there is the answer to a request, and its commit is visible."""
        words = self._words
        at = self._at
        word = words[at + layout.CLIENT_ANSWER]
        if word >> layout.CLIENT_STATUS_BITS != request:
            return False
        memory.fence()
        if words[layout.COMMIT] < words[at + layout.CLIENT_COMMIT]:
            return False
        memory.fence()
        # A daemon that starts removes an answer that was not committed, and then its commit. And
        # the answer belongs to this client only as long as the slot does.
        client = words[at + layout.CLIENT_ID]
        self._word = word
        return words[at + layout.CLIENT_ANSWER] == word and client == self._client

    @property
    def status(self) -> int:
        """The status of the answer that was found; the slot may be another client's by now."""
        return self._word & (1 << layout.CLIENT_STATUS_BITS) - 1

    def ref_written(self) -> int:
        """Return the ref of the version that was written; 0 if the slot is another client's."""
        ref = self._words[self._at + layout.CLIENT_REF]
        memory.fence()
        client = self._words[self._at + layout.CLIENT_ID]
        return ref & layout.REF_MASK if client == self._client else 0


class Watch(NamedTuple):
    """Look at the slot, or sleep on it, until a request is answered; answered whether it is."""

    slot: Slot
    request: int
    deadline: float


class Start:
    """Start a daemon, or raise `DaemonUnavailable`."""


Action = Watch | Wait | Start
Steps = Generator[Action, Any, "Answer"]


class Answer:
    """The answer to a request that was applied; `value` came with a reply, if there was one.

    If the reply to a patch was lost, `ref` is that of the version that it wrote.
    """

    __slots__ = ("ref", "status", "value")

    def __init__(self, status: int, value: Any = None) -> None:
        """Have this status and value, and no version yet."""
        self.status: int = status
        self.value: Any = value
        self.ref: int = 0


class Session:
    """One client's numbered requests. Not for two threads at once."""

    def __init__(self, reader: Reader, wire: Wire, timeout_s: float = math.inf) -> None:
        """Begin a session; errors say that a request has `timeout_s` seconds in all."""
        self.wants_replies = False
        """Whether to ask for a reply to every request, and not to watch for its answer."""
        self._wire = wire
        self._timeout_s = timeout_s
        self._reader = reader
        self._directory: Path = reader.directory
        self._words = reader.words
        self._instance = reader.instance
        self._client = _new_client()
        self._slot = Slot(self._words, self._client, NO_SLOT)
        self._request = 0
        self._question = QUESTION
        self._was_sent = False
        """Whether the current write has been sent to a daemon, as far as is known."""
        self._was_resent = False

    @property
    def wakes(self) -> bool:
        """Whether a client may sleep until its answer, because the daemon wakes it."""
        return self._slot.wakes

    # --- Requests ---

    def write(
        self,
        operations: list[protocol.Operation],
        meanwhile: Callable[[], Any],
        deadline: float,
    ) -> Steps:
        """Have operations applied, once; raise the error that the daemon refused them with.

        If the daemon's answer has no value, the value is the result of `meanwhile`, which is called
        while the daemon works.
        """
        has_value = operations[-1][0] == protocol.PATCH
        wants_reply = self.wants_replies or has_value
        if self._slot.number == NO_SLOT:
            yield from self._hello(deadline)
        # Used up even if this is interrupted: a number sent twice is applied once.
        self._request += 1
        request = self._request
        frame = self._frame(request, wants_reply, operations)
        if len(frame) > protocol.OPERATIONS_MAX:  # a smaller frame is within every limit
            protocol.check_size(len(frame), operations)
        self._was_sent = self._was_resent = False
        way = yield from self._send(frame, deadline)
        if not way:
            way = yield from self._send_later(frame, deadline)
        self._was_sent = True
        made = meanwhile()
        if not wants_reply:
            answered = yield Watch(self._slot, request, deadline)
            if answered and (status := self._slot.status) not in CODES:
                return self._answer_of(status, made)
            yield from self._send(self._question_of(request), time.monotonic())
        reply = yield from self._insist(frame, request, way, has_value, deadline)
        if reply is None:
            raise failures.outcome_error(self._directory, self._timeout_s)
        status, value = reply
        if status == protocol.EVICTED:
            self._slot = Slot(self._words, self._client, NO_SLOT)
            if self._was_resent:  # the first one may have been applied before the slot was lost
                raise failures.outcome_error(self._directory, self._timeout_s)
            again = yield from self.write(operations, lambda: made, deadline)
            return again
        answer = self._answer_of(status, value)
        if not has_value:
            answer.value = made
        elif value is None:
            answer.ref = self._slot.ref_written()
        return answer

    def _send_later(self, frame: bytes, deadline: float) -> Generator[Action, Any, int]:
        """Send a frame that was not accepted at once; nothing has happened yet. As `_send`."""
        while True:
            yield from self._revive(deadline)
            if time.monotonic() >= deadline:
                raise failures.not_taken_error(self._directory)
            way = yield from self._send(frame, deadline)
            if way:
                return way

    def _insist(
        self, frame: bytes, request: int, way: int, has_value: bool, deadline: float
    ) -> Generator[Action, Any, tuple[int, Any] | None]:
        """Wait for the answer to a request that was sent, and ask for it; None at the deadline.

        On another connection the request itself is sent again, because it may not have arrived.
        """
        pause_s = FIRST_PAUSE_S
        was_answered = False
        while True:
            wake = min(deadline, time.monotonic() + pause_s * (1 + random() / 2))
            reply = yield from self._reply_to(request, wake)
            if reply is not None:
                return reply
            is_late = time.monotonic() >= deadline
            if self._slot.is_answered(request):
                # The slot has neither a value nor the text of an error. They are on their way; if
                # they have not come by the next time, they are lost.
                if is_late or was_answered or not (has_value or self._slot.status in CODES):
                    return self._slot.status, None
                was_answered = True
            elif is_late:
                return None
            if not instance.is_running(self._directory):
                # No daemon runs, so the slot does not change any more.
                if self._slot.is_answered(request):
                    return self._slot.status, None
                try:
                    yield self._start()
                except TigerError as error:
                    raise failures.start_error(error, self._directory) from None
            soon = min(deadline, time.monotonic() + LAST_PAUSE_S)
            asked = yield from self._send(self._question_of(request), soon)
            if asked and asked != way:
                self._was_resent = True
                way = yield from self._send(frame, deadline)
            pause_s = min(2 * pause_s, LAST_PAUSE_S)

    def _revive(self, deadline: float) -> Generator[Action, Any, None]:
        if not instance.is_running(self._directory):
            yield self._start()

    def _start(self) -> Start:
        """Have a daemon started, if the instance still exists."""
        self._reader.check_instance()
        return Start()

    def _reply_to(
        self, request: int, deadline: float
    ) -> Generator[Action, Any, tuple[int, Any] | None]:
        """Return status and value of the reply to a request, or None; others are too late."""
        while True:
            frame = yield from self._receive(deadline)
            if frame is None:
                return None
            try:
                replied, status, value = protocol.unpack_reply(frame)
            except ValueError as error:
                self._wire.close()
                raise self._refusal_error(error) from None
            if replied == request or (replied == 0 and status in CODES):
                return status, value
            if time.monotonic() >= deadline:
                return None

    def _refusal_error(self, error: Exception) -> TigerError:
        return failures.refusal_error(error, self._directory, was_sent=self._was_sent)

    # --- The socket ---

    def _send(self, frame: bytes, deadline: float) -> Generator[Action, Any, int]:
        """Send a frame, as `zmtp.send`."""
        try:
            return (yield from zmtp.send(self._wire, frame, deadline))
        except (zmtp.Refused, InstanceError) as error:
            raise self._refusal_error(error) from None

    def _receive(self, deadline: float) -> Generator[Action, Any, bytes | None]:
        """Return the next frame, or None if none came by the deadline."""
        try:
            return (yield from zmtp.receive(self._wire, deadline))
        except zmtp.Refused as error:
            raise self._refusal_error(error) from None

    @staticmethod
    def _answer_of(status: int, value: Any) -> Answer:
        if status in CODES:
            raise error_of(status, value)
        memory.fence()
        return Answer(status, value)

    # --- Questions ---

    def ask(self, question: str, deadline: float, *, revive: bool = True) -> Steps:
        """Ask something that changes nothing, again and again until the deadline."""
        self._question += 1
        self._was_sent = False
        frame = self._frame(self._question, True, [[question]])
        pause_s = FIRST_PAUSE_S
        while True:
            yield from self._send(frame, min(deadline, time.monotonic() + pause_s))
            wake = min(deadline, time.monotonic() + pause_s)
            reply = yield from self._reply_to(self._question, wake)
            if reply is not None:
                status, value = reply
                if status in CODES:
                    raise error_of(status, value)
                return Answer(status, value)
            if time.monotonic() >= deadline:
                raise failures.unanswered_error(self._directory, self._timeout_s)
            if revive:
                yield from self._revive(deadline)
            elif not instance.is_running(self._directory):
                raise failures.no_daemon_error(self._directory)
            pause_s = min(2 * pause_s, LAST_PAUSE_S)

    def wait(self, commit: int, table: int | None, namespace: str, deadline: float) -> Steps:
        """Wait until a namespace was written to after a commit; `ABSENT` if not by the deadline.

        If the daemon is gone, it waits for the next one; if the instance is gone, it raises.
        """
        self._question += 1
        self._was_sent = False
        question = [protocol.WATCH, commit, table, namespace]
        frame = self._frame(self._question, True, [question])
        while (now := time.monotonic()) < deadline:
            self._reader.check_instance()
            wake = min(deadline, now + WATCH_AGAIN_S)
            yield from self._send(frame, wake)
            reply = yield from self._reply_to(self._question, wake)
            if reply is not None:
                return self._answer_of(*reply)
        return Answer(protocol.ABSENT)

    def _hello(self, deadline: float) -> Generator[Action, Any, None]:
        """Get a slot."""
        answer = yield from self.ask(protocol.HELLO, deadline)
        while answer.status == protocol.EVICTED:  # another process has that number of a client
            self._client = _new_client()
            answer = yield from self.ask(protocol.HELLO, deadline)
        match answer.value:
            case [int(given), int(found)] if 0 <= given < layout.CLIENTS_MAX:
                pass
            case _:
                raise self._refusal_error(ValueError("the answer gives no slot to a client"))
        if found != self._instance:
            raise InstanceError(
                f"the instance at {self._directory} was removed, or replaced: connect again"
            )
        self._slot = Slot(self._words, self._client, given)

    def _question_of(self, request: int) -> bytes:
        return self._frame(request, False, [[protocol.ANSWER]])

    def _frame(
        self, request: int, wants_reply: bool, operations: list[protocol.Operation]
    ) -> bytes:
        return protocol.pack(
            [protocol.VERSION, self._client, self._slot.number, request, wants_reply, operations]
        )


def _new_client() -> int:
    return secrets.randbits(55) + 1
