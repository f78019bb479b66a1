"""Idempotency keys: the answer to a request is kept, in the commit that did what it asked.

Of two requests with one key at the same time, only one commits; the other finds the first one's
answer and gives that. Kept for 24 hours of the account's clock, with the parameters. What was
refused before anything was done is not kept.
"""

from __future__ import annotations

import os
from typing import Any

from tigerstripe.errors import Refused
from tigerstripe.scope import Scope
from tigerstripe.work import Work

Record = dict[str, Any]

TABLE = "idempotency_keys"
KEPT_S = 24 * 3600
KEY_MAX = 255

ERROR = "idempotency_error"


def check(key: str) -> None:
    """Raise `Refused` for what cannot be a key."""
    if not 0 < len(key.encode()) <= KEY_MAX or not key.isprintable():
        message = f"Idempotency-Key must be 1 to {KEY_MAX} printable characters long."
        raise Refused(message, type=ERROR)


def kept(scope: Scope, key: str, now: int, method: str, path: str, params: Record) -> Record | None:
    """Return what is kept of a request with this key, or None.

    Raises `Refused` if that was another request.
    """
    record: Record | None = scope.table(TABLE).get(key, None)
    if record is None or record["created"] + KEPT_S <= now:
        return None
    if record["method"] != method or record["path"] != path:
        raise Refused(
            f"Keys for idempotent requests can only be used for the same endpoint they were first "
            f"used for ('{record['path']}' vs '{path}'). Try using a key other than '{key}' if you "
            f"meant to execute a different request.",
            type=ERROR,
        )
    if record["params"] != params:
        raise Refused(
            f"Keys for idempotent requests can only be used with the same parameters they were "
            f"first used with. Try using a key other than '{key}' if you meant to execute a "
            f"different request.",
            type=ERROR,
        )
    return record


def keep(
    work: Work, key: str, method: str, path: str, params: Record, status: int, body: str
) -> None:
    """Let an answer be kept by the commit that it is of."""
    if work.scope.table(TABLE).get(key, None) is not None:
        work.get(TABLE, key)  # it has expired: written over, as it was read
    work.put(TABLE, {
        "id": key,
        "body": body,
        "created": work.now,
        "method": method,
        "params": params,
        "path": path,
        "process": os.getpid(),
        "request": work.request_id,
        "status": status,
    })  # fmt: skip
