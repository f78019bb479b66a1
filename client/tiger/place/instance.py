"""The directory of an instance, and whether its daemon is running.

The directory is looked for in this order: argument, `TIGERD_DIR`, `$XDG_RUNTIME_DIR/tigerd`,
`/run/user/<uid>/tigerd`, `/tmp/tigerd-<uid>`. It belongs to one user and is closed to others
(tiger.place.private).

A daemon holds a lock (flock) on the directory itself, because a file in it could be removed; "dead"
means that nobody holds the lock.
"""

from __future__ import annotations

import shlex
import stat
import sys
from pathlib import Path

from tiger.errors import DaemonUnavailable, InstanceError, InvalidRequest
from tiger.place import private
from tiger.place.holds import is_locked
from tiger.shortage import ANOTHER, use_error
from tiger.system import os

SOCKET_PATH_MAX = 103 if sys.platform == "darwin" else 107  # bytes of sun_path, less its end
LOG_NAME = "daemon.log"
FOLLOWED = "follows"
"""The file that says which log the instance follows, if it follows one."""
PASSING = "tigerd-run-"
"""The prefix of directories that are removed with their process (tiger.place.owners)."""


# --- The directory --------------------------------------------------------------------------------


def find_directory(directory: str | os.PathLike[str] | None = None) -> Path:
    """Return the instance's directory by the order of precedence; it need not exist.

    Raises `InvalidRequest` for a value that cannot be a path.
    """
    if directory is not None:
        return _absolute(directory)
    named = os.environ.get("TIGERD_DIR", "").rstrip("\r\n")  # an .env file's lines may end so
    if named:
        return _absolute(named)
    user = os.geteuid()
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    for place in (runtime, f"/run/user/{user}"):
        # Its specification says to ignore a relative one. If it belongs to another user, as under
        # sudo, a directory made here would block its owner's.
        if os.path.isabs(place) and _is_own(place):
            return _absolute(os.path.join(place, "tigerd"))
    return Path(f"/tmp/tigerd-{user}")  # noqa: S108 - made 0700, and checked


def _absolute(directory: str | bytes | os.PathLike[str]) -> Path:
    try:
        name = os.fsdecode(directory)
    except TypeError:
        raise InvalidRequest(f"directory {directory!r:.80}: use a path") from None
    if not name or "\0" in name:
        raise InvalidRequest(
            f"directory {name!r:.80}: name a directory, or leave it out for the default"
        )
    expanded = os.path.expanduser(name)
    if expanded.startswith("~"):
        raise InvalidRequest(f"directory {name!r:.80}: there is no such user; use the whole path")
    try:
        path = os.path.abspath(expanded)
    except FileNotFoundError:
        raise InvalidRequest(
            f"directory {name!r:.80}: the current directory was removed; use the whole path"
        ) from None
    try:
        os.fsencode(path).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest(
            f"directory {path!a:.200}: its name is not UTF-8, as a socket's path must be; {ANOTHER}"
        ) from None
    return Path(path)


def _is_own(place: str) -> bool:
    try:
        status = os.stat(place)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def exists(directory: Path) -> bool:
    """Tell whether anything exists at that path; `InstanceError` if it cannot be determined."""
    try:
        os.lstat(directory)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise use_error(directory, error) from None
    return True


def no_instance_error(directory: Path) -> DaemonUnavailable:
    """Return the error for a directory that does not exist, or in which no daemon ever ran."""
    return DaemonUnavailable(
        f"there is no instance at {directory}: start one with `tigerd start "
        f"{as_option(directory)}`",
        directory=directory,
    )


def as_option(directory: Path) -> str:
    """Return the option that names the directory in a command of `tigerd`, quoted for a shell."""
    return f"--dir {shlex.quote(str(directory))}"


def socket_path(directory: Path) -> Path:
    """Return where the daemon's socket is."""
    return directory / "socket"


def endpoint(directory: Path) -> str:
    """Return the ZeroMQ address of the daemon's socket."""
    return f"ipc://{os.fsencode(socket_path(directory)).decode('utf-8')}"


def open_directory(directory: Path) -> int:
    """Return a descriptor of the directory, which belongs to this user and is closed to others.

    Raises `InstanceError` if it is not so, and `DaemonUnavailable` if it does not exist.
    """
    _check_length(directory)
    try:
        return private.open_directory(directory)
    except FileNotFoundError:
        raise no_instance_error(directory) from None


def check_directory(directory: Path) -> None:
    """Raise the errors of `open_directory`."""
    os.close(open_directory(directory))


def make_directory(directory: Path) -> None:
    """Make the directory if necessary; `InstanceError` if it cannot hold an instance."""
    os.close(open_or_make(directory))


def open_or_make(directory: Path) -> int:
    """As `make_directory`; return a descriptor of it."""
    _check_length(directory)
    return private.open_or_make(directory)


def _check_length(directory: Path) -> None:
    path = os.fsencode(socket_path(directory))
    if len(path) > SOCKET_PATH_MAX:
        raise InstanceError(
            f"{os.fsdecode(path)} has {len(path)} bytes, a socket's path has at most "
            f"{SOCKET_PATH_MAX}: choose a shorter directory with TIGERD_DIR"
        )


# --- Whether its daemon runs ----------------------------------------------------------------------


def is_running(directory: Path) -> bool:
    """Tell whether a daemon holds the instance; it may be busy, or stopped by a signal."""
    try:
        return is_locked(directory)
    except OSError as error:
        raise use_error(directory, error) from None
