"""A stream of NATS JetStream as a log (tigerd.log): nothing here waits.

Entries come by a consumer that pushes, from the position on. A lost connection, a killed server, a
consumer that is gone and a gap all have one remedy: connect, and begin from the position again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from tiger.system import time
from tigerd.log import nats_wire
from tigerd.log.log import Address, Event, Noted, Position, Terms, Told
from tigerd.log.nats_appends import Appends
from tigerd.log.nats_entries import Entries
from tigerd.log.nats_joining import (
    APPENDED,
    ENTRIES,
    ENTRIES_TO,
    NOTED,
    NOTED_TO,
    TOLD,
    TOLD_TO,
    Joining,
    Steps,
)
from tigerd.log.nats_link import Link, Lost
from tigerd.log.nats_wire import Message

log = logging.getLogger("tigerd")

SILENT_S = 1.6
"""Nothing heard for so long: the connection is taken for dead, and so is one being opened."""
AGAIN_S = 0.2
"""Between two tries to connect."""


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

        `name` is the follower's name, for people; `epoch` the log that was followed before, if any;
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
        self._told = TOLD_TO.format(address.stream)
        self._noted = NOTED_TO.format(address.stream)
        self._link: Link | None = None
        self._steps: Steps | None = None
        self._try_at = 0.0
        self._appends = Appends(address, ENTRIES_TO.format(address.stream))
        self._entries: Entries | None = None
        """Those of this connection, once they were asked for."""
        self._events: list[Event] = []

    # --- The calls of a daemon ---

    @property
    def is_up(self) -> bool:
        """As `Log.is_up`."""
        return self._up is not None

    @property
    def _up(self) -> Link | None:
        """The connection, once it has joined."""
        return self._link if self._steps is None else None

    def waits_for(self) -> tuple[int, int] | None:
        """Return a descriptor and the events of poll after which `take` is due, if there are."""
        return self._link.waits_for() if self._link else None

    def append(self, id: str, entry: bytes) -> None:
        """As `Log.append`; it is sent by the next `flush`."""
        self._appends.add(id, entry, self._up)

    def flush(self) -> None:
        """Send the entries that were appended; the next `take` does this too."""
        self._send(b"")

    def asked_again(self, id: str) -> None:
        """As `Log.asked_again`."""
        self._appends.asked_again(id)

    def forget(self, id: str) -> None:
        """As `Log.forget`."""
        self._appends.forget(id)

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
            self._events += self._appends.look_after(self._up, self.trouble)
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
                self._appends.send_all(link)
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
        joining = Joining(link, self.address, self._receive)
        self.body_max = yield from joining.greet(self._name)
        link.send(nats_wire.subscribe(self._appends.answers, APPENDED))
        link.send(nats_wire.subscribe(self._told, TOLD))
        stream = yield from joining.find_stream(self.epoch, self._new_terms)
        self.last, self.size = stream["state"]["last_seq"], stream["state"]["bytes"]
        self.begun = stream["created"]
        self.terms = Terms.read(stream["config"].get("metadata") or {}, self.address)
        if self._position is not None:
            entries = self._entries = Entries(link, self.address, self._position(), self.last)
            entries.check(stream, self.epoch)
            self.terms.check(self.address)
            self.epoch = self.begun
            yield from joining.ask_for_notes()
            yield from joining.ask_for_entries(entries.next)
            log.info("follow the log %s from %d of %d", self.address, entries.next, self.last)

    def _receive(self, message: Message) -> None:
        event: Event | None
        if message.subscription == ENTRIES:
            assert self._entries is not None
            event = self._entries.take(message)
        elif message.subscription == TOLD:
            event = Told(message.body)
        elif message.subscription == NOTED:
            event = Noted(message.subject.decode().rpartition(".")[2], message.body)
        else:
            event = self._appends.answered(message)
        if event is not None:
            self._events.append(event)
