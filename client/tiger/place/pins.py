"""Pins: how a reader asks that a point in time stay readable, without asking the daemon.

A pin is a file `pins/<commit>.<random>` that its reader holds (tiger.place.holds). The daemon,
before it takes anything away, lists the folder and goes no further than the least commit there; a
pin that nobody holds is removed.
"""

from __future__ import annotations

from pathlib import Path

from tiger.errors import InvalidRequest
from tiger.place.holds import Hold
from tiger.system import secrets

FOLDER = "pins"


class Pin:
    """A commit held against cleaning until `release`, or the end of the process."""

    def __init__(self, directory: Path, commit: int) -> None:
        """Hold everything that ends after `commit`."""
        self._hold = Hold(directory / FOLDER, f"{commit}.{secrets.token_hex(8)}")

    def check(self) -> None:
        """Raise `InvalidRequest` once it was released."""
        if self._hold.is_released:
            raise InvalidRequest("this snapshot has ended: read within its block, or take another")

    def release(self) -> None:
        """Let go; may be repeated."""
        self._hold.release()
