"""Entries as a consumer of JetStream pushes them: all, in order, and those of the right log."""

from __future__ import annotations

from typing import Any

from tiger.errors import InstanceError
from tigerd.log import nats_wire
from tigerd.log.log import Address, Entry, Position
from tigerd.log.nats_link import Link, Lost
from tigerd.log.nats_wire import Message

REMEDY = (
    "; this instance can still be read, but follows the log no more: begin with an empty "
    "directory, which loads everything from the log"
)


class Entries:
    """The entries of one connection; the first ones are compared with the applied ones."""

    def __init__(self, link: Link, address: Address, applied: Position, last: int) -> None:
        """Begin at the position; `last` is the last entry that the log has now."""
        self._link = link
        self._address = address
        self._applied = applied
        self._last = last
        self._is_compared = not applied.stamp
        """Whether the log is known to have the applied entries."""
        self.next = max(1, applied.sequence)
        """The one that comes next: the first is one that was applied, to be compared."""

    def check(self, stream: dict[str, Any], epoch: str) -> None:
        """Check that the stream is the one that was followed, and has no gap at the position."""
        applied, first = self._applied, stream["state"]["first_seq"]
        if epoch and stream["created"] != epoch:
            raise InstanceError(
                f"the log {self._address} was begun at {stream['created']}, but the one that was "
                f"followed before at {epoch}{REMEDY}"
            )
        if self._last < applied.sequence or (applied.stamp and not self._last):
            raise InstanceError(
                f"the log {self._address} ends at entry {self._last}, but {applied.sequence} were "
                f"applied here: it was restored to an older state{REMEDY}"
            )
        if self._last and first > max(1, applied.sequence):
            raise InstanceError(
                f"the log {self._address} begins at entry {first}, but only {applied.sequence} "
                f"were applied here: the entries between are missing{REMEDY}"
            )

    def take(self, message: Message) -> Entry | None:
        """Return the entry in a message; None if it has none, or one that was applied.

        `Lost` if one is missing, `InstanceError` if the log is not the one that was applied.
        """
        if message.status or not message.reply.startswith(b"$JS.ACK."):
            self._hear(message)
            return None
        # $JS.ACK.STREAM.CONSUMER.DELIVERED.SEQUENCE.DELIVERED.STAMP.PENDING; two words more before
        # the stream, and one behind, in a newer form.
        words = message.reply.split(b".")
        at = 5 if len(words) == 9 else 7
        entry = Entry(int(words[at]), int(words[at + 2]), message.body)
        if entry.sequence != self.next:
            raise Lost(f"entry {entry.sequence} came instead of entry {self.next}")
        self.next += 1
        if not self._is_compared:
            self._compare(entry)
        return entry if entry.sequence > self._applied.sequence else None

    def _compare(self, entry: Entry) -> None:
        """Compare the first entries with those that were applied.

        The stamp that is known is that of the entry at the position, or of the one after it, where
        a daemon was killed before that was committed.
        """
        applied = self._applied
        if entry.stamp == applied.stamp:
            self._is_compared = True
        elif entry.sequence > applied.sequence or entry.sequence == self._last:
            raise InstanceError(
                f"entry {applied.sequence} of the log {self._address} is not the one that was "
                f"applied here: the log was restored to an older state, and has grown{REMEDY}"
            )

    def _hear(self, message: Message) -> None:
        """Handle a message of the consumer about itself."""
        if message.status != 100:
            raise Lost(f"the consumer ended ({message.headers[:80]!r})")
        last = message.header(b"Nats-Last-Stream")
        if last and int(last) >= self.next:
            raise Lost(f"entries up to {int(last)} were sent, and {self.next} did not come")
        wanted = message.reply or message.header(b"Nats-Consumer-Stalled")
        if wanted:  # it sends no more before it has a word
            self._link.send(nats_wire.publish(wanted.decode(), b""))
