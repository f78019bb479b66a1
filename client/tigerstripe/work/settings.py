"""The records that an account keeps for itself: its state, its fees, the server of its pages.

Every request reads the state first, so it is one record: the clock, and the faults that wait. A
fork inherits it, and a savepoint restores it. The first commit of an account creates it, because a
record that exists is found faster than one that does not.
"""

from __future__ import annotations

from collections.abc import Callable

from tiger import AlreadyExists, Conflict, NotFound
from tigerstripe.records import Record
from tigerstripe.work.scope import Scope

TABLE = "account_settings"
STATE = "state"
FRESH: Record = {"id": STATE, "faults": [], "frozen_at": None, "offset_s": 0}
"""The state of a new account: its clock shows real time, and no fault waits."""


def state(scope: Scope) -> Record:
    """Return an account's state."""
    found = scope.own(TABLE).get(STATE, None)
    scope.platform.has_state = found is not None
    return FRESH if found is None else found


def change_state(scope: Scope, change: Callable[[Record], Record]) -> None:
    """Write the fields that `change` returns; it is called again if another process was faster."""
    while True:
        there, version = read(scope, STATE)
        old = FRESH if there is None else there
        new = {**old, **change(old)}
        if new == old or replaced(scope, new, version):
            return


def read(scope: Scope, id: str) -> tuple[Record | None, int | None]:
    """Return a record and its version, or None and None."""
    try:
        return scope.own(TABLE).read_version(id)
    except NotFound:
        return None, None


def replaced(scope: Scope, record: Record, version: int | None) -> bool:
    """Write a record; False if another process has written it since it was read."""
    table = scope.own(TABLE)
    try:
        if version is None:
            table.create(record)
        else:
            table.update(record, version)
    except (AlreadyExists, Conflict, NotFound):
        return False
    return True
