"""Stopping a daemon: asking it, waiting for its end, and a signal if asking fails."""

from __future__ import annotations

import signal
import sys
from contextlib import closing, suppress
from pathlib import Path

from tiger.errors import DaemonUnavailable, Damaged, OutcomeUnknown
from tiger.format import layout
from tiger.format.protocol import STOP
from tiger.place import instance, owners
from tiger.reading.reader import Reader
from tiger.system import os, socket, time
from tiger.wire.connection import Connection, Options

ASK_S = 1.0
"""How long to wait for an answer before looking again whether the daemon can hear at all."""
POLL_S = 0.01
END_S = 0.5
"""How long the process may take to end once it has released its instance."""


class NotAnswering(OutcomeUnknown):
    """A daemon holds its instance and does not stop."""


def stop_daemon(directory: Path, timeout_s: float) -> bool:
    """Stop the daemon; return whether there was one. `NotAnswering` if it is there still."""
    instance.check_directory(directory)
    if not instance.is_running(directory):
        _check_layout(directory)
        return False
    deadline = time.monotonic() + timeout_s
    known = pid_of(directory)
    is_told = False
    while instance.is_running(directory):
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise _not_answering(directory, timeout_s)
        if is_told:
            pass
        elif _is_deaf(directory):
            is_told = signal_daemon(directory, signal.SIGTERM)
        else:
            is_told = _ask(directory, min(left_s, ASK_S))
        time.sleep(POLL_S)
    _wait_for_end(known)
    return True


def _check_layout(directory: Path) -> None:
    """Raise `LayoutMismatch` if a daemon of another version may run, which holds another lock."""
    with suppress(DaemonUnavailable, Damaged):
        Reader(directory).close()


def _ask(directory: Path, timeout_s: float) -> bool:
    """Have the daemon stop itself; return whether it answered."""
    try:
        reader = Reader(directory)
    except (DaemonUnavailable, Damaged):
        return False  # it has only just begun, or will see that the segment is not its own
    connection = Connection(reader, Options(autostart=False, timeout_s=timeout_s))
    try:
        connection.ask(STOP, revive=False)
    except DaemonUnavailable:
        return False
    else:
        return True
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


def signal_daemon(directory: Path, number: signal.Signals) -> bool:
    """Send a signal to the daemon, if it is sure which process that is; return whether it was."""
    pid = pid_of(directory)
    if pid is not None:
        with suppress(ProcessLookupError):
            _send(directory, pid, number)
    return pid is not None


def _send(directory: Path, pid: int, number: signal.Signals) -> None:
    """Send a signal to that process of this number, and to no later one."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):  # macOS; an old kernel, a container that forbids it
        os.kill(pid, number)
        return
    try:
        if pid_of(directory) == pid:
            signal.pidfd_send_signal(process, number)
    finally:
        os.close(process)


def pid_of(directory: Path) -> int | None:
    """Return the pid of the daemon that holds the instance, if that is sure.

    On Linux the kernel says which process holds the lock; elsewhere the control segment may name
    an earlier daemon, whose number another process has by now. Either has to look like a daemon.
    """
    pid = _holder(directory) if sys.platform == "linux" else _told_pid(directory)
    return pid if pid and _is_daemon(_command_line(pid)) else None


def _holder(directory: Path) -> int | None:
    """Return the process that has locked the directory for itself alone."""
    with suppress(OSError):
        status = os.stat(directory)
        major, minor = os.major(status.st_dev), os.minor(status.st_dev)
        place = f"{major:02x}:{minor:02x}:{status.st_ino}"
        for line in Path("/proc/locks").read_text().splitlines():
            match line.split():  # 1: FLOCK ADVISORY WRITE 4711 00:1a:5 0 EOF
                case [_, "FLOCK", _, "WRITE", pid, where, *_] if where == place:
                    return int(pid)
    return None


def _told_pid(directory: Path) -> int | None:
    try:
        reader = Reader(directory)
    except DaemonUnavailable:
        return None
    pid = reader.words[layout.PID]
    reader.close()
    return pid


def _is_daemon(command: bytes) -> bool:
    words = command.replace(b"\0", b" ").split()
    return b"serve" in words and any(os.path.basename(word) == b"tigerd" for word in words)


def _command_line(pid: int) -> bytes:
    """Return the command line of a process; empty if it has ended."""
    if sys.platform == "linux":
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes()
        return b""
    return (owners.ask_ps("command=", pid) or "").encode()


def _wait_for_end(pid: int | None) -> None:
    """Wait briefly until a process has ended: it releases its instance just before that."""
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
