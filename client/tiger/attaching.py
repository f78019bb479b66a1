"""Attaching to an instance, for both kinds of `connect`; the settings that a store keeps of it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tiger.errors import DaemonUnavailable, InvalidRequest
from tiger.format import record
from tiger.namespaces import is_unique, namespace_name
from tiger.place import instance, launch, process
from tiger.place.leases import Lease, register_of
from tiger.reading.reader import Reader
from tiger.system import os
from tiger.wire.connection import Connection, Options

if TYPE_CHECKING:
    from tiger.aio.connection import AsyncConnection

Sending = TypeVar("Sending", Connection, "AsyncConnection")

TIMEOUT_S = 5.0
"""The default of `timeout_s`: how long a write may take before it raises `OutcomeUnknown`."""


EVERYWHERE = "TIGERD_EVERYWHERE"
"""The variable that gives the default of `everywhere`: whether writes wait for all hosts."""


class Attached(Generic[Sending]):
    """The connection of a store and its tables to an instance, with writes that block or not.

    They read through `reader` and send through `connection`. Stores of other namespaces share both.
    """

    _is_owner = False

    def __init__(
        self, reader: Reader, connection: Sending, namespace: str, *, is_owner: bool = False
    ) -> None:
        """Keep these; an owner closes them, or warns if it is garbage-collected unclosed."""
        self.reader: Reader = reader
        self.connection: Sending = connection
        self.namespace: str = namespace
        self.is_fork: bool = False
        """Whether its namespace began as a fork."""
        self._process = process.current()
        self._register = register_of(reader.directory) if is_owner else None
        self._is_owner = is_owner

    def within(self, namespace: str) -> Attached[Sending]:
        """Return the same connection for a store of another namespace."""
        other = Attached(self.reader, self.connection, namespace)
        other._register = self._register
        return other

    @property
    def settings(self) -> tuple[str, str, Options]:
        """The directory, the namespace and the options: enough to connect again."""
        return str(self.reader.directory), self.namespace, self.connection.line.options

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which another process finds the instance and the namespace."""
        return {"TIGERD_DIR": str(self.reader.directory), "TIGERD_NAMESPACE": self.namespace}

    @property
    def is_account(self) -> bool:
        """Whether the namespace is cleared after use: a sandbox, a fork, or a test's account."""
        return self.is_fork or is_unique(self.namespace)

    def lease(self, namespace: str) -> Lease:
        """Lease a new namespace for this process, in the lease file that the owner keeps."""
        record.encode_name(namespace, "namespace")
        return Lease(self.reader.directory, namespace, self._register, is_new=True)

    def check_open(self) -> None:
        """Raise `InvalidRequest` once the store is closed."""
        self.connection.line.check_open()
        self.reader.look()

    def close(self) -> None:
        """Stop sending. Others that share the connection continue, unless this one owns it."""
        if self._is_owner:
            self._is_owner = False
            self.connection.close()
            register_of(self.reader.directory).rest()
            self.reader.close()
        elif not self.connection.line.is_closed:
            self.connection = self.connection.twin()
            self.connection.close()

    def __del__(self) -> None:
        """Warn of a store that was never closed."""
        if self._is_owner and self._process == process.current():
            warnings.warn(
                f"unclosed store at {self.reader.directory}, namespace {self.namespace!r}",
                ResourceWarning,
                source=self,
                stacklevel=2,
            )
            self.connection.forget()


def attach(
    directory: str | os.PathLike[str] | None,
    namespace: str | None,
    autostart: bool,
    timeout_s: float,
    everywhere: bool | None = None,
) -> tuple[Reader, str, Options]:
    """Return a reader, the namespace and the options; start a daemon if necessary."""
    _check_timeout(timeout_s)
    path = instance.find_directory(directory)
    name = namespace_name(namespace)
    record.encode_name(name, "namespace")
    if autostart and not _is_running(path):
        launch.start(path)
    else:
        instance.check_directory(path)
    if everywhere is None:
        everywhere = os.environ.get(EVERYWHERE, "") not in ("", "0")
    return _reader(path, autostart=autostart), name, Options(autostart, timeout_s, everywhere)


def _reader(path: Path, *, autostart: bool) -> Reader:
    """Return a reader; wait for a daemon that another process is starting."""
    try:
        return Reader(path)
    except DaemonUnavailable:
        if not autostart:
            raise
        launch.start(path)
        return Reader(path)


def _check_timeout(timeout_s: Any) -> None:
    is_number = isinstance(timeout_s, (int, float)) and not isinstance(timeout_s, bool)
    if not is_number or not timeout_s > 0:  # as NaN is not
        raise InvalidRequest(f"timeout_s {timeout_s!r:.80}: use more than 0 seconds")


def _is_running(path: Path) -> bool:
    try:
        instance.check_directory(path)
    except DaemonUnavailable:  # it is not there, or was removed just now
        return False
    return instance.is_running(path)
