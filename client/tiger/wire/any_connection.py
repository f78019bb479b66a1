"""What a connection to the daemon is, whether its requests block or are awaited.

It is one process's: what a forked child said on its parent's would be taken for the parent's. So
in a child, before any code or thread of its own runs, every connection begins again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from tiger.errors import DaemonUnavailable, InvalidRequest
from tiger.place import instance, process
from tiger.reading.reader import Reader
from tiger.wire.session import Session
from tiger.wire.socket import Wire

Wait_co = TypeVar("Wait_co", covariant=True)
Same = TypeVar("Same", bound="AnyConnection[Any]")


def _session_everywhere() -> type[Session]:
    """Return what few need, and is loaded for them alone."""
    from tiger.wire.everywhere import EverywhereSession  # noqa: PLC0415

    return EverywhereSession


class AnyConnection(ABC, Generic[Wait_co]):
    """Requests of one process, one after another."""

    def __init__(
        self, reader: Reader, *, autostart: bool, timeout_s: float, everywhere: bool = False
    ) -> None:
        """Prepare a connection; nothing is opened before it is needed."""
        self._reader = reader
        self._autostart = autostart
        self._timeout_s = timeout_s
        self._everywhere = everywhere
        self._is_closed = False
        self._begin()
        process.leaves(self)

    def _begin(self) -> None:
        """Begin without a socket, and with nobody's turn."""
        self._wire = Wire(instance.socket_path(self._reader.directory))
        self._session: Session | None = None

    def leave(self) -> None:
        """Leave socket, session and turn to the process that this one was forked from."""
        self._wire.end()
        self._begin()

    @property
    @abstractmethod
    def wait(self) -> Wait_co:
        """What waits until a namespace was written to after a commit, or until a deadline.

        Other requests of this connection wait meanwhile: use a twin.
        """

    def twin(self: Same) -> Same:
        """Return another connection like this one; nothing is opened before it is needed."""
        self._check_open()
        return type(self)(
            self._reader,
            autostart=self._autostart,
            timeout_s=self._timeout_s,
            everywhere=self._everywhere,
        )

    def _check_open(self) -> None:
        if self._is_closed:
            raise InvalidRequest("the store is closed: connect again")

    def _open_session(self) -> Session:
        """Return the session, for whoever has the turn."""
        self._check_open()
        if self._session is None:
            kind = _session_everywhere() if self._everywhere else Session
            self._session = kind(self._reader, self._wire, timeout_s=self._timeout_s)
        return self._session

    def _no_turn(self) -> DaemonUnavailable:
        """Return the error of a request whose turn did not come in time."""
        directory = self._reader.directory
        return DaemonUnavailable(
            f"requests before this one have kept the connection to {directory} busy for "
            f"{self._timeout_s:.3g} s; nothing was changed: see `tigerd status "
            f"{instance.as_option(directory)}`",
            directory=directory,
        )

    def close(self) -> None:
        """Let go of the socket for good. Never waits, whatever is under way."""
        self._is_closed = True
        self.let_go()

    @abstractmethod
    def let_go(self) -> None:
        """Close the socket if nobody's request needs it; a later one opens another."""
