"""Appends to a stream of JetStream, until each is answered: sent, sent again, or given up."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tiger.errors import DaemonUnavailable, InvalidRequest, StoreFull, TigerError
from tiger.system import secrets, time
from tigerd.log import nats_wire
from tigerd.log.log import Address, Known, Refusal
from tigerd.log.nats_link import Link, Lost
from tigerd.log.nats_wire import PASSING, Message

RESEND_S = 0.5
"""An append that is not answered is sent again: a leader that dies does not say so."""
GIVE_UP_S = 2.0
"""An append that could not be sent for so long is refused, sooner than clients give up; one that
was sent is not sent on another connection once its client has not asked for so long."""

NO_ROOM = (10023, 10047, 10077)
"""Codes of errors: the engine's disk or memory is full, or its share of them."""
UNDER_WAY = 10158
"""The code of the error that says that an append of that id is under way."""


class _Append:
    """An append that was not answered yet."""

    __slots__ = ("asked_at", "began_at", "entry", "link", "sent_at")

    def __init__(self, entry: bytes) -> None:
        self.entry = entry
        self.began_at = self.asked_at = time.monotonic()
        self.sent_at = 0.0
        self.link: Link | None = None
        """The connection that it was sent on last."""


class Appends:
    """The appends of one daemon."""

    def __init__(self, address: Address, subject: str) -> None:
        """Begin with none; entries go to a subject."""
        self._address = address
        self._subject = subject
        self._inbox = f"_INBOX.{secrets.token_hex(8)}"
        self.answers = f"{self._inbox}.*"
        """The subject to which the engine answers."""
        self._waiting: dict[str, _Append] = {}

    def __bool__(self) -> bool:
        """Tell whether any is not answered."""
        return bool(self._waiting)

    def add(self, id: str, entry: bytes, link: Link | None) -> None:
        """Send one, on the connection that is up; if none is, by the next `send_all`."""
        waiting = self._waiting[id] = _Append(entry)
        if link is not None:
            self._send(id, waiting, link)

    def asked_again(self, id: str) -> None:
        """As `Log.asked_again`."""
        if id in self._waiting:
            self._waiting[id].asked_at = time.monotonic()

    def forget(self, id: str) -> None:
        """As `Log.forget`."""
        self._waiting.pop(id, None)

    def send_all(self, link: Link) -> None:
        """Send all on a new connection."""
        for id, waiting in self._waiting.items():
            self._send(id, waiting, link)

    def _send(self, id: str, waiting: _Append, link: Link) -> None:
        waiting.link = link
        waiting.sent_at = time.monotonic()
        headers = {"Nats-Msg-Id": id, "Nats-Expected-Stream": self._address.stream}
        answer = f"{self._inbox}.{id}"
        link.put(nats_wire.publish_with(headers, self._subject, waiting.entry, reply=answer))

    def answered(self, message: Message) -> Known | Refusal | None:
        """Handle the engine's answer to an append, and return the resulting event, if there is one.

        An error changes nothing. `Lost` if no server has the stream.
        """
        id = message.subject.decode().rpartition(".")[2]
        if message.status == PASSING:
            raise Lost("no server has the stream")
        if id not in self._waiting:
            return None
        if b'"error"' not in message.body:
            del self._waiting[id]
            is_known = b'"duplicate"' in message.body
            return Known(id, json.loads(message.body)["seq"]) if is_known else None
        error = json.loads(message.body)["error"]
        code = error.get("err_code")
        why = f"the log {self._address} says {error.get('description')!r}, and nothing was changed"
        if code in NO_ROOM:
            return self._refusal(id, StoreFull(f"{why}: give the engine more room"))
        if code != UNDER_WAY and error.get("code") != PASSING:
            return self._refusal(id, InvalidRequest(why))
        return None

    def look_after(self, link: Link | None, trouble: str) -> Iterator[Refusal]:
        """Send unanswered appends again; yield the refusals of those that are given up.

        `link` is the connection that is up; if none is, `trouble` says why.
        """
        now = time.monotonic()
        for id, waiting in list(self._waiting.items()):
            if waiting.link is None:
                if now - waiting.began_at > GIVE_UP_S:
                    words = f"the log {self._address} cannot be reached ({trouble})"
                    yield self._refusal(id, DaemonUnavailable(f"{words}: nothing was changed"))
            elif waiting.link is link:
                if now - waiting.sent_at > RESEND_S:
                    self._send(id, waiting, link)
            elif now - waiting.asked_at > GIVE_UP_S:
                yield self._refusal(id, None)

    def _refusal(self, id: str, error: TigerError | None) -> Refusal:
        del self._waiting[id]
        return Refusal(id, error)
