"""The account's clock: real time, unless it was frozen or moved; one for all processes.

It is part of the account's state (`settings`). Nothing else here reads the machine's clock, but the
log of requests.
"""

from __future__ import annotations

import time
from typing import Any

from tigerstripe import settings
from tigerstripe.scope import Scope

Record = dict[str, Any]


def now(scope: Scope) -> int:
    """Return the account's time, in whole seconds since 1970."""
    return shown(settings.state(scope))


def shown(state: Record) -> int:
    """Return the time that the clock of an account in that state shows."""
    frozen = state["frozen_at"]
    return int(frozen) if frozen is not None else int(time.time() + state["offset_s"])


def seconds_until(scope: Scope, at: int) -> float | None:
    """Return in how many seconds the clock shows a time by itself; None if it stands still."""
    state = settings.state(scope)
    if state["frozen_at"] is not None:
        return None
    return float(at - state["offset_s"] - time.time())


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
    settings.change_state(scope, lambda _: {"frozen_at": at, "offset_s": 0})
    return at


def thaw(scope: Scope) -> None:
    """Let the clock go on from the time it shows."""
    settings.change_state(scope, lambda state: _going_on_from(shown(state)))


def move(scope: Scope, to: int) -> None:
    """Set the clock; a frozen one stays frozen. Whatever is due is the caller's."""
    settings.change_state(
        scope,
        lambda state: _going_on_from(to) if state["frozen_at"] is None else {"frozen_at": to},
    )


def _going_on_from(at: int) -> Record:
    return {"frozen_at": None, "offset_s": at - int(time.time())}
