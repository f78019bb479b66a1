"""Starting a daemon: only one of several processes does it, within a time limit.

The process that starts a daemon holds the lock on `start.lock` meanwhile. So if many processes find
no daemon, one starts it and the others wait.

The daemon is a grandchild in its own session. It is told through its stdin to give up, and reports
through its stdout that it is ready, or why not. It gets no signals, because its process id might
belong to another process by then.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from tiger import errors
from tiger.errors import DaemonUnavailable, InstanceError, TigerError, TimedOut
from tiger.place import instance, owners, private
from tiger.shortage import use_error
from tiger.system import fcntl, os, select, subprocess, time

START_S = 20.0
"""How long a daemon may take to be ready; it may have to recover an instance first."""
GIVE_UP = b"\x18"
"""Is written to the stdin of a daemon that nobody waits for any more."""
REAP_S = 1.0
"""How long to wait for the launched process to end, once its daemon is ready."""
REASON_BYTES = 4096
"""How much of the end of a log is searched for the reason of a failure."""

_left: list[subprocess.Popen[bytes]] = []
"""Launched processes that were still running at the last look."""


class NotReady(DaemonUnavailable, TimedOut):
    """A daemon that is being started is not ready in time; it may be ready later."""


def start(directory: Path, options: tuple[str, ...] = (), wait_s: float = START_S) -> bool:
    """Start a daemon within `wait_s` seconds if none runs; return whether this call started it.

    Raises the error with which the daemon failed to start, and `NotReady` if it takes longer.
    """
    deadline = time.monotonic() + wait_s
    with ExitStack() as closing:
        folder = _open(directory)
        closing.callback(os.close, folder)
        starting = private.open_file(folder, directory / "start.lock", os.O_RDWR)
        closing.callback(os.close, starting)
        _take_turn(starting, directory, deadline)
        if instance.is_running(directory):
            return False
        try:
            answer = _launch(directory, folder, options, deadline)
        except InstanceError:
            if instance.is_running(directory):
                return False  # somebody ran `tigerd serve` meanwhile
            raise
        if answer is None:
            raise NotReady(
                f"the daemon is not ready after {wait_s:g} s; see {directory / instance.LOG_NAME}"
            )
        return True


def _open(directory: Path) -> int:
    """Return a descriptor of the directory; make it, unless it belonged to a run that has ended."""
    if not directory.name.startswith(instance.PASSING):
        return instance.open_or_make(directory)
    owner = owners.owner_by_run(directory)
    if owner is not None:
        folder = instance.open_or_make(directory)
        owners.write_owner(directory, owner)
        return folder
    if instance.exists(directory):
        return instance.open_directory(directory)  # only its run makes it
    raise DaemonUnavailable(f"the run that {directory} belonged to has ended", directory=directory)


def _take_turn(descriptor: int, directory: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise NotReady(
                    f"somebody else is starting a daemon at {directory} and does not finish; see "
                    f"{directory / instance.LOG_NAME}"
                ) from None
            time.sleep(0.005)
        except OSError as error:
            raise use_error(directory / "start.lock", error) from None
        else:
            return


def _launch(
    directory: Path, folder: int, options: tuple[str, ...], deadline: float
) -> dict[str, Any] | None:
    """Run `tigerd serve`; return its report when it is ready, or None if it is late."""
    _forget_ended()
    command = [_interpreter(), "-m", "tigerd", "serve", "--detach", "--dir", str(directory)]
    with ExitStack() as closing:
        log = private.open_file(folder, directory / instance.LOG_NAME, os.O_RDWR | os.O_APPEND)
        closing.callback(os.close, log)
        said_before = os.fstat(log).st_size
        try:
            process, told = _run([*command, *options], log, closing)
        except OSError as error:
            why = error.strerror or error
            raise DaemonUnavailable(
                f"cannot run {command[0]} for a daemon: {why}", directory=directory
            ) from None
        answer = _read_answer(told, deadline)
        if answer is not None:
            _wait_for(process)
            if not answer.get("ready"):
                raise _start_error(answer, directory, _end_of(log, said_before))
        return answer


def _forget_ended() -> None:
    """Reap the launched processes that have ended."""
    for process in list(_left):
        if process.poll() is not None:
            with suppress(ValueError):  # another thread was faster
                _left.remove(process)


def _run(command: list[str], log: int, closing: ExitStack) -> tuple[subprocess.Popen[bytes], int]:
    """Run a command; return its process, and the descriptor from which to read its report.

    If `closing` is left by an error, such as Ctrl-C, the command is told to give up.
    """
    hears, says = os.pipe()
    closing.callback(os.close, hears)  # after the other end: else a write gets SIGPIPE
    closing.callback(os.close, says)
    closing.push(_giving_up(says))
    told, tells = os.pipe()
    closing.callback(os.close, told)
    try:
        process = subprocess.Popen(
            command,
            stdin=hears,
            stdout=tells,
            stderr=log,
            cwd="/",  # a daemon keeps no directory of its caller's in use
            env={**os.environ, "PYTHONPATH": os.pathsep.join(_path())},
            start_new_session=True,
        )
    finally:
        os.close(tells)  # so that the pipe ends when the daemon does
    _left.append(process)
    return process, told


def _giving_up(says: int) -> Callable[..., None]:
    """Return a callback for an `ExitStack`, which gives up if the stack is left by an error."""

    def leave(kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            os.write(says, GIVE_UP)

    return leave


def _read_answer(descriptor: int, deadline: float) -> dict[str, Any] | None:
    """Return a daemon's report; {} if it ends without one, and None at the deadline."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    data = b""
    while True:
        if not poll.poll(1000 * max(0.0, deadline - time.monotonic())):
            return None
        more = os.read(descriptor, 65536)
        data += more
        for line in data.splitlines(keepends=True):
            if line.startswith(b'{"ready"') and line.endswith(b"\n"):  # others are the program's
                answer: dict[str, Any] = json.loads(line)
                return answer
        if not more:
            return {}


