"""Writing to a stdout that may be closed, full, or read by nobody."""

from __future__ import annotations

import sys
from contextlib import suppress

from tiger.system import os


def open_stdout() -> None:
    """Open /dev/null as stdout where this process was started without one."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - for the process's life


def abandon_stdout() -> None:
    """Let what could not be written vanish, else the interpreter tries again at its end."""
    with suppress(OSError):
        sys.stdout.flush()
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
