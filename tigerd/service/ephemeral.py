"""Ephemeral instances: they belong to one process, and are removed when it ends, in whatever way.

A test run and `tigerd run` each have one. Its directory has a special prefix, and a file that names
its owner; the daemon checks regularly whether that process is still running. `tigerd gc` removes
directories that a power cut left behind.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tiger.errors import InstanceError, TigerError
from tiger.place import instance, private
from tiger.place.owners import KEPT, OWNER, Owner, Process, owner_of, write_owner
from tiger.system import os, secrets, time
from tigerd.service.run_place import SHARED_MEMORY, parent, place_of
from tigerd.service.stopping import NotAnswering, signal_daemon, stop_daemon

PATIENCE_S = 3.0
"""How long to wait for a daemon to stop; its directory is removed in any case."""

GONE = ".gone"
"""The end of the name under which a directory is removed."""

HALF_MADE_S = 60.0
"""From this age on, a directory without either file is not just being made."""


def path_of(token: str) -> Path:
    """Return the directory of the instance with this token; nothing is made yet."""
    return Path(place_of(token))


def make(path: Path, owner: Owner) -> None:
    """Make the directory of an instance that belongs to a process; may be repeated."""
    instance.make_directory(path)
    write_owner(path, owner)


def disown(path: Path) -> None:
    """Keep an instance, without an owner."""
    (path / KEPT).touch(mode=0o600)
    (path / OWNER).unlink(missing_ok=True)


def end(path: Path) -> None:
    """Stop the daemon, by force if it does not answer."""
    try:
        stop_daemon(path, PATIENCE_S)
    except TigerError as error:
        if instance.is_running(path):
            signal_daemon(path, signal.SIGKILL)
        if not isinstance(error, NotAnswering):
            raise


def remove(path: Path) -> None:
    """Stop the daemon, and remove the directory; raise the error if either fails."""
    try:
        end(path)
    finally:
        sweep(path)


def sweep(path: Path) -> None:
    """Remove an instance's directory with its contents; do nothing if it does not exist.

    It is renamed first, because a client that found it half removed would start a daemon in it.
    Raises `InstanceError` if it belongs to another user or is not an instance's, or if a part could
    not be removed.
    """
    with contextlib.ExitStack() as closing:
        try:
            folder = private.open_directory(path)
        except FileNotFoundError:
            return
        closing.callback(os.close, folder)
        private.check_content(path, folder)
        gone = path.with_name(f"{path.name}.{secrets.token_hex(4)}{GONE}")
        try:
            path.rename(gone)
            if not os.path.samestat(os.lstat(gone), os.fstat(folder)):
                raise InstanceError(
                    f"{path} was replaced by another directory, which is now {gone} and not removed"
                )
            _remove_tree(gone)
        except FileNotFoundError:  # somebody else removes it
            return
        except OSError as error:
            raise InstanceError(
                f"cannot remove {error.filename or path}: {error.strerror}; remove {path.name}* "
                f"in {path.parent} yourself"
            ) from None


def _remove_tree(path: Path) -> None:
    """Remove as much as possible, and raise the first error."""
    shutil.rmtree(path, ignore_errors=True)
    if os.path.lexists(path):
        shutil.rmtree(path)


@dataclass(frozen=True)
class Left:
    """The directory of an instance that nobody serves, and why it is not to be removed, if so."""

    path: Path
    doubt: str | None = None


def left_behind() -> Iterator[Left]:
    """Yield the directories whose process and daemon are gone, and those where it is not known."""
    for path in sorted(_places()):
        try:
            instance.check_directory(path)
            if not instance.is_running(path) and (found := _judge(path)) is not None:
                yield found
        except (TigerError, OSError):
            continue  # it is going now, or is not ours


def _places() -> Iterator[Path]:
    """Yield every path that may be a run's directory by its name and place."""
    import tempfile  # noqa: PLC0415 - a daemon does without

    for folder in {parent(), SHARED_MEMORY, tempfile.gettempdir()}:
        yield from Path(folder).glob(f"{instance.PASSING}{os.geteuid()}-*")


def _judge(path: Path) -> Left | None:
    """Tell whether a directory was left behind, or why that cannot be told; None if it was not."""
    if path.name.endswith(GONE):
        return Left(path)
    if (path / KEPT).exists():
        return None
    if not os.path.lexists(path / OWNER):
        is_old = time.time() - path.stat().st_mtime > HALF_MADE_S
        return Left(path) if is_old else None
    owner = owner_of(path)
    if owner is None:
        return Left(path, "it is a copy of a run's, or its file `owner` is damaged")
    return None if owner.keep else _judge_process(path, owner.process)


def _judge_process(path: Path, process: Process) -> Left | None:
    if process.has_ended():
        return Left(path)
    if process.is_alive():
        return None
    return Left(path, f"whether process {process.pid} has ended cannot be known from here")
