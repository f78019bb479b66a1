"""A stream of NATS JetStream as a log (tigerd.log): nothing here waits.

Entries come by a consumer that pushes, from the position on. A lost connection, a killed server, a
consumer that is gone and a gap all have one remedy: connect, and begin from the position again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator
from typing import Any

from tiger.__about__ import __version__
from tiger.errors import DaemonUnavailable, InstanceError, InvalidRequest, StoreFull, TigerError
from tiger.system import secrets, time
from tigerd.log import nats_wire
from tigerd.log.log import (
    KNOWN_S,
    Address,
    Entry,
    Event,
    Known,
    Noted,
    Position,
    Refusal,
    Terms,
    Told,
)
from tigerd.log.nats_link import Link, Lost
from tigerd.log.nats_wire import Message

log = logging.getLogger("tigerd")

BEAT_S = 0.5
"""How often the consumer says that it is there while no entries come."""
SILENT_S = 1.6
"""Nothing heard for so long: the connection is taken for dead, and so is one being opened."""
AGAIN_S = 0.2
"""Between two tries to connect."""
RESEND_S = 0.5
"""An append that is not answered is sent again: a leader that dies does not say so."""
GIVE_UP_S = 2.0
"""An append that could not be sent for so long is refused, sooner than clients give up; one that
was sent is not sent on another connection once its client has not asked for so long."""
CONSUMER_S = 5
"""How long a consumer outlives its connection in the engine."""
MESSAGE_MAX = 32 << 20
"""What a stream takes in a file, whatever max_payload says."""
OWN_BYTES = 512
"""Of a message, beside the entry: its headers."""
NOTES_S = 30 * 86_400
"""For how long notes are kept that nobody renews: hosts come and go."""
NOTES = "{}+hosts"
"""The stream of the notes beside a log's; no log has a name with a plus."""

ANSWERS, ENTRIES, TOLD, NOTED = 1, 2, 3, 4
"""Numbers of subscriptions."""

NO_STREAM, IS_THERE, UNDER_WAY = 10059, 10058, 10158
"""Codes of errors of JetStream. The last says that an append of that id is under way."""
NO_ROOM = (10023, 10047, 10077)
"""The engine's own disk or memory is full, or what it may take of it."""
PASSING = 503
"""The class of errors after which an append may be tried again."""

NS = 1_000_000_000

REMEDY = (
    "; this instance can still be read, but follows the log no more: begin with an empty "
    "directory, which loads everything from the log"
)

Steps = Generator[None, None, None]
Asking = Generator[None, None, Any]


class _Append:
    """An append that was not answered yet."""

    __slots__ = ("asked_at", "began_at", "entry", "link", "sent_at")

    def __init__(self, entry: bytes) -> None:
        self.entry = entry
        self.began_at = self.asked_at = time.monotonic()
        self.sent_at = 0.0
        self.link: Link | None = None
        """The connection that it was sent on last."""


