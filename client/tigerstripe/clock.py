"""The account's clock: real time, unless it was frozen or moved; one for all processes.

It is a record of the account, so a fork has it and a savepoint takes it back. The first commit of
an account makes it: a record that is there is found faster than one that is not. Nothing else here
reads the machine's clock, but the log of requests.
"""

from __future__ import annotations

import time
from typing import Any

from tigerstripe.scope import Scope

TABLE = "account_settings"
ID = "clock"
REAL: dict[str, Any] = {"id": ID, "frozen_at": None, "offset_s": 0}


def now(scope: Scope) -> int:
    """Return the account's time, in whole seconds since 1970."""
    clock = scope.table(TABLE).get(ID, None)
    scope.platform.has_clock = clock is not None
    if clock is None:
        return int(time.time())
    frozen = clock["frozen_at"]
    return int(frozen) if frozen is not None else int(time.time() + clock["offset_s"])


def seconds_until(scope: Scope, at: int) -> float | None:
    """Return in how many seconds the clock shows a time by itself; None if it stands still."""
    clock = scope.own(TABLE).get(ID, REAL)
    if clock["frozen_at"] is not None:
        return None
    return float(at - clock["offset_s"] - time.time())


def seconds(at: Any) -> int:
    """Return a time that a test gives in whole seconds since 1970, or raise TypeError."""
    if not isinstance(at, (int, float)):
        raise TypeError(
            f"the time {at!r}: expected seconds since 1970; of a datetime use .timestamp()"
        )
    return int(at)


def freeze(scope: Scope, at: int | None = None) -> int:
    """Stop the clock, now or at another time; return the time it shows."""
    at = now(scope) if at is None else seconds(at)
    scope.own(TABLE).insert({**REAL, "frozen_at": at})
    return at


def thaw(scope: Scope) -> None:
    """Let the clock go on from the time it shows."""
    scope.own(TABLE).insert({**REAL, "offset_s": now(scope) - int(time.time())})


def move(scope: Scope, to: int) -> None:
    """Set the clock; a frozen one stays frozen. Whatever is due is the caller's."""
    clock = scope.table(TABLE).get(ID, REAL)
    if clock["frozen_at"] is not None:
        freeze(scope, to)
    else:
        scope.own(TABLE).insert({**REAL, "offset_s": to - int(time.time())})
