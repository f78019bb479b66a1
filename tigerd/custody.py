"""A daemon's custody of its instance: the lock, the process it belongs to, the files that show it.

It ends when that process ends, or when the instance is removed, be another in its place or not.
"""

from __future__ import annotations

import logging
from pathlib import Path

from tiger import instance, owners
from tiger.errors import TigerError
from tiger.memory import WritableSegment
from tiger.system import os
from tigerd import passing

log = logging.getLogger("tigerd")


class Custody:
    """What a daemon has for as long as it serves, and what it looks after meanwhile."""

    def __init__(self, directory: Path, lock: int, control: WritableSegment) -> None:
        """Hold the instance, whose lock is taken and whose control segment is mapped."""
        self._directory = directory
        self._lock = lock
        self._control = control
        self._owner = owners.owner_of(directory)
        self._is_orphan = False

    def is_over(self) -> bool:
        """Tell whether there is nobody left to serve, and log why."""
        if self._owner is not None and self._owner.process.has_ended():
            log.info("process %d, whose instance this is, has ended", self._owner.process.pid)
            self._is_orphan = True
            return True
        if not self._is_found():
            log.warning("the instance at %s was removed: stopping", self._directory)
            return True
        return False

    def _is_found(self) -> bool:
        """Tell whether the control segment of this daemon is the one that clients find."""
        try:
            return os.path.samestat(os.stat(self._control.path), self._control.status)
        except OSError:
            return False

    def has_socket(self) -> bool:
        """Tell whether clients find the socket; what tidies up may have removed it."""
        return instance.socket_path(self._directory).exists()

    def release(self) -> None:
        """Leave the instance for the next daemon, or remove it if its process has ended."""
        if self._is_found():
            instance.socket_path(self._directory).unlink(missing_ok=True)
        if self._is_orphan and self._owner is not None:
            if self._owner.keep:
                passing.disown(self._directory)
            else:
                self._remove()
        os.close(self._lock)

    def _remove(self) -> None:
        try:
            passing.sweep(self._directory)
        except TigerError as error:
            log.warning("%s", error)
