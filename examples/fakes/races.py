"""Reading and writing what other processes write too."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shop.billing import Object
from tiger import AlreadyExists, Conflict
from tiger.table import Table

Result = TypeVar("Result")
ATTEMPTS_MAX = 1000


def read(table: Table, id: str) -> tuple[Object, int]:
    """Return a record and its version, for a write that must not overtake another.

    The version first: if somebody writes in between, it is too old, and the write a `Conflict`.
    """
    version = table.version(id)
    return table.get(id), version


def retried(attempt: Callable[[], Result]) -> Result:
    """Return what an attempt comes to in which no other process was faster."""
    for _ in range(ATTEMPTS_MAX):
        try:
            return attempt()
        except (Conflict, AlreadyExists):
            continue
    return attempt()
