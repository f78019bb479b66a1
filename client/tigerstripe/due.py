"""What time brings: records of what is due and when, worked off as the account's clock goes on.

Each is one `Work`, with `now` set to the time it was due at; two processes that work off at once
do each of them once.
"""

from __future__ import annotations

from tigerstripe import acting, registry
from tigerstripe.log import Log
from tigerstripe.scope import Scope
from tigerstripe.work import Work

TABLE = "due"


def put(work: Work, object: str, id: str, at: int) -> None:
    """Let something happen to an object at a time, instead of what was due for it before."""
    work.get(TABLE, id)
    work.put(TABLE, {"id": id, "of": object, "at": at, "account": work.scope.account})


def drop(work: Work, id: str) -> None:
    """Let nothing happen to an object any more."""
    if work.get(TABLE, id) is not None:
        work.delete(TABLE, id)


def scope_of(scope: Scope, id: str) -> Scope:
    """Return the account that an object is of for which something is due; else the platform."""
    record = scope.table(TABLE).get(id, None)
    return scope.inside(record["account"] if record is not None else None)


def do_now(scope: Scope, log: Log, id: str, now: int) -> bool:
    """Do what is due for an object before its time; tell whether there was anything."""
    record = scope.table(TABLE).get(id, None)
    if record is None:
        return False
    _do(scope.inside(record["account"]), log, id, now)
    return True


def work_off(scope: Scope, log: Log, until: int) -> None:
    """Do all that is due until a time, in order; its resource's `happen` says what it is."""
    while waiting := [record for record in scope.table(TABLE) if record["at"] <= until]:
        for record in sorted(waiting, key=lambda record: (record["at"], record["id"])):
            if _do(scope.inside(record["account"]), log, record["id"]):
                break  # what became due by it may come before the rest


def _do(scope: Scope, log: Log, id: str, now: int | None = None) -> bool:
    """Do one thing, unless another process has done it; tell whether more became due by it."""

    def do(work: Work) -> bool:
        record = work.get(TABLE, id)
        if record is None:
            return False
        work.now = record["at"] if now is None else now
        work.delete(TABLE, id)
        registry.need(record["of"]).happen(work, id)
        return work.writes_to(TABLE)

    return acting.act(scope, log, do)
