"""Where an instance lives, and whether its daemon is alive.

The directory is looked for in this order: argument, `TIGERD_DIR`, `$XDG_RUNTIME_DIR/tigerd`,
`/run/user/<uid>/tigerd`, `/tmp/tigerd-<uid>`. It is its user's own (tiger.place.private).

A daemon holds a lock (flock) on the directory itself, which nobody can take away under it as a file
in it can be; "dead" means that nobody does.
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
"""The name of a directory begins with this that goes with a process (tiger.place.owners)."""


# --- Where ----------------------------------------------------------------------------------------


def find_directory(directory: str | os.PathLike[str] | None = None) -> Path:
    """Return the instance's directory by the order of precedence; it need not be there.

    `InvalidRequest` for what cannot be a path.
    """
    if directory is not None:
        return _absolute(directory)
    named = os.environ.get("TIGERD_DIR", "").rstrip("\r\n")  # an .env file's lines may end so
    if named:
        return _absolute(named)
    user = os.geteuid()
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    for place in (runtime, f"/run/user/{user}"):
        # A relative one is to be ignored, says its specification. In one of another user, as sudo
        # leaves it to root, a directory of this user's would be in the way of its owner's.
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
    """Tell whether there is anything at that path; `InstanceError` if that cannot be told."""
    try:
        os.lstat(directory)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise use_error(directory, error) from None
    return True


def no_instance_error(directory: Path) -> DaemonUnavailable:
    """Return the error for a directory that is not there, or in which no daemon ever ran."""
    return DaemonUnavailable(
        f"there is no instance at {directory}: start one with `tigerd start "
        f"{as_option(directory)}`",
        directory=directory,
    )


def as_option(directory: Path) -> str:
    """Return what names the directory to a command of `tigerd`, as one types it in a shell."""
    return f"--dir {shlex.quote(str(directory))}"


def socket_path(directory: Path) -> Path:
    """Return where the daemon's socket is."""
    return directory / "socket"


def endpoint(directory: Path) -> str:
    """Return the ZeroMQ address of the daemon's socket."""
    return f"ipc://{os.fsencode(socket_path(directory)).decode('utf-8')}"


def open_directory(directory: Path) -> int:
    """Return a descriptor of the directory, which is this user's own and closed to all others.

    Raises `InstanceError` if it is not, `DaemonUnavailable` if there is none.
    """
    _check_length(directory)
    try:
        return private.open_directory(directory)
    except FileNotFoundError:
        raise no_instance_error(directory) from None


def check_directory(directory: Path) -> None:
    """Raise what `open_directory` raises."""
    os.close(open_directory(directory))


def make_directory(directory: Path) -> None:
    """Make the directory if it is not there; `InstanceError` if it cannot be an instance's."""
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


# --- Is it alive ----------------------------------------------------------------------------------


def is_running(directory: Path) -> bool:
    """Tell whether a daemon holds the instance; it may be busy or stopped."""
    try:
        return is_locked(directory)
    except OSError as error:
        raise use_error(directory, error) from None
