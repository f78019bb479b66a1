"""Requests that this host has appended to the log and not applied yet, including rollbacks."""

from __future__ import annotations

from collections.abc import Callable

from tiger.errors import CODES, OutcomeUnknown, TigerError, code_of, told
from tigerd.engine.applying import Applying
from tigerd.engine.plan import Outcome
from tigerd.engine.writer import RequestId
from tigerd.log.log import Known, Log, Refusal
from tigerd.service.rollbacks import Rollback
from tigerd.service.slots import Slots


def id_of(client: int, number: int) -> str:
    """Return the id of a client's request in the log."""
    return f"{client:x}-{number}"


class Request:
    """One request: the client that asked it, and its outcome."""

    def __init__(
        self, client: int, asked: RequestId, peer: bytes = b"", *, wants_reply: bool = False
    ) -> None:
        """Begin without an outcome; a request without a peer is the daemon's own."""
        self.client = client
        self.asked = asked
        self.peer = peer
        self.wants_reply = wants_reply
        """Whether a message is wanted, though it is done."""
        self.id = self.entry_id = id_of(client, asked[1])
        """A rollback gets another id of its entry with each try."""
        self.outcome: Outcome | TigerError | None = None
        self.rollback: Rollback | None = None


class UnderWay:
    """The requests of one host between their append and their answer."""

    def __init__(
        self,
        log: Log,
        applying: Applying,
        slots: Slots,
        reply: Callable[[bytes, int, int, object], None],
    ) -> None:
        """Begin with none; `reply` is `Server._reply`."""
        self._log = log
        self._applying = applying
        self._slots = slots
        self._reply = reply
        self._requests: dict[str, Request] = {}
        self._refused_tries: dict[str, bool] = {}
        """Rollbacks to be planned again; and whether a daemon before this one had made the try."""

    def append(self, request: Request, frame: bytes) -> None:
        """Append the frame of a request."""
        self._requests[request.id] = request
        self._log.append(request.id, frame)

    def roll_back(self, request: Request, rollback: Rollback) -> None:
        """Append the effects of a rollback, in place of its frame."""
        self._requests[request.id] = request
        request.rollback = rollback
        self._try(request, rollback)

    def ask_again(self, id: str, peer: bytes, *, wants_reply: bool = False) -> bool:
        """Note that the client of a request still waits, as this peer; False if it is not here."""
        if (request := self._requests.get(id)) is None:
            return False
        request.peer = peer
        request.wants_reply |= wants_reply
        self._log.asked_again(request.entry_id)
        return True

    def is_open(self, client: int, slot: int, number: int) -> bool:
        """Tell whether a request is of a client of this host, and not answered."""
        is_here = self._slots.has(client, slot)
        return is_here and number > self._applying.writer.last_request(slot)

    def forget(self, request: Request) -> None:
        """Wait no longer for a request."""
        self._log.forget(request.entry_id)
        self._requests.pop(request.id, None)

    # --- From the log ---

    def applied(self, id: str, outcome: Outcome | TigerError, *, is_stale: bool) -> None:
        """Answer the request whose entry was applied; after a stale try, plan again later."""
        if (request := self._requests.get(id)) is None:
            return
        if is_stale:
            self._refused_tries[id] = False
            return
        del self._requests[id]
        request.outcome = outcome
        if not request.peer:
            return
        _, number = request.asked
        if isinstance(outcome, TigerError):
            self._reply(request.peer, number, code_of(outcome), told(outcome))
        elif request.wants_reply or outcome.status in CODES:
            self._reply(request.peer, number, outcome.status, outcome.record)

    def refused(self, refusal: Refusal) -> None:
        """Tell the client why the log does not take its entry; nothing, if that is not known."""
        if (request := self._of_entry(refusal.id)) is None:
            return
        del self._requests[request.id]
        request.outcome = refusal.error or OutcomeUnknown("the log has not answered")
        if not request.peer or refusal.error is None:
            return
        if self.is_open(request.client, *request.asked):  # else the slot has a later answer
            self.refuse(request.peer, request.asked, refusal.error)

    def known(self, known: Known, applied: int) -> None:
        """Note that a daemon before this one has made a try, if that was refused already.

        `applied` is the entry that was applied last.
        """
        request = self._of_entry(known.id)
        if request is not None and request.rollback and known.sequence <= applied:
            self._refused_tries.setdefault(request.id, True)

    def try_again(self) -> None:
        """Plan the rollbacks again whose last try was refused."""
        while self._refused_tries:
            id, is_known = self._refused_tries.popitem()
            request = self._requests.get(id)
            if request is not None and request.rollback is not None:
                self._try_again(request, request.rollback, is_known=is_known)

    def refuse(self, peer: bytes, asked: RequestId, error: TigerError) -> None:
        """Answer that nothing was changed, and note it in the client's slot."""
        self._applying.writer.refuse(asked, code_of(error))
        self._reply(peer, asked[1], code_of(error), told(error))

    def _of_entry(self, id: str) -> Request | None:
        request = self._requests.get(id.partition("@")[0])
        return request if request is not None and request.entry_id == id else None

    def _try(self, request: Request, rollback: Rollback) -> None:
        """Append the effects of a rollback as things are now."""
        entry = rollback.entry(self._applying.writer, self._log.body_max)
        request.entry_id = f"{request.id}@{rollback.tries}"
        self._log.append(request.entry_id, entry)

    def _try_again(self, request: Request, rollback: Rollback, *, is_known: bool) -> None:
        """Try once more, or answer why not; neither if the client has gone on."""
        if not self.is_open(request.client, *request.asked):
            del self._requests[request.id]
        elif (error := rollback.end(is_known=is_known)) is not None:
            del self._requests[request.id]
            self.refuse(request.peer, request.asked, error)
        else:
            self._try(request, rollback)
