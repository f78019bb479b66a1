"""Starting a daemon: by one of all that want it, in a bounded time, telling what went wrong.

The process that starts a daemon holds the lock on `start.lock` meanwhile, so that of many that find
none, one starts it and the others wait.

The daemon is a grandchild in a session of its own. What it is told comes through its stdin, and
what it tells through its stdout; nobody sends it a signal, whose number might be another process's.
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
"""How long a daemon may take to be ready; it has to recover what it finds."""
GIVE_UP = b"\x18"
"""What is written to the stdin of a daemon that nobody waits for any more."""
REAP_S = 1.0
"""How long to wait for the end of the process that was launched, once its daemon is ready."""
REASON_BYTES = 4096
"""How much of the end of a log is looked at for what went wrong."""

_left: list[subprocess.Popen[bytes]] = []
"""Processes that were launched, and had not ended when they were last looked at."""


class NotReady(DaemonUnavailable, TimedOut):
    """A daemon that is being started, and is not ready in time; it may be so later."""


def start(directory: Path, options: tuple[str, ...] = (), wait_s: float = START_S) -> bool:
    """See to it that a daemon runs, within `wait_s` seconds; return whether this call started it.

    Raises what kept the daemon from starting, in its own words, and `NotReady` if it takes longer.
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
    """Return a descriptor of the directory, which is made unless it was a run's that has ended."""
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
    """Run `tigerd serve`; return what it tells when it is ready, or None if it is not in time."""
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
    """Take note of the launched processes that have ended since."""
    for process in list(_left):
        if process.poll() is not None:
            with suppress(ValueError):  # another thread was faster
                _left.remove(process)


def _run(command: list[str], log: int, closing: ExitStack) -> tuple[subprocess.Popen[bytes], int]:
    """Run a command, and return it with the descriptor to read at what it tells.

    If `closing` is left by an error, Ctrl-C say, it tells the command that nobody waits any more.
    """
    hears, says = os.pipe()
    closing.callback(os.close, hears)  # not before the other end: a write there would get SIGPIPE
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
        os.close(tells)  # so that what is read ends when the daemon does
    _left.append(process)
    return process, told


def _giving_up(says: int) -> Callable[..., None]:
    """Return what an `ExitStack` calls when it is left: it gives up if that is by an error."""

    def leave(kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            os.write(says, GIVE_UP)

    return leave


def _read_answer(descriptor: int, deadline: float) -> dict[str, Any] | None:
    """Return the JSON that a daemon tells, {} if it ends without a word; None at the deadline."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    data = b""
    while True:
        if not poll.poll(1000 * max(0.0, deadline - time.monotonic())):
            return None
        more = os.read(descriptor, 65536)
        data += more
        for line in data.splitlines(keepends=True):
            if line.startswith(b'{"ready"') and line.endswith(b"\n"):  # others are of the program
                answer: dict[str, Any] = json.loads(line)
                return answer
        if not more:
            return {}


def _start_error(answer: dict[str, Any], directory: Path, said: bytes) -> TigerError:
    """Return why a daemon did not start: what it told, or else the last words in its log."""
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
    """Return the end of what stands in a log from a place on."""
    size = os.fstat(log).st_size
    return os.pread(log, REASON_BYTES, max(start, size - REASON_BYTES))


def _wait_for(process: subprocess.Popen[bytes]) -> None:
    """Wait for a launched process, which ends when its daemon has told; but not for long."""
    deadline = time.monotonic() + REAP_S
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)


# --- With which Python, and what it imports from --------------------------------------------------


def _interpreter() -> str:
    """Return a Python like this one; where another program has it built in, that is not one."""
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
    """Return what this process imports from: a daemon is to be found where `tigerd` is found here.

    The standard library comes first: a test's folder may have a module of the same name as one of
    its modules. The current directory comes last, for it may have a folder of any name.
    """
    library = os.path.dirname(shutil.__file__)
    of_python = (library, os.path.join(library, "lib-dynload"))
    entries = [entry for entry in sys.path if isinstance(entry, str) and os.pathsep not in entry]
    entries.sort(key=lambda entry: 0 if entry in of_python else 2 if not entry else 1)
    try:
        return [os.path.abspath(entry) for entry in entries]
    except FileNotFoundError:  # the current directory was removed
        return [entry for entry in entries if os.path.isabs(entry)]
