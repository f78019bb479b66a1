"""A private directory of this user: checked, made, and used through a descriptor.

An instance's directory belongs to its user, is closed to all others, and holds nothing else. This
is checked on a descriptor, not by name, because the name may lead to another directory a moment
later. Files made or opened through the descriptor are in the directory that was checked.
"""

from __future__ import annotations

import shlex
import stat
import sys
from contextlib import suppress
from pathlib import Path

from tiger.errors import InstanceError
from tiger.format import layout
from tiger.place import leases, pins
from tiger.shortage import ANOTHER, making_error, use_error
from tiger.system import os

NAMES = frozenset(
    (
        *("control", "tables", "spare", pins.FOLDER, leases.FOLDER, "repair", "repaired"),
        *("socket", "lock", "start.lock", "daemon.log", "owner", "kept", "follows"),
    )
)
"""The names in an instance's directory, except for unfinished files."""
BEING_MADE = ("new.", "owner.", "follows.")
OVERFLOW_USER = 65534
"""The uid that Linux shows for a user who has none in the process's user namespace."""
OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def own_user() -> int:
    """Return this process's user; `InstanceError` if its uid may stand for several users."""
    user = os.geteuid()
    if user == OVERFLOW_USER and sys.platform == "linux" and not _has_all_users():
        raise InstanceError(
            f"this process has uid {user}, which its user namespace shows for every user without a "
            f"uid there: run it as a user with a uid of its own"
        )
    return user


def _has_all_users() -> bool:
    """Tell whether this is the user namespace of the whole system, or one like it."""
    with suppress(OSError):
        return Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]
    return False


def open_directory(directory: Path) -> int:
    """Return a descriptor of the directory, which belongs to this user and is closed to others.

    Raises `InstanceError` if it is not so, and `FileNotFoundError` if it does not exist.
    """
    user = own_user()
    try:
        descriptor = os.open(directory, OPEN_DIRECTORY)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _opening_error(directory, user, error) from None
    try:
        status = os.fstat(descriptor)
        _check_owner(directory, status, user)
        _check_mode(directory, status, descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _opening_error(directory: Path, user: int, error: OSError) -> InstanceError:
    """Return the error for a directory that could not be opened, with its owner if that helps."""
    with suppress(OSError):
        status = os.lstat(directory)
        if not stat.S_ISDIR(status.st_mode):
            return InstanceError(f"{directory} is not a directory: {ANOTHER}")
        try:
            _check_owner(directory, status, user)
            _check_mode(directory, status, None)
        except InstanceError as refused:
            return refused
    return use_error(directory, error)


def _check_owner(directory: Path, status: os.stat_result, user: int) -> None:
    if status.st_uid != user:
        raise InstanceError(
            f"{directory} is owned by user {status.st_uid}, you are user {user}: choose a "
            f"directory of your own with TIGERD_DIR"
        )


def _check_mode(directory: Path, status: os.stat_result, descriptor: int | None) -> None:
    """Refuse a directory that others may enter or its owner may not; setgid does not matter."""
    if stat.S_IMODE(status.st_mode) & 0o777 == 0o700:
        return
    found = f"{directory} has mode {stat.S_IMODE(status.st_mode):04o}"
    if descriptor is not None and _has_control(descriptor):
        raise InstanceError(
            f"{found}, which opens it to others or closes it to you: run `chmod 700 "
            f"{shlex.quote(str(directory))}`"
        )
    raise InstanceError(
        f"{found}, not 0700, and is not an instance: with --dir or TIGERD_DIR, name a directory "
        f"that does not exist yet, so that it is created with mode 0700"
    )


def open_or_make(directory: Path) -> int:
    """As `open_directory`; make the directory if necessary, and refuse one with other files.

    Raises `StoreFull` if there is no room for it.
    """
    make_folders(directory)
    descriptor = open_directory(directory)
    try:
        check_content(directory, descriptor)
        for name in (pins.FOLDER, leases.FOLDER):
            _make_folder(descriptor, directory / name)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _make_folder(directory: int, path: Path) -> None:
    """Make a folder in a directory that was checked, if it does not exist."""
    try:
        os.mkdir(path.name, 0o700, dir_fd=directory)
    except FileExistsError:
        pass
    except OSError as error:
        raise making_error(path, 4096, error) from None


def make_folders(directory: Path) -> None:
    """Make a private directory, and its parents, if they do not exist."""
    if not os.path.isdir(directory.parent):
        make_folders(directory.parent)
    try:
        os.mkdir(directory, 0o700)
    except FileExistsError:
        return
    except OSError as error:
        raise making_error(directory, 4096, error) from None
    with suppress(OSError):  # then the check gives the reason
        descriptor = os.open(directory, OPEN_DIRECTORY)
        try:
            os.fchmod(descriptor, 0o700)  # whatever the umask took
        finally:
            os.close(descriptor)


def check_content(directory: Path, descriptor: int) -> None:
    """Raise `InstanceError` for a home, and for a directory with other files and no instance."""
    if _has_control(descriptor):
        return
    home = os.path.expanduser("~")
    with suppress(OSError):
        if os.path.samestat(os.fstat(descriptor), os.stat(home)):
            raise InstanceError(
                f"{directory} is your home directory: choose one within it, or leave it out for "
                f"the default"
            )
    try:
        names = os.listdir(descriptor)
    except OSError as error:  # no descriptor is free, say
        raise use_error(directory, error) from None
    for name in names:
        if name not in NAMES and not name.startswith(BEING_MADE):
            raise InstanceError(
                f"{directory} is not an instance and not empty, {name!a} is in it: name an empty "
                f"directory, or one that does not exist yet, with --dir or TIGERD_DIR"
            )


def _has_control(directory: int) -> bool:
    """Tell whether a control segment of any version is in the directory."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open("control", flags, dir_fd=directory)
    except OSError:
        return False
    try:
        magic = os.read(descriptor, layout.WORD)
    except OSError:  # a directory, say
        return False
    finally:
        os.close(descriptor)
    return int.from_bytes(magic, sys.byteorder) == layout.MAGIC


def open_file(directory: int, path: Path, flags: int) -> int:
    """Open a file of a directory that was checked, or make it, and return its descriptor.

    It follows no link, truncates nothing and does not wait. Raises `StoreFull` or `InstanceError`
    if the file cannot be opened.
    """
    flags |= os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path.name, flags, 0o600, dir_fd=directory)
    except OSError as error:
        raise making_error(path, 0, error) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InstanceError(f"{path} is not a file: remove it")
    return descriptor
