"""A daemon that follows a log: what its clients ask goes there, and what comes from there is done.

    a request -> the log -> on every host: plan -> apply -> answer, where it was asked

The entry is the client's frame as it came, and its id in the log is the client and the number of
the request: what is sent again is one entry. The client is answered by its own host.

What one host alone refuses, for want of room say, is no answer: others have applied that entry. The
host stands still there, and goes on when it can. Nothing of this is loaded without a log.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import msgpack
import zmq

from tiger.errors import (
    CODES,
    DaemonUnavailable,
    InstanceError,
    InvalidRequest,
    LayoutMismatch,
    OutcomeUnknown,
    StoreFull,
    TigerError,
    code_of,
    told,
)
from tiger.format import layout, protocol
from tiger.system import secrets, select, time
from tigerd.engine.applying import Applying
from tigerd.engine.operations import plan_of
from tigerd.engine.plan import Outcome
from tigerd.engine.writer import RequestId, Writer
from tigerd.log.log import Entry, Event, Known, Log, Noted, Refusal, Terms, Told
from tigerd.log.members import Members, name_of_host, place_of_host
from tigerd.log.nats import NatsLog
from tigerd.service.abandoned import Abandoned
from tigerd.service.followed import Followed, remember
from tigerd.service.parsing import parse
from tigerd.service.replica import LOG, LOG_TOO, OTHERS, Progress, ReplicaApplying, is_of_this_host
from tigerd.service.rollbacks import Rollback, is_stale
from tigerd.service.server import DRAIN, Question, Server
from tigerd.service.wills import Wills

log = logging.getLogger("tigerd")

JOIN_S = 5.0
"""How long a log may be out of reach when a daemon starts: it may be starting, too."""
TICK_S = 0.1
"""How often to look after the connection when nothing comes."""
TURN_MS = 50
"""How long to wait at the log alone."""
CLEAR_S = 1.0
"""How long a request of the daemon itself may take: its clients wait meanwhile."""


class Request:
    """What was appended and did not come yet: who asked it, and what it came to."""

    def __init__(self, id: str, peer: bytes, asked: RequestId, wants_reply: bool) -> None:
        """Have come to nothing yet."""
        self.id = id
        """That of its entry; a rollback gets another one with each try."""
        self.peer = peer
        self.asked = asked
        self.wants_reply = wants_reply
        """Whether a message is wanted, though it is done."""
        self.outcome: Outcome | TigerError | None = None
        self.rollback: Rollback | None = None


class Following(Server):
    """One host's daemon of several that follow one log."""

    def __init__(
        self,
        directory: Path,
        lock: int,
        *,
        followed: Followed,
        max_record: int | None,
        idle_exit_s: float,
    ) -> None:
        """As `Server`; also come as far as the log is now.

        `TigerError` if the log cannot be reached within `JOIN_S`, or is not the instance's.
        """
        self._followed = followed
        self._max_record = max_record
        self._under_way: dict[str, Request] = {}
        self._refused_tries: dict[str, bool] = {}
        """Rollbacks to be planned again; and whether a daemon before this one had made the try."""
        self._full: StoreFull | None = None
        """Why this host stands still."""
        self._frame = b""
        self._client = secrets.randbits(55) + 1
        self._number = 0
        self._waits_for: tuple[int, int] | None = None
        self._tick_at = 0.0
        self._is_told = self._has_joined = False
        super().__init__(directory, lock, max_record=None, idle_exit_s=idle_exit_s)
        self._abandoned = Abandoned(directory, _ByLog(self), self._tell_waiting)

    def _new_applying(self) -> Applying:
        self._progress = Progress(self._control)
        return ReplicaApplying(self.directory, self._control, self._progress)

    # --- Joining ---

    def _bind(self) -> None:
        self._progress.keep_in(self._slots.keep(LOG), self._slots.keep(LOG_TOO))
        self._others_slot = self._slots.keep(OTHERS)
        self._check_instance()
        name = name_of_host()
        place = place_of_host(self.directory, self._control.words[layout.HEADER_INSTANCE])
        max_record = self._max_record or self.writer.max_record
        self._log: Log = NatsLog(
            self._followed.address,
            name,
            self._followed.epoch,
            lambda: self._progress.position,
            Terms.of_this(max_record),
        )
        self._members = Members(
            name, place, self._log.tell, lambda: self._progress.position.sequence
        )
        self._wills = Wills(self.directory, place, self._log, self._members)
        try:
            self._catch_up()
            self._has_joined = True
        except BaseException:
            self._log.close()
            raise
        super()._bind()
        self._attend()

    def _check_instance(self) -> None:
        """Raise `InstanceError` if the instance has commits that are not of the log."""
        is_begun = bool(self.writer.commit)
        is_known = bool(self._followed.epoch)
        if is_begun and not (is_known and self._progress.position.sequence):
            raise InstanceError(
                f"the instance at {self.directory} has records that are not of the log "
                f"{self._followed.address}: use an empty directory, and move the records with "
                f"`tigerd dump` and `tigerd load`"
            )

    def _catch_up(self) -> None:
        """Apply all that the log has."""
        deadline = time.monotonic() + JOIN_S
        while not (self._log.is_up and self._progress.position.sequence >= self._log.last):
            self._take()
            if self._full is not None:
                raise self._full
            if not self._log.is_up and time.monotonic() > deadline:
                raise DaemonUnavailable(
                    f"the log {self._log.address} was not reached within {JOIN_S:g} s "
                    f"({self._log.trouble}): nothing was changed; check the engine, or start "
                    f"one with `tigerd log serve`"
                )
            self._wait_for_log(TURN_MS)
            super()._beat()

    def _adopt_terms(self) -> None:
        """Note which log is followed, and what holds on all of its hosts."""
        assert self._log.terms is not None
        limit = self._log.terms.max_record
        if self._max_record not in (None, limit):
            raise InvalidRequest(
                f"--max-record is {self._max_record}, and on all hosts of the log "
                f"{self._log.address} it is {limit}: leave it out"
            )
        self._control.store(layout.MAX_RECORD, limit)
        self.writer.max_record = limit
        self._followed = self._followed._replace(epoch=self._log.epoch)
        remember(self.directory, self._followed)
        self._is_told = True

    # --- The loop ---

    def _drain(self) -> None:
        """Take the requests that are there, and send them to the log together."""
        self._busy_at = time.monotonic()
        for _ in range(DRAIN):
            try:
                self._receive()
            except zmq.Again:  # as `Server._drain`
                break
            if self._large.is_full or not self._arrivals.has_request():
                break
        self._log.flush()
        self._attend()
        self._arrivals.is_more_coming()

    def _beat(self) -> float:
        self._log.flush()
        now = super()._beat()
        if now >= self._tick_at:
            self._tick_at = now + TICK_S
            self._take()
            self._attend()
        return now

    def _look(self) -> bool:
        is_any = super()._look()
        if self._take():
            is_any = True
            self._arrivals.is_more_coming()  # who was answered asks again soon
        self._attend()
        return is_any

    def _sweep(self) -> None:
        super()._sweep()
        if not self._stopping:
            self._wills.look(self._abandoned.end)

    def _attend(self) -> None:
        """Wait at the log too, for what it wants now."""
        waits_for = self._log.waits_for()
        if waits_for != self._waits_for:
            before = self._waits_for[0] if self._waits_for else None
            self._arrivals.also(before, waits_for)
            self._waits_for = waits_for

    def _wait_for_log(self, longest_ms: int) -> None:
        poll = select.poll()
        if waits_for := self._log.waits_for():
            poll.register(*waits_for)
        poll.poll(longest_ms)

    def _take(self) -> bool:
        """Do what the log tells; return whether entries were applied."""
        was_up = self._log.is_up
        try:
            events = self._log.take()
            if self._log.terms is not None and not self._is_told:
                self._adopt_terms()
        except TigerError as error:
            if not self._has_joined:
                raise
            log.error("%s", error)
            self._stopping = True
            return False
        if self._log.is_up and not was_up:
            self._members.join()
            self._wills.join()
        is_advanced = self._do(events)
        if is_advanced:
            self._members.advanced()
        self._tell_everywhere()
        return is_advanced

    def _do(self, events: list[Event]) -> bool:
        is_advanced = is_stuck = False
        for event in events:
            if isinstance(event, Entry):
                if not is_stuck:
                    is_stuck = not self._apply(event)
                    is_advanced |= not is_stuck
            elif isinstance(event, Told):
                self._members.hear(event.body)
            elif isinstance(event, Noted):
                self._wills.read(event)
            elif isinstance(event, Known):
                self._known(event)
            else:
                self._refused(event)
        while self._refused_tries:
            self._roll_back_again(*self._refused_tries.popitem())
        return is_advanced

    # --- From a client to the log ---

    def _serve(self, peer: bytes, process: str, frame: bytes) -> None:
        self._frame = frame
        super()._serve(peer, process, frame)

    def _write(
        self, peer: bytes, asked: RequestId, wants_reply: bool, operations: list[Any]
    ) -> None:
        slot, number = asked
        if number <= self.writer.last_request(slot):
            super()._write(peer, asked, wants_reply, operations)
            return
        id = self._id_of(self._control.words[layout.client_at(slot, layout.CLIENT_ID)], number)
        if (known := self._under_way.get(id)) is not None:  # sent again
            known.peer = peer
            self._log.asked_again(known.id)
            return
        kind = operations[0][0] if operations[0] else None
        if (error := self._refusal(kind)) is not None:
            self._refuse(peer, asked, error)
        else:
            request = self._under_way[id] = Request(id, peer, asked, wants_reply)
            if kind == protocol.ROLLBACK:
                request.rollback = Rollback(protocol.unpack(self._frame)[:-1], operations)
                self._roll_back(id, request, request.rollback)
            else:
                self._log.append(id, self._frame)

    @staticmethod
    def _id_of(client: int, number: int) -> str:
        return f"{client:x}-{number}"

    def _refusal(self, kind: object) -> TigerError | None:
        """Return why a request is not appended, if it is not; its first operation is of a kind."""
        if self._full is not None:
            return StoreFull(f"this host has no room to follow its log: {self._full}")
        if kind == protocol.RESTORE:
            return InvalidRequest(f"{kind} is for daemons alone: use {protocol.ROLLBACK}")
        size, most = len(self._frame), self._log.body_max
        if size > most:
            return InvalidRequest(
                f"the request has {size} bytes, the log takes {most}, and nothing was changed: "
                f"write in several batches, or give the engine a larger max_payload"
            )
        return None

    def _refuse(self, peer: bytes, asked: RequestId, error: TigerError) -> None:
        self.writer.refuse(asked, code_of(error))
        _, number = asked
        self._reply(peer, number, code_of(error), told(error))

    def _refused(self, refusal: Refusal) -> None:
        """Tell whoever asked why the log does not take it; of what is not known, nothing."""
        id = refusal.id.partition("@")[0]
        request = self._under_way.get(id)
        if request is None or request.id != refusal.id:
            return
        del self._under_way[id]
        request.outcome = refusal.error or OutcomeUnknown("the log has not answered")
        if request.peer and refusal.error is not None:
            self._refuse(request.peer, request.asked, refusal.error)

    def _confirm(self, question: Question) -> None:
        """As `Server._confirm`; what is still in the log is told when it is applied."""
        id = self._id_of(question.client, question.number)
        if (request := self._under_way.get(id)) is None:
            super()._confirm(question)
        else:
            request.peer, request.wants_reply = question.peer, True
            self._log.asked_again(request.id)

    # --- Rollbacks ---

    def _roll_back(self, id: str, request: Request, rollback: Rollback) -> None:
        """Append what a rollback comes to as things are now."""
        entry = rollback.entry(self.writer, self._log.body_max)
        request.id = f"{id}@{rollback.tries}"
        self._log.append(request.id, entry)

    def _roll_back_again(self, id: str, is_known: bool) -> None:
        """Try once more, or answer why not; neither if the client has gone on."""
        request = self._under_way.get(id)
        if request is None or (rollback := request.rollback) is None:
            return
        if not self._is_open(int(id.partition("-")[0], 16), *request.asked):
            del self._under_way[id]
        elif (error := rollback.end(is_known=is_known)) is not None:
            del self._under_way[id]
            self._refuse(request.peer, request.asked, error)
        else:
            self._roll_back(id, request, rollback)

    def _known(self, known: Known) -> None:
        """Note that a daemon before this one has made a try, if that was refused already."""
        id = known.id.partition("@")[0]
        request = self._under_way.get(id)
        is_over = known.sequence <= self._progress.position.sequence
        if is_over and request is not None and request.id == known.id:
            self._refused_tries.setdefault(id, True)

    def _is_open(self, client: int, slot: int, number: int) -> bool:
        """Tell whether a request is of a client of this host, and not answered."""
        return self._slots.has(client, slot) and number > self.writer.last_request(slot)

    def _everywhere(self, question: Question) -> None:
        """Answer when every host has applied what this one has."""
        self._members.wait((question.peer, question.number))
        self._tell_everywhere()

    def _tell_everywhere(self) -> None:
        for peer, number in self._members.answered():
            self._reply(peer, number, protocol.DONE, None)

    # --- From the log to memory ---

    def _apply(self, entry: Entry) -> bool:
        """Apply an entry, and answer whoever asked it here; False if this host has no room."""
        self._progress.entry = entry
        try:
            client, slot, number, _, operations = parse(entry.body)
        except (LayoutMismatch, ValueError, msgpack.UnpackException, RecursionError) as error:
            log.warning("left out entry %d, which no daemon appended: %s", entry.sequence, error)
            self._progress.advance(self.writer.commit)
            return True
        id = self._id_of(client, number)
        others = (self._others_slot, entry.sequence)
        asked = (slot, number) if self._is_open(client, slot, number) else others
        is_refused_try = False
        outcome: Outcome | TigerError
        try:
            outcome = self._applying.apply(operations, asked)
        except TigerError as error:
            if is_of_this_host(error):
                self._stand_still(entry, error)
                return False
            outcome = error
            is_refused_try = is_stale(operations, error)
            self.writer.refuse(others if is_refused_try else asked, code_of(error))
            self._progress.advance(self.writer.commit)
        else:
            if self._waiting.watched:
                self._tell_waiting(outcome.changed())
        self._full = None
        if slot < 0 and client != self._client:
            self._wills.note_clear(operations)
        self.writer.count_command()
        if is_refused_try:
            if id in self._under_way:
                self._refused_tries[id] = False
        elif (request := self._under_way.pop(id, None)) is not None:
            request.outcome = outcome
            self._tell_outcome(request)
        if self.writer.cleaner.is_due():
            self._applying.clean()
        return True

    def _tell_outcome(self, request: Request) -> None:
        outcome, (_, number) = request.outcome, request.asked
        if not request.peer:
            return
        if isinstance(outcome, TigerError):
            self._reply(request.peer, number, code_of(outcome), told(outcome))
        elif outcome is not None and (request.wants_reply or outcome.status in CODES):
            self._reply(request.peer, number, outcome.status, outcome.record)

    def _stand_still(self, entry: Entry, error: TigerError) -> None:
        """Go no further than the entry before, and try again: entries come anew from there."""
        if self._full is None:
            log.error("cannot apply entry %d, and stops there: %s", entry.sequence, error)
        self._full = error if isinstance(error, StoreFull) else StoreFull(str(error))
        self._log.restart(f"no room for entry {entry.sequence}")

    # --- What the daemon asks itself ---

    def do_by_log(self, operations: list[Any]) -> Outcome:
        """Append a request of this daemon, and return what it came to, or raise that.

        A request that would be refused is not appended: its caller tries again later.
        """
        if self._full is not None:
            raise self._full
        plan_of(self.writer, operations)
        self._number += 1
        id = self._id_of(self._client, self._number)
        request = self._under_way[id] = Request(id, b"", (-1, self._number), False)
        frame = [protocol.VERSION, self._client, -1, self._number, False, operations]
        self._log.append(id, protocol.pack(frame))
        deadline = time.monotonic() + CLEAR_S
        while request.outcome is None:
            if time.monotonic() > deadline or not self._log.is_up:
                self._log.forget(id)
                self._under_way.pop(id, None)
                raise DaemonUnavailable(f"the log {self._log.address} does not answer")
            self._wait_for_log(TURN_MS)
            self._take()
        if isinstance(request.outcome, TigerError):
            raise request.outcome
        return request.outcome

    def close(self) -> None:
        """As `Server.close`; and tell the other hosts."""
        if not self._is_over:
            self._wills.leave()
        self._members.leave()
        self._log.close()
        super().close()


class _ByLog:
    """What applies for `Abandoned`: the clear of a namespace is everybody's."""

    def __init__(self, server: Following) -> None:
        self._server = server

    @property
    def writer(self) -> Writer:
        return self._server.writer

    def apply(self, operations: list[Any], _: RequestId | None) -> Outcome:
        return self._server.do_by_log(operations)
