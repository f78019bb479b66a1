"""Where an instance lives, whether its daemon is alive, and how one is started.

The directory is looked for in this order: argument, `TIGERD_DIR`, `$XDG_RUNTIME_DIR/tigerd`,
`/run/user/<uid>/tigerd`, `/tmp/tigerd-<uid>`. It is the caller's own and mode 0700.

"Dead" means that nobody holds the lock on the `lock` file. Whoever starts a daemon holds the lock
on `start.lock` meanwhile, so that of many who find none, one starts it and the others wait.
"""

from __future__ import annotations

import json
import shlex
import signal
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from tiger import errors, layout, leases, owners, pins
from tiger.errors import DaemonUnavailable, Damaged, InstanceError, TigerError, TimedOut
from tiger.holds import is_locked
from tiger.memory import ANOTHER, WritableSegment, make_folder
from tiger.record import DEFAULT_MAX_RECORD
from tiger.system import fcntl, os, secrets, select, subprocess, time

SOCKET_PATH_MAX = 103 if sys.platform == "darwin" else 107  # bytes of sun_path, less its end
LOG_NAME = "daemon.log"
PASSING = "tigerd-run-"
"""The name of a directory begins with this that goes with a process (tiger.owners)."""
REPAIRED = "repaired"
"""The folder of a repair that is built and not yet in its place."""
START_S = 20.0
"""How long a daemon may take to be ready; it has to recover what it finds."""
LOCK_S = 1.0
"""How long a daemon tries for its lock: a look whether it is held may be holding it."""


class NotReady(DaemonUnavailable, TimedOut):
    """A daemon that is being started, and is not ready in time; it may be so later."""


# --- Where ----------------------------------------------------------------------------------------


def find_directory(directory: str | os.PathLike[str] | None = None) -> Path:
    """Return the instance's directory by the order of precedence; it need not be there."""
    if directory is None or directory == "":  # which would be the current directory
        directory = os.environ.get("TIGERD_DIR") or None
    if directory is not None:
        return Path(os.path.abspath(directory))
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.path.isabs(runtime):  # another one is to be ignored, says its specification
        return Path(os.path.abspath(runtime)) / "tigerd"
    user = os.geteuid()
    if os.path.isdir(f"/run/user/{user}"):
        return Path(f"/run/user/{user}/tigerd")
    return Path(f"/tmp/tigerd-{user}")  # noqa: S108 - made 0700, and checked


def check_directory(directory: Path) -> None:
    """Raise `InstanceError` unless it is this user's own directory, closed to all others."""
    _check_length(directory)
    try:
        status = os.lstat(directory)
    except FileNotFoundError:
        raise not_there(directory) from None
    except OSError as error:
        raise _unusable(directory, error) from None
    user = os.geteuid()
    if not stat.S_ISDIR(status.st_mode):
        raise InstanceError(f"{directory} is not a directory: {ANOTHER}")
    if status.st_uid != user:
        raise InstanceError(
            f"{directory} is owned by user {status.st_uid}, you are user {user}: choose a "
            f"directory of your own with TIGERD_DIR"
        )
    if stat.S_IMODE(status.st_mode) != 0o700:
        raise InstanceError(
            f"{directory} has mode {stat.S_IMODE(status.st_mode):04o}, open to others or not fully "
            f"to you: run `chmod 700 {shlex.quote(str(directory))}`"
        )


def exists(directory: Path) -> bool:
    """Tell whether there is anything at that path; `InstanceError` if that cannot be told."""
    try:
        os.lstat(directory)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _unusable(directory, error) from None
    return True


def not_there(directory: Path) -> DaemonUnavailable:
    """Return the error for a directory that is not there, or in which no daemon ever ran."""
    return DaemonUnavailable(
        f"there is no instance at {directory}: start one with `tigerd start {as_option(directory)}`"
    )


def _unusable(path: Path, error: OSError) -> InstanceError:
    return InstanceError(f"cannot use {path}: {error.strerror}; {ANOTHER}")


def as_option(directory: Path) -> str:
    """Return what names the directory to a command of `tigerd`, as one types it in a shell."""
    return f"--dir {shlex.quote(str(directory))}"


def make_directory(directory: Path) -> None:
    """Make the directory if it is not there, and check it."""
    _check_length(directory)
    make_folder(directory)
    check_directory(directory)
    for folder in (pins.FOLDER, leases.FOLDER):
        make_folder(directory / folder)


def _check_length(directory: Path) -> None:
    path = os.fsencode(socket_path(directory))
    if len(path) > SOCKET_PATH_MAX:
        raise InstanceError(
            f"{os.fsdecode(path)} has {len(path)} bytes, a socket's path has at most "
            f"{SOCKET_PATH_MAX}: choose a shorter directory with TIGERD_DIR"
        )


def socket_path(directory: Path) -> Path:
    """Return where the daemon's socket is."""
    return directory / "socket"


def endpoint(directory: Path) -> str:
    """Return the ZeroMQ address of the daemon's socket."""
    return f"ipc://{socket_path(directory)}"


# --- The daemon's side ----------------------------------------------------------------------------


