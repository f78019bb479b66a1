"""Taking an instance: the daemon's lock on its directory, and its control segment.

The lock is on the open directory itself: a file in it could be removed while a daemon holds it.
"""

from __future__ import annotations

from pathlib import Path

from tiger.errors import Damaged, InstanceError
from tiger.format import layout
from tiger.format.record import DEFAULT_MAX_RECORD
from tiger.place.instance import as_option, open_directory, open_or_make
from tiger.shortage import use_error
from tiger.system import fcntl, os, secrets, time
from tigerd.engine.segments import WritableSegment

REPAIRED = "repaired"
"""The folder of a repair that is built and not yet in its place."""
LOCK_S = 1.0
"""How long a daemon tries for its lock: a process that tests it has it for a moment."""


def take_lock(directory: Path, *, make: bool = True) -> int:
    """Take the instance for this process and return the descriptor of its directory, locked.

    The lock is held by the open directory, so the daemon makes no child that would inherit it.
    Without `make` the directory must exist, because its maker may have removed it. Raises
    `InstanceError` if a daemon has it, or if it cannot be locked.
    """
    descriptor = open_or_make(directory) if make else open_directory(directory)
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
        except OSError as error:  # a file system without locks, or no room for one more
            os.close(descriptor)
            raise use_error(directory, error) from None
        else:
            return descriptor


def check_control(directory: Path) -> None:
    """Raise `Damaged` if there are records, and no control segment: a new one would hide them."""
    path = directory / "control"
    if not path.exists() and any(directory.glob("tables/*/chunk.*")):
        raise Damaged(
            f"{path} is missing, but there are records: run `tigerd repair {as_option(directory)}`"
        )


def open_control(directory: Path, max_record: int | None) -> tuple[WritableSegment, bool]:
    """Return the control segment, and whether it was made just now. The caller holds the lock.

    `max_record` is the most bytes of a record from now on; None keeps the instance's own limit.
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
