"""What an account keeps for itself, a record each: its clock, its faults, who serves its pages."""

from __future__ import annotations

from typing import Any

from tiger import AlreadyExists, Conflict, NotFound
from tigerstripe.scope import Scope

Record = dict[str, Any]

TABLE = "account_settings"


def read(scope: Scope, id: str) -> tuple[Record | None, int | None]:
    """Return a record and its version; None and None if there is none."""
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
