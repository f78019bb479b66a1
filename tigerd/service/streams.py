"""Writing to a stdout that may be closed, full, or read by nobody."""

from __future__ import annotations

import sys
from contextlib import suppress

from tiger.system import os


def open_stdout() -> None:
    """See to it that there is a stdout, be it one that leads nowhere."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - for the process's life


def abandon_stdout() -> None:
    """Let what could not be written vanish, else the interpreter tries again at its end."""
    with suppress(OSError):
        sys.stdout.flush()
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
