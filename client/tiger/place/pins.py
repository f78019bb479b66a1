"""Pins: files with which a reader keeps a commit readable, without asking the daemon.

A pin is a file `pins/<commit>.<random>` that its reader holds (tiger.place.holds). Before the
daemon removes versions, it lists the folder, and removes none that ended after the lowest commit
there. It deletes pins that nobody holds.
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
        """Keep every version that ends after `commit`."""
        self._hold = Hold(directory / FOLDER, f"{commit}.{secrets.token_hex(8)}")

    def check(self) -> None:
        """Raise `InvalidRequest` once it was released."""
        if self._hold.is_released:
            raise InvalidRequest("this snapshot has ended: read within its block, or take another")

    def release(self) -> None:
        """Release it; may be repeated."""
        self._hold.release()
