"""A daemon that follows a log: it appends its clients' requests, and applies all entries.

a request -> the log -> on every host: plan -> apply -> answer, where it was asked

The entry is the client's frame as it came. Its id in the log consists of the client and the
request's number, so a request that is sent again is still one entry. A rollback is an exception
(tigerd.service.rollbacks). The client is answered by its own host.

If only one host refuses an entry, for example because its memory is full, that is not the answer,
since the others have applied it. That host stops there, and continues when it can. None of this is
loaded without a log.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import msgpack
import zmq

from tiger.errors import InvalidRequest, LayoutMismatch, StoreFull, TigerError, code_of
from tiger.format import layout, protocol
from tiger.system import time
from tigerd.engine.applying import Applying
from tigerd.engine.plan import Outcome
from tigerd.engine.writer import RequestId
from tigerd.log.log import Entry, Event, Known, Noted, Told
from tigerd.log.members import Members, name_of_host, place_of_host
from tigerd.service.followed import Followed
from tigerd.service.joining import Joining
from tigerd.service.own_requests import OwnRequests
from tigerd.service.parsing import parse
from tigerd.service.replica import LOG, LOG_TOO, OTHERS, Progress, ReplicaApplying, is_of_this_host
from tigerd.service.rollbacks import Rollback, is_stale
from tigerd.service.server import DRAIN, Question, Server
from tigerd.service.under_way import Request, UnderWay, id_of
from tigerd.service.wills import Wills

log = logging.getLogger("tigerd")

TICK_S = 0.1
"""How often to look after the connection when nothing comes."""


class Following(Server):
    """One host's daemon of several that follow one log."""

    _own: OwnRequests

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

        `TigerError` if the log cannot be reached in time, or is not the instance's.
        """
        self._joining = Joining(directory, followed, max_record)
        self._frame = b""
        self._waits_for: tuple[int, int] | None = None
        self._tick_at = 0.0
        super().__init__(directory, lock, max_record=None, idle_exit_s=idle_exit_s)

    def _new_applying(self) -> Applying:
        self._progress = Progress(self._control)
        return ReplicaApplying(self.directory, self._control, self._progress)

    def _bind(self) -> None:
        progress, applying = self._progress, self._applying
        progress.keep_in(self._slots.keep(LOG), self._slots.keep(LOG_TOO))
        self._others_slot = self._slots.keep(OTHERS)
        name = name_of_host()
        place = place_of_host(self.directory, self._control.words[layout.HEADER_INSTANCE])
        self._log = self._joining.new_log(name, lambda: progress.position, self.writer)
        self._members = Members(name, place, self._log.tell, lambda: progress.position.sequence)
        self._wills = Wills(self.directory, place, self._log, self._members)
        self._under_way = UnderWay(self._log, applying, self._slots, self._reply)
        self._own = OwnRequests(applying, progress, self._log, self._under_way, self._take)
        try:
            self._joining.catch_up(self._log, progress, self._take_and_beat)
        except BaseException:
            self._log.close()
            raise
        super()._bind()
        self._attend()

    def _take_and_beat(self) -> None:
        self._take()
        super()._beat()

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
        """Wait for the log too, on the events that it needs now."""
        waits_for = self._log.waits_for()
        if waits_for != self._waits_for:
            before = self._waits_for[0] if self._waits_for else None
            self._arrivals.also(before, waits_for)
            self._waits_for = waits_for

    def _take(self) -> bool:
        """Handle the log's events; return whether entries were applied."""
        was_up = self._log.is_up
        try:
            events = self._log.take()
            if self._log.terms is not None and not self._joining.has_terms:
                self._joining.adopt_terms(self._log, self._control, self.writer)
        except TigerError as error:
            if not self._joining.is_over:
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
                self._under_way.known(event, self._progress.position.sequence)
            else:
                self._under_way.refused(event)
        self._under_way.try_again()
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
        client = self._control.words[layout.client_at(slot, layout.CLIENT_ID)]
        if self._under_way.ask_again(id_of(client, number), peer):  # sent again
            return
        kind = operations[0][0] if operations[0] else None
        request = Request(client, asked, peer, wants_reply=wants_reply)
        if (error := self._refusal(kind)) is not None:
            self._under_way.refuse(peer, asked, error)
        elif kind == protocol.ROLLBACK:
            head = [protocol.VERSION, client, slot, number, wants_reply]
            self._under_way.roll_back(request, Rollback(head, operations))
        else:
            self._under_way.append(request, self._frame)

    def _refusal(self, kind: object) -> TigerError | None:
        """Return the error of a request that must not be appended; else None."""
        if self._progress.full is not None:
            return StoreFull(f"this host has no room to follow its log: {self._progress.full}")
        if kind == protocol.RESTORE:
            return InvalidRequest(f"{kind} is for daemons alone: use {protocol.ROLLBACK}")
        size, most = len(self._frame), self._log.body_max
        if size > most:
            return InvalidRequest(
                f"the request has {size} bytes, the log takes {most}, and nothing was changed: "
                f"write in several batches, or give the engine a larger max_payload"
            )
        return None

    def _confirm(self, question: Question) -> None:
        """As `Server._confirm`; a request still in the log is answered when it is applied."""
        id = id_of(question.client, question.number)
        if not self._under_way.ask_again(id, question.peer, wants_reply=True):
            super()._confirm(question)

    def _everywhere(self, question: Question) -> None:
        """Answer when every host has applied the same entries as this one."""
        self._members.wait((question.peer, question.number))
        self._tell_everywhere()

    def _tell_everywhere(self) -> None:
        for peer, number in self._members.answered():
            self._reply(peer, number, protocol.DONE, None)

    # --- From the log to memory ---

    def _apply(self, entry: Entry) -> bool:
        """Apply an entry, and answer its client if it is here; False if this host has no room."""
        self._progress.entry = entry
        try:
            client, slot, number, _, operations = parse(entry.body)
        except (LayoutMismatch, ValueError, msgpack.UnpackException, RecursionError) as error:
            log.warning("left out entry %d, which no daemon appended: %s", entry.sequence, error)
            self._progress.advance(self.writer.commit)
            return True
        others = (self._others_slot, entry.sequence)
        asked = (slot, number) if self._under_way.is_open(client, slot, number) else others
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
        self._progress.full = None
        if slot < 0 and client != self._own.client:
            self._wills.note_clear(operations)
        self.writer.count_command()
        self._under_way.applied(id_of(client, number), outcome, is_stale=is_refused_try)
        if self.writer.cleaner.is_due():
            self._applying.clean()
        return True

    def _stand_still(self, entry: Entry, error: TigerError) -> None:
        """Stop after the previous entry and try again: the log delivers the entries from there."""
        if self._progress.full is None:
            log.error("cannot apply entry %d, and stops there: %s", entry.sequence, error)
        self._progress.full = error if isinstance(error, StoreFull) else StoreFull(str(error))
        self._log.restart(f"no room for entry {entry.sequence}")

    def close(self) -> None:
        """As `Server.close`; and tell the other hosts."""
        if not self._is_over:
            self._wills.leave()
        self._members.leave()
        self._log.close()
        super().close()