class NatsLog:
    """One daemon's connection to a stream, which is made if it is not there."""

    def __init__(
        self,
        address: Address,
        name: str,
        epoch: str = "",
        position: Callable[[], Position] | None = None,
        terms: Terms | None = None,
    ) -> None:
        """Prepare; nothing is opened before the first `take`.

        `name` is who follows, for people; `epoch` the log that was followed before, if any;
        `position` tells what was applied, and without it no entries come. Without the terms of a
        new stream none is made.
        """
        self.address = address
        self.epoch = epoch
        self.terms: Terms | None = None
        """Those of the stream, once it was reached."""
        self.begun = ""
        """When the stream was made, as the engine says it."""
        self.last = 0
        self.size = 0
        """Bytes of the stream when it was reached last."""
        self.body_max = 0
        self.trouble = "not tried yet"
        self._name = name
        self._position = position
        self._new_terms = terms
        self._inbox = f"_INBOX.{secrets.token_hex(8)}"
        self._entries = f"tigerd.{address.stream}.entries"
        self._told = f"tigerd.{address.stream}.told"
        self._noted = f"tigerd.{address.stream}.hosts"
        self._link: Link | None = None
        self._steps: Steps | None = None
        self._asked = 0
        self._try_at = 0.0
        self._next = 0
        self._applied = Position(0, 0)
        """What was applied when this connection began."""
        self._is_compared = False
        """Whether the log is known to have what was applied."""
        self._appends: dict[str, _Append] = {}
        self._events: list[Event] = []

    # --- What a daemon calls ---

    @property
    def is_up(self) -> bool:
        """As `Log.is_up`."""
        return self._link is not None and self._steps is None

    def waits_for(self) -> tuple[int, int] | None:
        """Return a descriptor and the events of poll after which `take` is due, if there are."""
        return self._link.waits_for() if self._link else None

    def append(self, id: str, entry: bytes) -> None:
        """As `Log.append`; it is sent by the next `flush`."""
        waiting = self._appends[id] = _Append(entry)
        if self.is_up:
            self._send_append(id, waiting)

    def flush(self) -> None:
        """Send what was appended; the next `take` does, too."""
        self._send(b"")

    def asked_again(self, id: str) -> None:
        """Note that somebody still waits for what an append comes to."""
        if id in self._appends:
            self._appends[id].asked_at = time.monotonic()

    def forget(self, id: str) -> None:
        """Do not send an append again."""
        self._appends.pop(id, None)

    def tell(self, body: bytes) -> None:
        """As `Log.tell`."""
        if self.is_up:
            self._send(nats_wire.publish(self._told, body))

    def note(self, host: str, body: bytes) -> None:
        """As `Log.note`."""
        if self.is_up:
            self._send(nats_wire.publish(f"{self._noted}.{host}", body))

    def take(self) -> list[Event]:
        """As `Log.take`.

        `InstanceError` if the log is not the one that was followed, `LayoutMismatch` if another
        version began it.
        """
        now = time.monotonic()
        try:
            if self._link is None and now >= self._try_at:
                self._link = Link(self.address.host, self.address.port)
                self._steps = self._join(self._link)
            if self._link is not None:
                self._turn(self._link)
        except (OSError, Lost, nats_wire.Refused) as error:
            self.restart(str(error) or type(error).__name__)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            self.restart(f"it says what no server of JetStream does ({error!r:.80})")
        if self._appends:
            self._look_after_appends(time.monotonic())
            self.flush()
        events, self._events = self._events, []
        return events

    def restart(self, why: str) -> None:
        """Begin from the position again, a little later."""
        if self.is_up:
            log.warning("lost the log %s: %s", self.address, why)
        self.close()
        self.trouble = why
        self._try_at = time.monotonic() + AGAIN_S

    def close(self) -> None:
        """As `Log.close`."""
        if self._link is not None:
            self._link.close()
        self._link = self._steps = None

    # --- The connection ---

    def _turn(self, link: Link) -> None:
        link.turn()
        if self._steps is not None:
            try:
                next(self._steps)
            except StopIteration:
                self._steps = None
                log.info("follow the log %s from %d of %d", self.address, self._next, self.last)
                for id, waiting in self._appends.items():
                    self._send_append(id, waiting)
        while self.is_up and (message := link.inbox.next()) is not None:
            self._receive(message)
        if (silent_s := time.monotonic() - link.heard_at) > SILENT_S:
            raise Lost(f"nothing was heard for {silent_s:.1f} s")

    def _send(self, data: bytes) -> None:
        """Send; a connection that has ended is found out by the next `take`."""
        if self._link is not None:
            try:
                self._link.send(data)
            except OSError as error:
                self.restart(str(error))

    def _join(self, link: Link) -> Steps:
        """Greet the server, find or make the stream, and ask for its entries."""
        yield from self._greet(link)
        link.send(nats_wire.subscribe(f"{self._inbox}.*", ANSWERS))
        link.send(nats_wire.subscribe(self._told, TOLD))
        stream = yield from self._find_stream(link)
        self._read_stream(stream)
        if self._position is not None:
            self._applied = self._position()
            self._check(stream)
            yield from self._ask_for_notes(link)
            yield from self._ask_for_entries(link)

    def _ask_for_entries(self, link: Link) -> Steps:
        self._is_compared = not self._applied.stamp
        self._next = max(1, self._applied.sequence)
        yield from self._consume(
            link,
            self.address.stream,
            ENTRIES,
            deliver_policy="by_start_sequence",
            opt_start_seq=self._next,
            flow_control=True,
            idle_heartbeat=int(BEAT_S * NS),
        )

    def _ask_for_notes(self, link: Link) -> Steps:
        """Have what is noted of hosts; where the engine does not let us, do without."""
        name, subjects = NOTES.format(self.address.stream), f"{self._noted}.*"
        try:
            yield from self._ask(
                link,
                f"STREAM.CREATE.{name}",
                name=name,
                subjects=[subjects],
                storage="file",
                num_replicas=1,
                discard="old",
                max_msgs_per_subject=1,
                max_age=NOTES_S * NS,
            )
            yield from self._consume(
                link, name, NOTED, deliver_policy="last_per_subject", filter_subject=subjects
            )
        except _Said as error:
            log.warning("the log %s keeps no notes of its hosts: %s", self.address, error)

    def _consume(self, link: Link, name: str, subscription: int, **wanted: Any) -> Steps:
        """Have what a stream has, and what comes, pushed to a subscription."""
        inbox = f"{self._inbox}.pushed.{self._asked}"
        link.send(nats_wire.subscribe(inbox, subscription))
        config = {
            "deliver_subject": inbox,
            "ack_policy": "none",
            "max_deliver": 1,
            "inactive_threshold": CONSUMER_S * NS,
            "mem_storage": True,
            "num_replicas": 1,
            **wanted,
        }
        yield from self._ask(link, f"CONSUMER.CREATE.{name}", stream_name=name, config=config)

    def _greet(self, link: Link) -> Steps:
        yield from _until(link, lambda: link.inbox.info)
        info = json.loads(link.inbox.info)
        self.body_max = min(int(info["max_payload"]), MESSAGE_MAX) - OWN_BYTES
        if self.address.is_encrypted or info.get("tls_required"):
            if not (info.get("tls_required") or info.get("tls_available")):
                raise Lost("the server has no TLS: use nats://, or give it a certificate")
            link.encrypt()
        options = {
            "verbose": False,
            "pedantic": False,
            "headers": True,
            "no_responders": True,
            "protocol": 1,
            "lang": "python",
            "version": __version__,
            "name": f"tigerd {self._name}",
        }
        if self.address.password:
            options |= {"user": self.address.user, "pass": self.address.password}
        elif self.address.user:
            options["auth_token"] = self.address.user
        link.send(b"CONNECT " + json.dumps(options).encode() + b"\r\n" + nats_wire.PING)
        yield from _until(link, lambda: link.inbox.pongs)

    def _find_stream(self, link: Link) -> Asking:
        name = self.address.stream
        try:
            return (yield from self._ask(link, f"STREAM.INFO.{name}"))
        except _Said as error:
            if error.code != NO_STREAM:
                raise
        if self.epoch:
            raise InstanceError(f"the log {self.address}, which was followed, is gone{REMEDY}")
        if self._new_terms is None:
            raise Lost("there is no such stream")
        try:
            return (
                yield from self._ask(
                    link,
                    f"STREAM.CREATE.{name}",
                    name=name,
                    subjects=[self._entries],
                    storage="file",
                    num_replicas=1,
                    discard="new",
                    duplicate_window=KNOWN_S * NS,
                    deny_delete=True,
                    deny_purge=True,
                    metadata=self._new_terms.noted(),
                )
            )
        except _Said as error:
            if error.code != IS_THERE:  # another host was faster
                raise
        return (yield from self._ask(link, f"STREAM.INFO.{name}"))

    def _ask(self, link: Link, what: str, **request: Any) -> Asking:
        """Ask JetStream for something, and return its answer; `_Said` if that is an error."""
        self._asked += 1
        inbox = f"{self._inbox}.{self._asked}"
        body = json.dumps(request).encode()
        link.send(nats_wire.publish(f"$JS.API.{what}", body, reply=inbox))
        while True:
            message = link.inbox.next()
            if message is None:
                yield
            elif message.subject.decode() == inbox:
                break
            else:
                self._receive(message)
        if message.status == PASSING:
            raise Lost("the server has no JetStream: start it with -js")
        answer = json.loads(message.body)
        if error := answer.get("error"):
            raise _Said(error.get("err_code"), error.get("description"))
        return answer

    def _read_stream(self, stream: dict[str, Any]) -> None:
        self.last, self.size = stream["state"]["last_seq"], stream["state"]["bytes"]
        self.begun = stream["created"]
        self.terms = Terms.read(stream["config"].get("metadata") or {}, self.address)

    def _check(self, stream: dict[str, Any]) -> None:
        """See that the stream is the one that was followed, and goes on where that was left."""
        applied, first = self._applied, stream["state"]["first_seq"]
        if self.epoch and stream["created"] != self.epoch:
            raise InstanceError(
                f"the log {self.address} was begun at {stream['created']}, but the one that was "
                f"followed before at {self.epoch}{REMEDY}"
            )
        if self.last < applied.sequence or (applied.stamp and not self.last):
            raise InstanceError(
                f"the log {self.address} ends at entry {self.last}, but {applied.sequence} were "
                f"applied here: it was restored to an older state{REMEDY}"
            )
        if self.last and first > max(1, applied.sequence):
            raise InstanceError(
                f"the log {self.address} begins at entry {first}, but only {applied.sequence} were "
                f"applied here: the entries between are missing{REMEDY}"
            )
        assert self.terms is not None
        self.terms.check(self.address)
        self.epoch = stream["created"]

    # --- What comes ---

    def _receive(self, message: Message) -> None:
        if message.subscription == ENTRIES:
            if message.status or not message.reply.startswith(b"$JS.ACK."):
                self._hear(message)
            else:
                self._take_entry(message)
        elif message.subscription == TOLD:
            self._events.append(Told(message.body))
        elif message.subscription == NOTED:
            host = message.subject.decode().rpartition(".")[2]
            self._events.append(Noted(host, message.body))
        else:
            self._take_answer(message)

    def _take_entry(self, message: Message) -> None:
        # $JS.ACK.STREAM.CONSUMER.DELIVERED.SEQUENCE.DELIVERED.STAMP.PENDING; two words more before
        # the stream, and one behind, in a newer form.
        words = message.reply.split(b".")
        at = 5 if len(words) == 9 else 7
        entry = Entry(int(words[at]), int(words[at + 2]), message.body)
        if entry.sequence != self._next:
            raise Lost(f"entry {entry.sequence} came, and not {self._next}")
        self._next += 1
        if not self._is_compared:
            self._compare(entry)
        if entry.sequence > self._applied.sequence:
            self._events.append(entry)

    def _compare(self, entry: Entry) -> None:
        """Hold the first entries against what was applied.

        The stamp that is known is that of the entry at the position, or of the one after it, where
        a daemon was killed before that was committed.
        """
        applied = self._applied
        if entry.stamp == applied.stamp:
            self._is_compared = True
        elif entry.sequence > applied.sequence or entry.sequence == self.last:
            raise InstanceError(
                f"entry {applied.sequence} of the log {self.address} is not the one that was "
                f"applied here: the log was restored to an older state, and has grown{REMEDY}"
            )

    def _hear(self, message: Message) -> None:
        """Take what the consumer says of itself."""
        if message.status != 100:
            raise Lost(f"the consumer ended ({message.headers[:80]!r})")
        last = message.header(b"Nats-Last-Stream")
        if last and int(last) >= self._next:
            raise Lost(f"entries up to {int(last)} were sent, and {self._next} did not come")
        wanted = message.reply or message.header(b"Nats-Consumer-Stalled")
        if wanted:  # it sends no more before it has a word
            self._send(nats_wire.publish(wanted.decode(), b""))

    # --- Appends ---

    def _send_append(self, id: str, waiting: _Append) -> None:
        waiting.link = self._link
        waiting.sent_at = time.monotonic()
        headers = {"Nats-Msg-Id": id, "Nats-Expected-Stream": self.address.stream}
        answer = f"{self._inbox}.{id}"
        if self._link is not None:
            body = waiting.entry
            self._link.put(nats_wire.publish_with(headers, self._entries, body, reply=answer))

    def _take_answer(self, message: Message) -> None:
        """Take what the engine says of an append; an error changes nothing."""
        id = message.subject.decode().rpartition(".")[2]
        if message.status == PASSING:
            raise Lost("no server has the stream")
        if id not in self._appends:
            return
        if b'"error"' not in message.body:
            del self._appends[id]
            if b'"duplicate"' in message.body:
                self._events.append(Known(id, json.loads(message.body)["seq"]))
            return
        error = json.loads(message.body)["error"]
        code = error.get("err_code")
        why = f"the log {self.address} says {error.get('description')!r}, and nothing was changed"
        if code in NO_ROOM:
            self._refuse(id, StoreFull(f"{why}: give the engine more room"))
        elif code != UNDER_WAY and error.get("code") != PASSING:
            self._refuse(id, InvalidRequest(why))

    def _look_after_appends(self, now: float) -> None:
        """Send again what was not answered, and give up what nobody waits for."""
        for id, waiting in list(self._appends.items()):
            if self.is_up and waiting.link is self._link:
                if now - waiting.sent_at > RESEND_S:
                    self._send_append(id, waiting)
            elif waiting.link is None and now - waiting.began_at > GIVE_UP_S:
                words = f"the log {self.address} cannot be reached ({self.trouble})"
                self._refuse(id, DaemonUnavailable(f"{words}: nothing was changed"))
            elif waiting.link is not None and now - waiting.asked_at > GIVE_UP_S:
                self._refuse(id, None)

    def _refuse(self, id: str, error: TigerError | None) -> None:
        self._appends.pop(id, None)
        self._events.append(Refusal(id, error))


class _Said(Lost):
    """An error that JetStream answered with."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


def _until(link: Link, condition: Callable[[], object]) -> Steps:
    """Wait for a condition that what comes makes true."""
    while True:
        link.inbox.next()
        if condition():
            return
        yield
