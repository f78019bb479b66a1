"""Detaching a daemon from the process that was launched for it.

    the process that needs a daemon (tiger.place.launch)  ->  the process launched  ->  the daemon

The process in the middle waits until the daemon has reported how its start went, and then ends. If
the daemon ends without a report, for example because the kernel kills it when memory is short, this
process reports that.
"""

from __future__ import annotations

import json
import signal
import sys
from contextlib import suppress
from typing import Any, NoReturn

from tiger.place.launch import GIVE_UP
from tiger.system import os, threading


def detach() -> int:
    """Continue without a parent; return the argument for `leave`, to be called before reporting."""
    waits, told = os.pipe()
    daemon = os.fork()
    if daemon:
        os.close(told)
        _see_off(daemon, waits)
    os.close(waits)
    threading.Thread(target=_heed, name="tigerd-launcher", daemon=True).start()
    return told


def leave(told: int) -> None:
    """Let the process that was launched end."""
    with suppress(OSError):
        os.write(told, b".")
    os.close(told)


def _see_off(daemon: int, waits: int) -> NoReturn:
    """Wait until the daemon has reported; if it ends first, report the signal that ended it."""
    if not os.read(waits, 1):
        _, status = os.waitpid(daemon, 0)
        if os.WIFSIGNALED(status):
            _tell_killed(os.WTERMSIG(status))
    os._exit(0)


def _tell_killed(number: int) -> None:
    message = f"the daemon was ended by {signal.Signals(number).name} before it was ready"
    if number == signal.SIGKILL:
        message += (
            ", as the kernel does when memory is short: check the memory limit of the container "
            "or service, and `dmesg`"
        )
    with suppress(OSError):
        sys.stdout.write(json.dumps(refusal("DaemonUnavailable", message)) + "\n")
        sys.stdout.flush()


def refusal(error: str, message: str) -> dict[str, Any]:
    """Return the report of a daemon that cannot start: the class of the error, and its message."""
    return {"ready": False, "error": error, "message": message}


def _heed() -> None:
    """End if the launching process has given up on this daemon, until it is told of the start."""
    with suppress(OSError):
        if os.read(0, 1) == GIVE_UP:
            os.kill(os.getpid(), signal.SIGTERM)