def _start_error(answer: dict[str, Any], directory: Path, said: bytes) -> TigerError:
    """Return why a daemon did not start: its report, or else the last line of its log."""
    kind = getattr(errors, str(answer.get("error")), None)
    if isinstance(kind, type) and issubclass(kind, TigerError):
        return kind(str(answer.get("message")))
    lines = said.decode(errors="replace").split("\n")
    reason = next((line.strip() for line in reversed(lines) if line.strip()), "it gave no reason")
    return DaemonUnavailable(
        f"the daemon did not start: {reason:.300}; see {directory / instance.LOG_NAME}",
        directory=directory,
    )


def _end_of(log: int, start: int) -> bytes:
    """Return the end of the part of a log that begins at a place."""
    size = os.fstat(log).st_size
    return os.pread(log, REASON_BYTES, max(start, size - REASON_BYTES))


def _wait_for(process: subprocess.Popen[bytes]) -> None:
    """Wait briefly for a launched process, which ends when its daemon has reported."""
    deadline = time.monotonic() + REAP_S
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)


# --- The Python of a daemon, and its import path --------------------------------------------------


def _interpreter() -> str:
    """Return the path of this Python; a program that embeds Python does not count as one."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if os.path.basename(sys.executable or "").lower().startswith(("python", "pypy")):
        return sys.executable
    for prefix in (sys.exec_prefix, sys.base_exec_prefix):
        path = os.path.join(prefix, "bin", name)
        if os.access(path, os.X_OK):
            return path
    found = shutil.which(name)
    if found is None:
        raise DaemonUnavailable(
            f"no {name} was found to run a daemon with, and {sys.executable!r} is not a Python: "
            f"run `tigerd start` before"
        )
    return found


def _path() -> list[str]:
    """Return the import path of this process, so that the daemon finds the same `tigerd`.

    The standard library comes first, because a test's folder may have modules of the same names.
    The current directory comes last, because it may have a folder of any name.
    """
    library = os.path.dirname(shutil.__file__)
    of_python = (library, os.path.join(library, "lib-dynload"))
    entries = [entry for entry in sys.path if isinstance(entry, str) and os.pathsep not in entry]
    entries.sort(key=lambda entry: 0 if entry in of_python else 2 if not entry else 1)
    try:
        return [os.path.abspath(entry) for entry in entries]
    except FileNotFoundError:  # the current directory was removed
        return [entry for entry in entries if os.path.isabs(entry)]
