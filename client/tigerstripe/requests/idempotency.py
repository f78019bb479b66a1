"""Idempotency: the answer to a request is kept under its key, in the request's own commit.

Of two requests with the same key, at the same time or not, only one commits; the other one returns
the first one's answer. Most keys are new, so a key is looked up only after a plan is refused or a
commit fails. An answer is kept for 24 hours of the account's clock, with the parameters. A request
that was refused before anything was done is not kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tiger.system import os, time
from tigerstripe.errors import Refused
from tigerstripe.work.connected import Place
from tigerstripe.work.log import WROTE as TABLE
from tigerstripe.work.scope import Scope

if TYPE_CHECKING:
    from tigerstripe.work.unit import Work

Record = dict[str, Any]

KEPT_S = 24 * 3600
KEY_MAX = 255

PRUNE_S = 60
PRUNED = 50
"""How many expired records a request removes at most."""

ERROR = "idempotency_error"


def check(key: str) -> None:
    """Raise `Refused` for what cannot be a key."""
    if not 0 < len(key.encode()) <= KEY_MAX or not key.isprintable():
        message = f"Idempotency-Key must be 1 to {KEY_MAX} printable characters long."
        raise Refused(message, type=ERROR)


def find(scope: Scope, key: str) -> Record | None:
    """Return what is kept under a key, though it may have expired; or None."""
    record: Record | None = scope.table(TABLE).get(_id(scope, key), None)
    return record


def _id(scope: Scope, key: str) -> str:
    """Return what a key is kept under: connected accounts have keys of their own."""
    return key if scope.account is None else Place(scope.account, TABLE).key(key)


def is_current(record: Record | None, now: int) -> bool:
    """Tell whether there is an answer to give again."""
    return record is not None and record["created"] + KEPT_S > now


def check_same(record: Record, method: str, path: str, params: Record) -> None:
    """Raise `Refused` if what is kept answered another request than this."""
    key = record["key"]
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


def prune(work: Work) -> None:
    """Remove some of the records that have expired, in the work's own commit.

    A scope looks for them once a minute of the account's clock, and while there are more.
    """
    platform = work.scope.platform
    if work.now < platform.prune_at:
        return
    expired = platform.own(TABLE).list(limit=PRUNED, created={"lte": work.now - KEPT_S})
    for record in expired.data:
        if work.get(TABLE, record["id"]) is not None:
            work.delete(TABLE, record["id"])
    if not expired.has_more:
        platform.prune_at = work.now + PRUNE_S


def keep(
    work: Work,
    key: str,
    method: str,
    path: str,
    params: Record,
    status: int,
    body: str,
    *,
    is_over: bool = False,
) -> None:
    """Let an answer be kept by the commit that it is of; `is_over` one that has expired."""
    prune(work)
    if is_over:
        work.get(TABLE, _id(work.scope, key))  # so that it is written over as it was read
    work.put(TABLE, {
        "id": _id(work.scope, key),
        "account": work.scope.account,
        "at": time.time(),
        "body": body,
        "created": work.now,
        "key": key,
        "method": method,
        "params": params,
        "path": path,
        "process": os.getpid(),
        "request": work.request_id,
        "status": status,
    })  # fmt: skip
