"""Idempotency: the answer to a request is kept under its key, in the request's own commit.

Of two requests with the same key, at the same time or not, only one commits; the other one returns
the first one's answer. Most keys are new, so a key is looked up only after a plan is refused or a
commit fails. An answer is kept for 24 hours of the account's clock, with the parameters. A request
that was refused before anything was done is not kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tiger.system import os, time
from tigerstripe.errors import Refused
from tigerstripe.records import Record
from tigerstripe.work.connected import Place
from tigerstripe.work.scope import IDEMPOTENCY_KEYS, Scope

if TYPE_CHECKING:
    from tigerstripe.work.unit import Work


KEPT_S = 24 * 3600
KEY_MAX = 255

PRUNE_S = 60
PRUNED = 50
"""How many expired records a request removes at most."""

ERROR = "idempotency_error"


def check(key: str) -> None:
    """Raise `Refused` for a key that is empty, too long, or not printable."""
    if not 0 < len(key.encode()) <= KEY_MAX or not key.isprintable():
        message = f"Idempotency-Key must be 1 to {KEY_MAX} printable characters long."
        raise Refused(message, type=ERROR)


def find(scope: Scope, key: str) -> Record | None:
    """Return the record of a key, which may have expired; None if there is none."""
    record: Record | None = scope.table(IDEMPOTENCY_KEYS).get(_id(scope, key), None)
    return record


def _id(scope: Scope, key: str) -> str:
    """Return the id of the record of a key; connected accounts have their own keys."""
    return key if scope.account is None else Place(scope.account, IDEMPOTENCY_KEYS).key(key)


def is_current(record: Record | None, now: int) -> bool:
    """Tell whether a record has an answer that is not yet 24 hours old."""
    return record is not None and record["created"] + KEPT_S > now


def check_same(record: Record, method: str, path: str, params: Record) -> None:
    """Raise `Refused` if the record is that of another request."""
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
    """Remove some of the expired records, in the work's own commit.

    A scope looks for them once in a minute of the account's clock, or at once if more are left.
    """
    platform = work.scope.platform
    if work.now < platform.prune_at:
        return
    expired = platform.own(IDEMPOTENCY_KEYS).list(limit=PRUNED, created={"lte": work.now - KEPT_S})
    for record in expired.data:
        if work.get(IDEMPOTENCY_KEYS, record["id"]) is not None:
            work.delete(IDEMPOTENCY_KEYS, record["id"])
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
    """Keep an answer in the commit of its request; `is_over` says that an expired one is there."""
    prune(work)
    if is_over:  # so that it is written over as it was read
        work.get(IDEMPOTENCY_KEYS, _id(work.scope, key))
    work.put(IDEMPOTENCY_KEYS, {
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
