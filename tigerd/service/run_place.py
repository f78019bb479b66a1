"""Choosing the directory of a run's instance. Nothing is made yet.

pytest loads this in every run, so it imports next to nothing, not even `tiger`.
"""

from __future__ import annotations

import os

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - the directories made in it are private

PREFIX = "tigerd-run-"
"""The name of such a directory begins with this; clients know it as `place.instance.PASSING`."""


def place_of(token: str) -> str:
    """Return the directory of the run with this token."""
    return os.path.join(parent(), f"{PREFIX}{os.geteuid()}-{token}")


def parent() -> str:
    """Return shared memory, if directories can be made there."""
    if can_write(SHARED_MEMORY):
        return SHARED_MEMORY
    import tempfile  # noqa: PLC0415 - a daemon does without

    return tempfile.gettempdir()


def can_write(directory: str) -> bool:
    """Tell whether files can be made there, by making one that never has a name.

    The mode of a directory is not enough, because some sandboxes forbid more.
    """
    if not hasattr(os, "O_TMPFILE"):
        return os.access(directory, os.W_OK | os.X_OK)
    try:
        os.close(os.open(directory, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except OSError:
        return False
    return True
