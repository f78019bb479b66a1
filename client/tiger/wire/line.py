"""A process's line to the daemon: a socket and a session, which a forked child begins anew.

It is one process's: what a forked child said on its parent's would be taken for the parent's. So
in a child, before any code or thread of its own runs, every connection leaves its line.
"""

from __future__ import annotations

from typing import Any

from tiger.errors import DaemonUnavailable, InvalidRequest
from tiger.place import instance
from tiger.reading.reader import Reader
from tiger.wire.session import Session, no_daemon_error
from tiger.wire.socket import Wire


def _session_everywhere() -> type[Session]:
    """Return the session that only stores of several machines need, loaded for them alone."""
    from tiger.wire.everywhere import EverywhereSession  # noqa: PLC0415

    return EverywhereSession


class Line:
    """What the requests of a connection go through, one after another."""

    def __init__(
        self, reader: Reader, *, autostart: bool, timeout_s: float, everywhere: bool
    ) -> None:
        """Prepare a line; nothing is opened before it is needed."""
        self.reader: Reader = reader
        self.autostart: bool = autostart
        self.timeout_s: float = timeout_s
        self.everywhere: bool = everywhere
        self.is_closed: bool = False
        """Whether its connection was closed for good."""
        self._begin()

    def _begin(self) -> None:
        self.wire: Wire = Wire(instance.socket_path(self.reader.directory))
        self._session: Session | None = None

    def leave(self) -> None:
        """Leave socket and session to the process that this one was forked from."""
        self.wire.end()
        self._begin()

    @property
    def settings(self) -> dict[str, Any]:
        """What makes another connection like this one."""
        return {
            "autostart": self.autostart,
            "timeout_s": self.timeout_s,
            "everywhere": self.everywhere,
        }

    def check_open(self) -> None:
        """Raise `InvalidRequest` once the connection was closed."""
        if self.is_closed:
            raise InvalidRequest("the store is closed: connect again")

    def check_autostart(self) -> None:
        """Raise `DaemonUnavailable` where a daemon that is not there is not to be started."""
        if not self.autostart:
            raise no_daemon_error(self.reader.directory)

    def session(self) -> Session:
        """Return the session, for the request that has the turn."""
        self.check_open()
        if self._session is None:
            kind = _session_everywhere() if self.everywhere else Session
            self._session = kind(self.reader, self.wire, timeout_s=self.timeout_s)
        return self._session

    def busy_error(self) -> DaemonUnavailable:
        """Return the error of a request whose turn did not come in time."""
        directory = self.reader.directory
        return DaemonUnavailable(
            f"requests before this one have kept the connection to {directory} busy for "
            f"{self.timeout_s:.3g} s; nothing was changed: see `tigerd status "
            f"{instance.as_option(directory)}`",
            directory=directory,
        )