def take_lock(directory: Path, *, make: bool = True) -> int:
    """Take the instance for this process and return the lock's descriptor.

    The lock is held by the open file, so the daemon makes no child that would inherit it. Without
    `make` the directory has to be there: made again, it would be nobody's.
    """
    if make:
        make_directory(directory)
    else:
        check_directory(directory)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(directory / "lock", flags, 0o600)
    deadline = time.monotonic() + LOCK_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise InstanceError(
                    f"a daemon runs at {directory} already: stop it with `tigerd stop "
                    f"{as_option(directory)}`"
                ) from None
            time.sleep(0.01)
        else:
            return descriptor


def check_control(directory: Path) -> None:
    """Raise `Damaged` if there are records, and no control segment: a new one would hide them."""
    path = directory / "control"
    if not path.exists() and any(directory.glob("tables/*/chunk.*")):
        raise Damaged(
            f"{path} is gone, and the records beside it are not: run `tigerd repair "
            f"{as_option(directory)}`"
        )


def open_control(directory: Path, max_record: int | None) -> tuple[WritableSegment, bool]:
    """Return the control segment, and whether it was made now. The caller holds the lock.

    Without a limit of a record, that of the instance stays, or the default begins.
    """
    if (directory / REPAIRED).exists():
        raise Damaged(
            f"a repair of {directory} was interrupted: run `tigerd repair {as_option(directory)}` "
            f"again"
        )
    check_control(directory)
    path = directory / "control"
    if path.exists():
        control = WritableSegment(path, layout.CONTROL)
        if control.words[layout.HEADER_STATE]:
            if max_record is not None:
                control.store(layout.MAX_RECORD, max_record)
            return control, False
        control.close()  # its maker was killed before anybody used it
    name = secrets.randbits(64)
    control = WritableSegment.create(path, layout.CONTROL, layout.CONTROL_SIZE, name)
    control.store(layout.MAX_RECORD, max_record or DEFAULT_MAX_RECORD)
    control.store(layout.HEADER_STATE, 1)  # last: from here on it is an empty instance
    return control, True


# --- Is it alive ----------------------------------------------------------------------------------


def is_running(directory: Path) -> bool:
    """Tell whether a daemon holds the instance, be it busy or stopped."""
    try:
        return is_locked(directory / "lock")
    except OSError as error:
        raise _unusable(directory / "lock", error) from None


# --- Starting one ---------------------------------------------------------------------------------


def start(directory: Path, options: tuple[str, ...] = (), wait_s: float = START_S) -> bool:
    """See to it that a daemon runs; return whether this call started it.

    Raises what kept the daemon from starting, in its own words.
    """
    if not directory.name.startswith(PASSING):
        make_directory(directory)
    elif (owner := owners.owner_by_run(directory)) is not None:
        make_directory(directory)
        owners.write_owner(directory, owner)
    elif directory.exists():
        check_directory(directory)  # only its run makes it
    else:
        raise DaemonUnavailable(f"the run that {directory} belonged to has ended")
    with open(directory / "start.lock", "w") as starting:
        _take_turn(starting.fileno(), directory, time.monotonic() + wait_s)
        if is_running(directory):
            return False
        try:
            _launch(directory, options, wait_s)
        except InstanceError:
            if is_running(directory):
                return False  # somebody ran `tigerd serve` meanwhile
            raise
        return True


def _take_turn(descriptor: int, directory: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise NotReady(
                    f"somebody else is starting a daemon at {directory} and does not finish; see "
                    f"{directory / LOG_NAME}"
                ) from None
            time.sleep(0.005)
        else:
            return


def _launch(directory: Path, options: tuple[str, ...], wait_s: float) -> None:
    """Run `tigerd serve`, which leaves this process's children at once, and wait for READY."""
    command = [sys.executable, "-m", "tigerd", "serve", "--detach", "--dir", str(directory)]
    log = os.open(
        directory / LOG_NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
    )
    try:
        process = subprocess.Popen(
            [*command, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd="/",  # not the caller's: a `tigerd` folder there would be imported
            start_new_session=True,
        )
    finally:
        os.close(log)
    with process:
        assert process.stdout is not None
        try:
            line = _read_line(process.stdout.fileno(), time.monotonic() + wait_s)
        except BaseException:  # Ctrl-C, say: nobody is to wait for this daemon any more
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGTERM)  # the session that it was given
            raise
    _check_ready(line, directory, wait_s)


def _read_line(descriptor: int, deadline: float) -> bytes | None:
    """Return what was written until a line's end or the file's; None at the deadline."""
    data = b""
    while not data.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return None
        more = os.read(descriptor, 65536)
        if not more:
            break
        data += more
    return data


def _check_ready(line: bytes | None, directory: Path, wait_s: float) -> None:
    log = directory / LOG_NAME
    if line is None:
        raise NotReady(f"the daemon is not ready after {wait_s:g} s; see {log}")
    try:
        answer: dict[str, Any] = json.loads(line)
    except ValueError:
        raise DaemonUnavailable(f"the daemon did not start; see {log}") from None
    if not answer.get("ready"):
        kind = getattr(errors, str(answer.get("error")), TigerError)
        raise kind(str(answer.get("message")))
