"""Stopping a daemon: asking it, waiting until it is gone, and what to do where asking fails."""

from __future__ import annotations

import signal
from contextlib import closing, suppress
from pathlib import Path

from tiger import instance, layout
from tiger.connection import Connection
from tiger.errors import DaemonUnavailable, OutcomeUnknown
from tiger.protocol import STOP
from tiger.reader import Reader
from tiger.system import os, socket, subprocess, time

ASK_S = 1.0
"""How long to wait for an answer before looking again whether the daemon can hear at all."""
POLL_S = 0.01
END_S = 0.5
"""How long the process may take to end once it has let go of its instance."""


class NotAnswering(OutcomeUnknown):
    """A daemon that holds its instance and does not let go of it."""


def stop_daemon(directory: Path, timeout_s: float) -> bool:
    """Stop the daemon; return whether there was one. `NotAnswering` if it is there still."""
    instance.check_directory(directory)
    if not instance.is_running(directory):
        return False
    deadline = time.monotonic() + timeout_s
    known = pid_of(directory)
    told = None
    while instance.is_running(directory):
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise _not_answering(directory, timeout_s)
        if told is None:
            deaf = _is_deaf(directory)
            told = _terminate(directory) if deaf else _ask(directory, min(left_s, ASK_S))
        time.sleep(POLL_S)
    _wait_for_end(told or known)
    return True


def _ask(directory: Path, timeout_s: float) -> int | None:
    """Have the daemon stop itself; return its pid, or None if it did not answer."""
    try:
        reader = Reader(directory)
    except DaemonUnavailable:
        return None  # it has only just begun
    connection = Connection(reader, autostart=False, timeout_s=timeout_s)
    try:
        return int(connection.ask(STOP, revive=False))
    except DaemonUnavailable:
        return None
    finally:
        connection.close()
        reader.close()


def _is_deaf(directory: Path) -> bool:
    """Tell whether no question can reach the daemon, since its socket is gone."""
    if not instance.socket_path(directory).exists():
        return True
    with closing(socket.socket(socket.AF_UNIX)) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(instance.socket_path(directory)))
        except (FileNotFoundError, ConnectionRefusedError):
            return True
        except OSError:
            return False
    return False


def _terminate(directory: Path) -> int | None:
    """Send SIGTERM to the daemon, if it is sure which process that is."""
    pid = pid_of(directory)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
    return pid


def pid_of(directory: Path) -> int | None:
    """Return the pid of the daemon that holds the instance, if a process of that name has it.

    A daemon that is still recovering has not written its own: the pid found may be another's by
    now, so its command line has to say that it is a daemon.
    """
    try:
        reader = Reader(directory)
    except DaemonUnavailable:
        return None
    pid = reader.words[layout.PID]
    reader.close()
    return pid if pid and b"tigerd" in _command_line(pid) else None


def _command_line(pid: int) -> bytes:
    """Return what a process was started with; nothing if it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    if Path("/proc/self").exists():
        return b""
    command = ["ps", "-o", "command=", "-p", str(pid)]  # macOS
    return subprocess.run(command, capture_output=True, check=False).stdout


def _wait_for_end(pid: int | None) -> None:
    """Wait a little until a process has ended: it lets go of its instance just before that."""
    deadline = time.monotonic() + END_S
    while pid is not None and time.monotonic() < deadline and _command_line(pid):
        time.sleep(POLL_S)


def _not_answering(directory: Path, timeout_s: float) -> NotAnswering:
    pid = pid_of(directory)
    remedy = "see `tigerd status`"
    if pid is not None:
        remedy = f"continue it with `kill -CONT {pid}`, or end it with `kill -KILL {pid}`"
    return NotAnswering(
        f"the daemon at {directory} has not stopped within {timeout_s:g} s: it is busy, or was "
        f"itself stopped by a signal; {remedy}"
    )
