"""The command line at a terminal of its own."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys


def at_terminal(
    *arguments: str, typed: str = "", interrupted_at: str | None = None
) -> tuple[int, str]:
    """Run a command at a terminal; return its exit code and what stood there.

    With `interrupted_at`, it gets what Ctrl-C sends when these words stand there.
    """
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tigerd", *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(terminal)
    os.write(controller, typed.encode())
    shown = b""
    try:
        while more := os.read(controller, 65536):
            shown += more
            if interrupted_at is not None and interrupted_at.encode() in shown:
                process.send_signal(signal.SIGINT)
                interrupted_at = None
    except OSError:  # Linux's way to say that the other end was closed
        pass
    os.close(controller)
    return process.wait(timeout=20), shown.decode()
