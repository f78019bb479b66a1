"""The interface of a log of several machines, as a following daemon uses it: calls and events.

A log is a sequence of entries that all hosts see alike. It is kept by an engine of others, and
speaks here as `Log` says: it appends an entry under an id, once however often it is sent; it gives
the entries after a position; it has an epoch, which tells it from every other log; and it has a
last entry. Beside these it keeps one note of each host, the last. Nothing of it waits: the daemon
has a loop of its own (tigerd.service.following).

An entry is a request: a client's as it came, the effects of a rollback, or a daemon's own. What a
daemon must have in common with all others is in `Terms`, which belong to the log and not to a host.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from tiger.__about__ import __version__
from tiger.errors import InstanceError, InvalidRequest, LayoutMismatch, TigerError
from tiger.format import protocol
from tiger.format.layout import RECORD_LIMIT
from tiger.system import select

PORT = 4222
SCHEMES = ("nats", "tls")
USE = "use nats://HOST:4222/STREAM, or tls://"

KNOWN_S = 600
"""How long a log remembers the ids of its entries, so that they can be sent again."""
TURN_MS = 50
"""How long to wait at a log alone."""


class Address(NamedTuple):
    """The address of a log."""

    host: str
    port: int
    stream: str
    user: str = ""
    password: str = ""
    is_encrypted: bool = False

    def __str__(self) -> str:
        """Return the address without user and password."""
        scheme = SCHEMES[self.is_encrypted]
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}/{self.stream}"


def address_of(text: str) -> Address:
    """Return the address in a text; `InvalidRequest` if there is none."""
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port or PORT
    except ValueError as error:
        raise InvalidRequest(f"log {text!r:.200}: {error}; {USE}") from None
    if parts.scheme not in SCHEMES or not host:
        raise InvalidRequest(f"log {shown_address(text)!r:.200}: {USE}")
    stream = parts.path.removeprefix("/")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", stream):
        raise InvalidRequest(
            f"log {shown_address(text)!r:.200}: the stream {stream!r:.80} has to be 1 to 64 "
            f"letters, digits, - and _; {USE}"
        )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Address(host, port, stream, user, password, parts.scheme == "tls")


def shown_address(text: str) -> str:
    """Return the text of an address without a part that may be a password."""
    return re.sub(r"//[^/@]*@", "//", text)


class Terms(NamedTuple):
    """The terms that all hosts of a log share; a host with other terms may not follow."""

    version: str
    protocol: int
    max_record: int

    @classmethod
    def of_this(cls, max_record: int) -> Terms:
        """Return the terms of a log that this program begins."""
        return cls(__version__, protocol.VERSION, max_record)

    @classmethod
    def read(cls, said: dict[str, str], where: object) -> Terms:
        """Return the terms that a log has noted; `InstanceError` if no tigerd made it."""
        try:
            terms = cls(said["version"], int(said["protocol"]), int(said["max_record"]))
        except (KeyError, ValueError, TypeError):
            terms = cls("", 0, 0)
        if not 0 < terms.max_record <= RECORD_LIMIT:
            raise InstanceError(f"{where} is a stream that no tigerd has made: name another one")
        return terms

    def noted(self) -> dict[str, str]:
        """Return them as a log notes them."""
        return {name: str(value) for name, value in self._asdict().items()}

    def check(self, where: object) -> None:
        """Raise `LayoutMismatch` unless this program plans and applies by the same rules."""
        if (self.version, self.protocol) != (__version__, protocol.VERSION):
            raise LayoutMismatch(
                f"the log {where} was begun by tigerd {self.version}, this is {__version__}: all "
                f"hosts of a log run the same version; use it here too, or begin a new stream"
            )


class Position(NamedTuple):
    """How far a host has applied a log."""

    sequence: int
    """Of the entry that was applied last; entries count from 1."""
    stamp: int
    """When the log took that entry, or one that was taken back: nanoseconds. It tells the entry
    from another one of the same number, where a log was lost in part and went on."""


class Entry(NamedTuple):
    """One entry of a log."""

    sequence: int
    stamp: int
    body: bytes


class Refusal(NamedTuple):
    """An append that is not tried any more."""

    id: str
    error: TigerError | None
    """The reason why the entry will never be in the log; None if that is not known."""


class Known(NamedTuple):
    """An append under an id that the log had already; it made no new entry."""

    id: str
    sequence: int
    """Of the entry of that id."""


class Told(NamedTuple):
    """A message from one daemon to all others."""

    body: bytes


class Noted(NamedTuple):
    """The note about a host; once a log is reached, the existing notes come first."""

    host: str
    body: bytes


Event = Entry | Refusal | Known | Told | Noted


class Log(Protocol):
    """A log, followed by one daemon: `append`, `take`, `epoch`, `last`, and calls for its loop."""

    address: Address
    epoch: str
    """The identity of the log; empty until it was first reached."""
    last: int
    """The last entry when it was reached last."""
    terms: Terms | None
    """The terms of all hosts, once the log was reached."""
    body_max: int
    """The most bytes of an entry."""
    trouble: str
    """Why it cannot be reached, as a text for people."""

    @property
    def is_up(self) -> bool:
        """Whether entries come."""

    def append(self, id: str, entry: bytes) -> None:
        """Have an entry appended, once; it comes as an `Entry`, or is refused, or `Known`."""

    def flush(self) -> None:
        """Send the entries that were appended."""

    def asked_again(self, id: str) -> None:
        """Note that somebody still waits for the outcome of an append."""

    def forget(self, id: str) -> None:
        """Do not send an append again."""

    def take(self) -> list[Event]:
        """Return what came since the last call: the entries after the position, in their order.

        `InstanceError` if the log is not the one that was followed, or lacks applied entries.
        """

    def tell(self, body: bytes) -> None:
        """Tell all daemons something, if the log is up; it may be lost."""

    def note(self, host: str, body: bytes) -> None:
        """Keep a note of a host, instead of its last one, and give it to all daemons as a `Noted`.

        It may be lost; the daemon that sends a note receives it, too.
        """

    def waits_for(self) -> tuple[int, int] | None:
        """Return a descriptor and the events of poll after which `take` is due, if there are."""

    def restart(self, why: str) -> None:
        """Begin from the position again, a little later."""

    def close(self) -> None:
        """Disconnect from the engine."""


def wait(log: Log) -> None:
    """Wait until `take` is due, `TURN_MS` at most."""
    poll = select.poll()
    if waits_for := log.waits_for():
        poll.register(*waits_for)
    poll.poll(TURN_MS)
