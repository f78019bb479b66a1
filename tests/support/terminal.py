"""The command line at a terminal of its own."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
from contextlib import suppress

SILENCE_S = 1.0


def at_terminal(
    *arguments: str, typed: str = "", interrupted_at: str | None = None, columns: int = 100
) -> tuple[int, str]:
    """Run a command at a terminal; return its exit code and what stood there.

    With `interrupted_at`, it gets what Ctrl-C sends when these words stand there, and again where
    that came while Python was about to sleep, and was not noticed.
    """
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tigerd", *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm", "COLUMNS": str(columns)},
    )
    os.close(terminal)
    os.write(controller, typed.encode())
    shown = b""
    is_interrupted = False
    with suppress(OSError):  # Linux's way to say that the other end was closed
        while process.poll() is None or select.select([controller], [], [], 0)[0]:
            is_silent = not select.select([controller], [], [], SILENCE_S)[0]
            shown += b"" if is_silent else os.read(controller, 65536)
            is_due = interrupted_at is not None and interrupted_at.encode() in shown
            if is_due and (is_silent or not is_interrupted):
                process.send_signal(signal.SIGINT)
                is_interrupted = True
    os.close(controller)
    return process.wait(timeout=20), shown.decode()
