"""One store in shared memory, read by every process without locks, written through one daemon.

import tiger

with tiger.connect() as store:
    store.coupons.insert({"id": "summer", "percent_off": 20, "valid": True})
    store.coupons.get("summer")
"""

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
    StoreFull,
    TigerError,
    UnknownTable,
)
from tiger.page import Page
from tiger.store import Snapshot, Store, connect
from tiger.table import Table

__all__ = [
    "AlreadyExists",
    "Batch",
    "Conflict",
    "DaemonUnavailable",
    "Damaged",
    "InstanceError",
    "InvalidCursor",
    "InvalidRecord",
    "InvalidRequest",
    "LayoutMismatch",
    "NotFound",
    "OutcomeUnknown",
    "Page",
    "Snapshot",
    "Store",
    "StoreFull",
    "Table",
    "TigerError",
    "UnknownTable",
    "__version__",
    "connect",
]
