"""One store in shared memory, read by every process without locks, written through one daemon.

import tiger

with tiger.connect() as store:
    store.coupons.insert({"id": "summer", "percent_off": 20, "valid": True})
    store.coupons.get("summer")
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from tiger.__about__ import __version__
from tiger.batch import Batch
from tiger.errors import (
    AlreadyExists,
    Conflict,
    DaemonUnavailable,
    Damaged,
    InstanceError,
    InvalidCursor,
    InvalidRecord,
    InvalidRequest,
    LayoutMismatch,
    NotFound,
    OutcomeUnknown,
    Sealed,
    StoreFull,
    TigerError,
    TimedOut,
    UnknownTable,
)
from tiger.reading.changes import Change, Changes, Commit
from tiger.reading.differences import Difference, Differences
from tiger.reading.marks import Mark
from tiger.reading.page import Page
from tiger.snapshot import Snapshot
from tiger.store import Store, connect
from tiger.table import Table

if TYPE_CHECKING:
    from tiger import aio

__all__ = [
    "AlreadyExists",
    "Batch",
    "Change",
    "Changes",
    "Commit",
    "Conflict",
    "DaemonUnavailable",
    "Damaged",
    "Difference",
    "Differences",
    "InstanceError",
    "InvalidCursor",
    "InvalidRecord",
    "InvalidRequest",
    "LayoutMismatch",
    "Mark",
    "NotFound",
    "OutcomeUnknown",
    "Page",
    "Sealed",
    "Snapshot",
    "Store",
    "StoreFull",
    "Table",
    "TigerError",
    "TimedOut",
    "UnknownTable",
    "__version__",
    "aio",
    "connect",
]


def __getattr__(name: str) -> ModuleType:
    """Load `tiger.aio`, and with it asyncio, when it is first used."""
    if name == "aio":
        return importlib.import_module("tiger.aio")
    raise AttributeError(f"module 'tiger' has no attribute {name!r}")
