"""The daemon's own requests, which go through the log like all others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tiger.errors import DaemonUnavailable, TigerError
from tiger.format import protocol
from tiger.system import secrets, time
from tigerd.engine.applying import Applying
from tigerd.engine.operations import plan_of
from tigerd.engine.plan import Outcome
from tigerd.engine.writer import RequestId, Writer
from tigerd.log.log import Log, wait
from tigerd.service.replica import Progress
from tigerd.service.under_way import Request, UnderWay

CLEAR_S = 1.0
"""How long a request of the daemon itself may take: its clients wait meanwhile."""


class OwnRequests:
    """Applies for `Abandoned` through the log: all hosts clear a namespace, or none."""

    def __init__(
        self,
        applying: Applying,
        progress: Progress,
        log: Log,
        under_way: UnderWay,
        take: Callable[[], object],
    ) -> None:
        """Begin as a new client; `take` is `Following._take`."""
        self.client = secrets.randbits(55) + 1
        self._number = 0
        self._applying = applying
        self._progress = progress
        self._log = log
        self._under_way = under_way
        self._take = take

    @property
    def writer(self) -> Writer:
        """As `Applying.writer`."""
        return self._applying.writer

    def apply(self, operations: list[Any], _: RequestId | None) -> Outcome:
        """Append a request, wait for its outcome, and return or raise that.

        A request that would be refused is not appended: its caller tries again later.
        """
        if self._progress.full is not None:
            raise self._progress.full
        plan_of(self.writer, operations)
        self._number += 1
        request = Request(self.client, (-1, self._number))
        frame = [protocol.VERSION, self.client, -1, self._number, False, operations]
        self._under_way.append(request, protocol.pack(frame))
        deadline = time.monotonic() + CLEAR_S
        while request.outcome is None:
            if time.monotonic() > deadline or not self._log.is_up:
                self._under_way.forget(request)
                raise DaemonUnavailable(f"the log {self._log.address} does not answer")
            wait(self._log)
            self._take()
        if isinstance(request.outcome, TigerError):
            raise request.outcome
        return request.outcome
