"""Joining a stream of JetStream: greet its server, find or make it, and have its messages pushed.

Each step is a generator that yields while it waits for the server.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator
from typing import Any

from tiger.__about__ import __version__
from tiger.errors import InstanceError
from tiger.system import secrets
from tigerd.log import nats_wire
from tigerd.log.log import KNOWN_S, Address, Terms
from tigerd.log.nats_entries import REMEDY
from tigerd.log.nats_link import Link, Lost
from tigerd.log.nats_wire import PASSING, Message

log = logging.getLogger("tigerd")

BEAT_S = 0.5
"""How often the consumer says that it is there while no entries come."""
CONSUMER_S = 5
"""How long a consumer outlives its connection in the engine."""
MESSAGE_MAX = 32 << 20
"""The most bytes that a stream accepts in a message, even if max_payload is larger."""
OWN_BYTES = 512
"""Of a message, beside the entry: its headers."""
NOTES_S = 30 * 86_400
"""For how long notes are kept that nobody renews: hosts come and go."""
NOTES = "{}+hosts"
"""The stream of the notes beside a log's; no log has a name with a plus."""

ENTRIES_TO, TOLD_TO, NOTED_TO = "tigerd.{}.entries", "tigerd.{}.told", "tigerd.{}.hosts"
"""Subjects of a stream's messages; that of a note goes on with the host."""
ASKED, APPENDED, ENTRIES, TOLD, NOTED = range(1, 6)
"""Numbers of subscriptions."""

NO_STREAM, IS_THERE = 10059, 10058
"""Codes of errors of JetStream."""

NS = 1_000_000_000

Steps = Generator[None, None, None]
Asking = Generator[None, None, Any]


class Joining:
    """The beginning of one connection to a stream."""

    def __init__(self, link: Link, address: Address, receive: Callable[[Message], None]) -> None:
        """Prepare; `receive` takes messages that come meanwhile and are not answers."""
        self._link = link
        self._address = address
        self._receive = receive
        self._inbox = f"_INBOX.{secrets.token_hex(8)}"
        self._asked = 0

    def greet(self, name: str) -> Asking:
        """Greet the server under a name; return how many bytes an entry may have."""
        link = self._link
        yield from _until(link, lambda: link.inbox.info)
        info = json.loads(link.inbox.info)
        body_max = min(int(info["max_payload"]), MESSAGE_MAX) - OWN_BYTES
        if self._address.is_encrypted or info.get("tls_required"):
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
            "name": f"tigerd {name}",
        }
        if self._address.password:
            options |= {"user": self._address.user, "pass": self._address.password}
        elif self._address.user:
            options["auth_token"] = self._address.user
        link.send(b"CONNECT " + json.dumps(options).encode() + b"\r\n" + nats_wire.PING)
        yield from _until(link, lambda: link.inbox.pongs)
        link.send(nats_wire.subscribe(f"{self._inbox}.*", ASKED))
        return body_max

    def find_stream(self, epoch: str, terms: Terms | None) -> Asking:
        """Return the server's description of the stream; make it by the terms if it is not there.

        `InstanceError` if it was followed before, and is gone.
        """
        name = self._address.stream
        try:
            return (yield from self._ask(f"STREAM.INFO.{name}"))
        except _Said as error:
            if error.code != NO_STREAM:
                raise
        if epoch:
            raise InstanceError(f"the log {self._address}, which was followed, is gone{REMEDY}")
        if terms is None:
            raise Lost("there is no such stream")
        try:
            yield from self._ask(
                f"STREAM.CREATE.{name}",
                name=name,
                subjects=[ENTRIES_TO.format(name)],
                storage="file",
                num_replicas=1,
                discard="new",
                duplicate_window=KNOWN_S * NS,
                deny_delete=True,
                deny_purge=True,
                metadata=terms.noted(),
            )
        except _Said as error:
            if error.code != IS_THERE:  # another host was faster
                raise
        return (yield from self._ask(f"STREAM.INFO.{name}"))

    def ask_for_entries(self, first: int) -> Steps:
        """Have the entries, from one on."""
        yield from self._consume(
            self._address.stream,
            ENTRIES,
            deliver_policy="by_start_sequence",
            opt_start_seq=first,
            flow_control=True,
            idle_heartbeat=int(BEAT_S * NS),
        )

    def ask_for_notes(self) -> Steps:
        """Have the notes of hosts; where the engine does not let us, do without."""
        stream = self._address.stream
        name, subjects = NOTES.format(stream), f"{NOTED_TO.format(stream)}.*"
        try:
            yield from self._ask(
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
                name, NOTED, deliver_policy="last_per_subject", filter_subject=subjects
            )
        except _Said as error:
            log.warning("the log %s keeps no notes of its hosts: %s", self._address, error)

    def _consume(self, name: str, subscription: int, **wanted: Any) -> Steps:
        """Have the messages of a stream, old and new ones, pushed to a subscription."""
        inbox = f"{self._inbox}.pushed.{self._asked}"
        self._link.send(nats_wire.subscribe(inbox, subscription))
        config = {
            "deliver_subject": inbox,
            "ack_policy": "none",
            "max_deliver": 1,
            "inactive_threshold": CONSUMER_S * NS,
            "mem_storage": True,
            "num_replicas": 1,
            **wanted,
        }
        yield from self._ask(f"CONSUMER.CREATE.{name}", stream_name=name, config=config)

    def _ask(self, what: str, **request: Any) -> Asking:
        """Ask JetStream for something, and return its answer; `_Said` if that is an error."""
        self._asked += 1
        link = self._link
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


class _Said(Lost):
    """An error that JetStream answered with."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


def _until(link: Link, condition: Callable[[], object]) -> Steps:
    """Wait until a message makes a condition true."""
    while True:
        link.inbox.next()
        if condition():
            return
        yield
