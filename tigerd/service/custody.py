"""A daemon's custody of its instance: the lock, the owner, and the files.

The lock is on the directory, so two daemons never have one instance. If files are removed while a
daemon runs, it still has them mapped, so nothing is lost: it writes them again. It gives up a
directory that was removed, and an instance that was replaced by another.

A daemon that takes over gets a number, and stores a random number beside it. With these a reader
checks that the instance that it has mapped is still there (tiger.reading.presence).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from tiger.errors import InstanceError, TigerError
from tiger.format import layout, memory
from tiger.format.memory import is_at
from tiger.place import instance, owners
from tiger.system import os, secrets, time
from tigerd.engine.segments import WritableSegment
from tigerd.service import ephemeral

log = logging.getLogger("tigerd")


class Custody:
    """The instance that a daemon holds for as long as it serves."""

    def __init__(self, directory: Path, lock: int, control: WritableSegment) -> None:
        """Hold the instance, whose directory is locked and whose control segment is mapped.

        Raises `InstanceError` if another directory or segment is at the path; then nothing is
        stored.
        """
        self._directory = directory
        self._lock = lock
        self._control = control
        self._socket: os.stat_result | None = None
        self._lost: list[Path] = []
        self.commit: int = control.words[layout.COMMIT]
        """The last one that this daemon has stored."""
        self._owner = owners.owner_of(directory)
        self._is_orphan = False
        if not (self._has_directory() and is_at(control.path, control.status)):
            raise InstanceError(f"{directory} was replaced while a daemon started: try again")
        self._sign()

    def _sign(self) -> None:
        """Say in the control segment which daemon has the instance now, and since when."""
        control = self._control
        self._number = control.words[layout.DAEMON] + 1 & layout.WORD_MAX
        self._random = secrets.randbits(64)
        control.store(layout.daemon_at(self._number), self._random)
        control.store(layout.PID, os.getpid())
        control.store(layout.STARTED, time.time_ns())
        control.store(layout.WAKES, int(memory.wake is not None))
        memory.fence()
        control.store(layout.DAEMON, self._number)

    # --- Whether it still belongs to this daemon ---

    def is_over(self) -> bool:
        """Tell whether there is nobody left to serve, and log why."""
        if not self._has_directory():
            log.warning("the directory %s was removed or renamed: stopping", self._directory)
        elif self._owner is not None and self._owner.process.has_ended():
            log.info("process %d, whose instance this is, has ended", self._owner.process.pid)
            self._is_orphan = True
        elif not self._is_signed():
            log.warning("another copy of the instance was put into %s: stopping", self._directory)
        else:
            return False
        return True

    def _has_directory(self) -> bool:
        try:
            return is_at(self._directory, os.fstat(self._lock))
        except OSError:  # what cannot be known is not taken for gone
            return True

    def _is_signed(self) -> bool:
        """Tell whether the control segment is this daemon's; one without a name still is."""
        words = self._control.words
        signed = words[layout.DAEMON], words[layout.daemon_at(self._number)], words[layout.COMMIT]
        if signed != (self._number, self._random, self.commit):
            return False
        return self._is_found(self._control) or not self._control.path.exists()

    @staticmethod
    def _is_found(segment: WritableSegment) -> bool:
        try:
            return is_at(segment.path, segment.status)
        except OSError:
            return True

    # --- Files that were removed ---

    def lost(
        self, segments: Iterable[WritableSegment], *, at_once: bool = False
    ) -> list[WritableSegment]:
        """Return the segments that nobody finds any more, if the last look found the same.

        At the first look they may be the beginning of a removal of all there is.
        """
        found = [segment for segment in segments if not self._is_found(segment)]
        before, self._lost = self._lost, [segment.path for segment in found]
        return found if at_once or self._lost == before else []

    def bound(self) -> None:
        """Note the socket that was just bound."""
        self._socket = os.lstat(instance.socket_path(self._directory))

    def has_socket(self) -> bool:
        """Tell whether clients find the socket; a clean-up may have removed it."""
        path = instance.socket_path(self._directory)
        try:
            return self._socket is not None and is_at(path, self._socket)
        except OSError:  # what cannot be known is not taken for gone
            return True

    # --- The end ---

    def release(self) -> None:
        """Leave the instance for the next daemon, or remove it if its process has ended."""
        if self._has_directory() and self._is_signed() and self.has_socket():
            instance.socket_path(self._directory).unlink(missing_ok=True)
        if self._is_orphan and self._owner is not None:
            if self._owner.keep:
                ephemeral.disown(self._directory)
            else:
                self._remove()
        os.close(self._lock)

    def _remove(self) -> None:
        try:
            ephemeral.sweep(self._directory)
        except TigerError as error:
            log.warning("%s", error)
