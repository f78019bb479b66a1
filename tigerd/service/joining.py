"""Joining a log when a daemon starts: checking the instance and the terms, and catching up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tiger.errors import DaemonUnavailable, InstanceError, InvalidRequest
from tiger.format import layout
from tiger.system import time
from tigerd.engine.segments import WritableSegment
from tigerd.engine.writer import Writer
from tigerd.log.log import Log, Position, Terms, wait
from tigerd.log.nats import NatsLog
from tigerd.service.followed import Followed, remember
from tigerd.service.replica import Progress

JOIN_S = 5.0
"""How long a starting daemon tries to reach the log, which may be starting too."""


class Joining:
    """One daemon's joining of the log that its instance follows."""

    def __init__(self, directory: Path, followed: Followed, max_record: int | None) -> None:
        """Prepare; `max_record` was asked for when the daemon was started."""
        self._directory = directory
        self._followed = followed
        self._max_record = max_record
        self.has_terms = self.is_over = False

    def new_log(self, name: str, position: Callable[[], Position], writer: Writer) -> Log:
        """Return the log; `InstanceError` if the instance has commits from elsewhere."""
        epoch = self._followed.epoch
        if writer.commit and not (epoch and position().sequence):
            raise InstanceError(
                f"the instance at {self._directory} has records that are not of the log "
                f"{self._followed.address}: use an empty directory, and move the records with "
                f"`tigerd dump` and `tigerd load`"
            )
        terms = Terms.of_this(self._max_record or writer.max_record)
        return NatsLog(self._followed.address, name, epoch, position, terms)

    def adopt_terms(self, log: Log, control: WritableSegment, writer: Writer) -> None:
        """Remember which log is followed, and store the terms that all of its hosts share."""
        assert log.terms is not None
        limit = log.terms.max_record
        if self._max_record not in (None, limit):
            raise InvalidRequest(
                f"--max-record is {self._max_record}, and on all hosts of the log "
                f"{log.address} it is {limit}: leave it out"
            )
        control.store(layout.MAX_RECORD, limit)
        writer.max_record = limit
        remember(self._directory, self._followed._replace(epoch=log.epoch))
        self.has_terms = True

    def catch_up(self, log: Log, progress: Progress, turn: Callable[[], None]) -> None:
        """Have all entries of the log applied; `turn` applies those that came, and beats.

        `DaemonUnavailable` if the log is not reached within `JOIN_S`, `StoreFull` if this host has
        no room.
        """
        deadline = time.monotonic() + JOIN_S
        while not (log.is_up and progress.position.sequence >= log.last):
            turn()
            if progress.full is not None:
                raise progress.full
            if not log.is_up and time.monotonic() > deadline:
                raise DaemonUnavailable(
                    f"the log {log.address} was not reached within {JOIN_S:g} s "
                    f"({log.trouble}): nothing was changed; check the engine, or start "
                    f"one with `tigerd log serve`"
                )
            wait(log)
        self.is_over = True
