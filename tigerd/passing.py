"""Instances that pass: they belong to one process, and go when it goes, however it goes.

A test run and `tigerd run` have one each. Its directory has a name of its own kind, and holds a
file that says whose it is; the daemon looks now and then whether that process is still there.
What a power cut left is removed by `tigerd gc`.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

from tiger import instance
from tiger.errors import TigerError
from tiger.owners import KEPT, OWNER, Owner, owner_of, write_owner
from tiger.system import os, time
from tigerd.run_place import parent, place_of
from tigerd.stopping import NotAnswering, pid_of, stop_daemon

PATIENCE_S = 3.0
"""How long a daemon may take to stop whose directory is removed in any case."""

GONE = ".gone"
"""The end of the name under which a directory is removed."""

HALF_MADE_S = 60.0
"""From this age on, a directory without either file is not just being made."""


def path_of(token: str) -> Path:
    """Return where an instance is, by what tells it from others; nothing is made yet."""
    return Path(place_of(token))


def make(path: Path, owner: Owner) -> None:
    """Make the directory of an instance that belongs to a process; again is fine."""
    instance.make_directory(path)
    write_owner(path, owner)


def disown(path: Path) -> None:
    """Let an instance stay, and be nobody's."""
    (path / KEPT).touch(mode=0o600)
    (path / OWNER).unlink(missing_ok=True)


def end(path: Path) -> None:
    """Stop the daemon, by force where it does not listen."""
    try:
        stop_daemon(path, PATIENCE_S)
    except TigerError as error:
        with contextlib.suppress(ProcessLookupError):
            pid = pid_of(path) if instance.is_running(path) else None
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        if not isinstance(error, NotAnswering):
            raise


def remove(path: Path) -> None:
    """Stop the daemon, and remove all there is."""
    try:
        end(path)
    finally:
        sweep(path)


def sweep(path: Path) -> None:
    """Remove a directory and all in it; one that is gone already is fine.

    It loses its name first: a client that found it half removed would start a daemon in it.
    """
    gone = path.with_name(f"{path.name.removesuffix(GONE)}{GONE}")
    with contextlib.suppress(OSError):
        path.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def left_behind() -> Iterator[Path]:
    """Yield the directories whose process is gone, and whose daemon with it."""
    for path in sorted(Path(parent()).glob(f"{instance.PASSING}{os.geteuid()}-*")):
        try:
            instance.check_directory(path)
            if not instance.is_running(path) and _is_abandoned(path):
                yield path
        except (TigerError, OSError):
            continue  # it is going now, or is not ours


def _is_abandoned(path: Path) -> bool:
    if path.name.endswith(GONE):
        return True
    owner = owner_of(path)
    if owner is not None:
        return not owner.keep and not owner.process.is_alive()
    is_kept = (path / KEPT).exists()
    return not is_kept and time.time() - path.stat().st_mtime > HALF_MADE_S
