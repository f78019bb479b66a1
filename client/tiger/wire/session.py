"""How a client and the daemon agree that a request was applied once, whatever gets lost.

A client numbers its requests and has one under way at a time. The daemon applies a number once and
keeps the answer in the client's slot of the control segment, stored before the commit it belongs
to. So the answer is in shared memory, and a client that has sent its request watches its slot for a
while; a message back is only needed for an error's words, for the record that a patch made, and for
a client that went to sleep.

There is one rule for sending a write again: only on another connection. What one connection took
arrives, in order, unless the daemon dies, and then the connection ends; of a request that waits for
its turn, only the answer is asked for. On another connection the same number is sent again.

Here is what to send and what to conclude; `tiger.wire.connection` and `tiger.aio` do the waiting.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from pathlib import Path
from random import random
from typing import Any, NamedTuple

from tiger.errors import (
    CODES,
    DaemonUnavailable,
    InstanceError,
    OutcomeUnknown,
    TigerError,
    error_of,
)
from tiger.format import layout, memory, protocol
from tiger.format.slot import NO_SLOT, Slot
from tiger.place import instance
from tiger.place.instance import as_option
from tiger.reading.reader import Reader
from tiger.system import secrets, select, time
from tiger.wire import zmtp
from tiger.wire.socket import Wire

FIRST_PAUSE_S = 0.02
LAST_PAUSE_S = 0.5
"""Waits before an answer is asked for again: doubled each time, with up to half as much added."""
WATCH_AGAIN_S = 1.0
"""How long to wait for word of a change before asking again: the daemon may be another by then."""
QUESTION = 1 << 40
"""Numbers from here on are those of questions, which change nothing."""


class Watch(NamedTuple):
    """Look at the slot, or sleep on it, until a request is answered; answered whether it is."""

    slot: Slot
    request: int
    deadline: float


class Wait(NamedTuple):
    """Wait for an event of the socket, or a while; answered with whether there is time left."""

    event: int
    deadline: float


class Start:
    """Start a daemon, or raise `DaemonUnavailable`."""


Action = Watch | Wait | Start
Steps = Generator[Action, Any, "Answer"]


class Answer:
    """What the daemon said; `value` came as a message, if one came.

    `ref` is that of the version that a patch wrote, where the message was lost.
    """

    __slots__ = ("ref", "status", "value")

    def __init__(self, status: int, value: Any = None) -> None:
        """Have this status and value, and no version yet."""
        self.status = status
        self.value = value
        self.ref = 0


class Session:
    """One client's numbered requests. Not for two threads at once."""

    def __init__(self, reader: Reader, wire: Wire, timeout_s: float = math.inf) -> None:
        """Begin a session; errors say that a request has `timeout_s` seconds in all."""
        self.answers = False
        """Whether to ask for a message to every request, and not to watch for its answer."""
        self._wire = wire
        self._timeout_s = timeout_s
        self._reader = reader
        self._directory: Path = reader.directory
        self._words = reader.words
        self._instance = reader.instance
        self._client = _new_client()
        self._slot = Slot(self._words, self._client, NO_SLOT)
        self._number = 0
        self._question = QUESTION
        self._was_sent = False
        """Whether the write under way is at a daemon, as far as is known."""
        self._was_resent = False

    @property
    def wakes(self) -> bool:
        """Whether a request can be slept on: the daemon wakes who does."""
        return self._slot.wakes

    # --- Requests ---

    def write(
        self,
        operations: list[protocol.Operation],
        meanwhile: Callable[[], Any],
        deadline: float,
    ) -> Steps:
        """Have operations applied, once; raise what the daemon refused them with.

        The answer's value is that of `meanwhile`, which is called while the daemon is at it, unless
        the daemon's answer has one.
        """
        has_value = operations[-1][0] == protocol.PATCH
        answers = self.answers or has_value
        if self._slot.number == NO_SLOT:
            yield from self._hello(deadline)
        # Used up even if this is interrupted: a number sent twice is applied once.
        self._number += 1
        number = self._number
        frame = self._frame(number, answers, operations)
        if len(frame) > protocol.OPERATIONS_MAX:  # of fewer bytes nothing can be too much
            protocol.check_size(len(frame), operations)
        self._was_sent = self._was_resent = False
        way = yield from self._send(frame, deadline)
        if not way:
            way = yield from self._send_later(frame, deadline)
        self._was_sent = True
        made = meanwhile()
        if not answers:
            answered = yield Watch(self._slot, number, deadline)
            if answered and (status := self._slot.status) not in CODES:
                return self._answer(status, made)
            yield from self._send(self._question_of(number), time.monotonic())
        reply = yield from self._insist(frame, number, way, has_value, deadline)
        if reply is None:
            raise self._outcome_error()
        status, value = reply
        if status == protocol.EVICTED:
            self._slot = Slot(self._words, self._client, NO_SLOT)
            if self._was_resent:  # the first one may have been applied before the slot was lost
                raise self._outcome_error()
            again = yield from self.write(operations, lambda: made, deadline)
            return again
        answer = self._answer(status, value)
        if not has_value:
            answer.value = made
        elif value is None:
            answer.ref = self._slot.ref_written()
        return answer

    def _send_later(self, frame: bytes, deadline: float) -> Generator[Action, Any, int]:
        """Send what could not be sent at once: until it is, nothing happened. As `_send`."""
        while True:
            yield from self._revive(deadline)
            if time.monotonic() >= deadline:
                raise DaemonUnavailable(
                    f"the daemon at {self._directory} does not take requests; nothing was "
                    f"changed: see `tigerd status {as_option(self._directory)}`",
                    directory=self._directory,
                )
            way = yield from self._send(frame, deadline)
            if way:
                return way

    def _insist(
        self, frame: bytes, number: int, way: int, has_value: bool, deadline: float
    ) -> Generator[Action, Any, tuple[int, Any] | None]:
        """Wait for the answer to a request that was sent, and ask for it; None at the deadline.

        The request itself is sent again where the connection is another: it may not have arrived.
        """
        pause_s = FIRST_PAUSE_S
        was_answered = False
        while True:
            wake = min(deadline, time.monotonic() + pause_s * (1 + random() / 2))
            reply = yield from self._reply_to(number, wake)
            if reply is not None:
                return reply
            is_late = time.monotonic() >= deadline
            if self._slot.is_answered(number):
                # Of a value, and of an error's words, the slot says nothing. They are on their way;
                # if they have not come by the next time, they are lost.
                if is_late or was_answered or not (has_value or self._slot.status in CODES):
                    return self._slot.status, None
                was_answered = True
            elif is_late:
                return None
            if not instance.is_running(self._directory):
                # Nobody writes, so what the slot says now is what happened.
                if self._slot.is_answered(number):
                    return self._slot.status, None
                try:
                    yield self._start()
                except TigerError as error:
                    raise self._start_error_of(error) from None
            soon = min(deadline, time.monotonic() + LAST_PAUSE_S)
            asked = yield from self._send(self._question_of(number), soon)
            if asked and asked != way:
                self._was_resent = True
                way = yield from self._send(frame, deadline)
            pause_s = min(2 * pause_s, LAST_PAUSE_S)

    def _revive(self, deadline: float) -> Generator[Action, Any, None]:
        if not instance.is_running(self._directory):
            yield self._start()

    def _start(self) -> Start:
        """Have a daemon started, where there still is an instance for it."""
        self._reader.check_instance()
        return Start()

    def _start_error_of(self, error: TigerError) -> TigerError:
        """Return what it means for a request that was sent that no daemon can be started."""
        if not (self._directory / instance.FOLLOWED).exists():
            return error
        return OutcomeUnknown(
            f"{error}; the request that was sent before may be in the log that the instance "
            f"follows: read before you write it again"
        )

    def _outcome_error(self) -> TigerError:
        return OutcomeUnknown(
            f"the daemon at {self._directory} has not answered a request within "
            f"{self._timeout_s:.3g} s: it may or may not have been applied; read before you write "
            f"it again, and see `tigerd status {as_option(self._directory)}`",
            directory=self._directory,
        )

    def _reply_to(
        self, number: int, deadline: float
    ) -> Generator[Action, Any, tuple[int, Any] | None]:
        """Return status and value of the reply to a number, or None; others are too late."""
        while True:
            frame = yield from self._receive(deadline)
            if frame is None:
                return None
            try:
                replied, status, value = protocol.unpack_reply(frame)
            except ValueError as error:
                self._wire.close()
                raise self._refusal_error(error) from None
            if replied == number or (replied == 0 and status in CODES):
                return status, value
            if time.monotonic() >= deadline:
                return None

    def _refusal_error(self, error: Exception) -> TigerError:
        """Return the error for what listens at the socket and is not this user's daemon."""
        if not isinstance(error, TigerError):
            error = DaemonUnavailable(
                f"no daemon answers at {self._directory}: {error}", directory=self._directory
            )
        if not self._was_sent:
            return type(error)(f"{error}; nothing was changed", **error.facts)
        return OutcomeUnknown(
            f"{error}; the request that was sent before may or may not have been applied: read "
            f"before you write it again",
            directory=self._directory,
        )

    # --- The socket ---

    def _send(self, frame: bytes, deadline: float) -> Generator[Action, Any, int]:
        """Send a frame; return the number of the connection that took it, or 0.

        It is 0 if none did by the deadline, or if for a while nobody listened.
        """
        wire = self._wire
        give_up_at = -math.inf
        try:
            wire.begin(frame)
            while event := wire.flush():
                now = time.monotonic()
                if give_up_at < 0 or wire.descriptor() is not None:
                    give_up_at = now + LAST_PAUSE_S
                if now >= min(deadline, give_up_at):
                    wire.give_up()
                    return 0
                yield Wait(event, min(deadline, now + LAST_PAUSE_S))
        except (zmtp.Refused, InstanceError) as error:
            raise self._refusal_error(error) from None
        except BaseException:
            wire.close()
            raise
        return wire.number

    def _receive(self, deadline: float) -> Generator[Action, Any, bytes | None]:
        """Return the next frame, or None if none came by the deadline."""
        wire = self._wire
        try:
            while (frame := wire.receive()) is None:
                if not (yield Wait(select.POLLIN, deadline)):
                    return None
        except zmtp.Refused as error:
            raise self._refusal_error(error) from None
        except BaseException:
            wire.close()
            raise
        return frame

    @staticmethod
    def _answer(status: int, value: Any) -> Answer:
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
                raise DaemonUnavailable(
                    f"the daemon at {self._directory} has not answered within "
                    f"{self._timeout_s:.3g} s; nothing was changed: see `tigerd status "
                    f"{as_option(self._directory)}`",
                    directory=self._directory,
                )
            if revive:
                yield from self._revive(deadline)
            elif not instance.is_running(self._directory):
                raise no_daemon_error(self._directory)
            pause_s = min(2 * pause_s, LAST_PAUSE_S)

    def wait(self, commit: int, table: int | None, namespace: str, deadline: float) -> Steps:
        """Wait until a namespace was written to after a commit; `ABSENT` if not by the deadline.

        A daemon may come back, so one that is gone is waited for; an instance is not.
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
                return self._answer(*reply)
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

    def _question_of(self, number: int) -> bytes:
        return self._frame(number, False, [[protocol.ANSWER]])

    def _frame(self, number: int, answer: bool, operations: list[protocol.Operation]) -> bytes:
        return protocol.pack(
            [protocol.VERSION, self._client, self._slot.number, number, answer, operations]
        )


def _new_client() -> int:
    return secrets.randbits(55) + 1


def no_daemon_error(directory: Path) -> DaemonUnavailable:
    """Return the error for an instance without a daemon."""
    return DaemonUnavailable(
        f"no daemon runs at {directory}: start one with `tigerd start {as_option(directory)}`",
        directory=directory,
    )
