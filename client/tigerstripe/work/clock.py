"""Clocks: the account's, which shows real time unless it was frozen or moved, and test clocks.

The account's clock is part of its state (`settings`), so all processes share it. A test clock is a
record. Apart from the log of requests and the sending of webhooks, only this module reads the
machine's clock.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tigerstripe.records import Record
from tigerstripe.work import settings
from tigerstripe.work.scope import Scope

if TYPE_CHECKING:
    from tigerstripe.work.unit import Work


TEST_CLOCKS = "test_clocks"
LATEST = 7_258_118_400
"""The latest time that a clock can show, 2200-01-01, so that the years of all periods that begin
before it have four digits."""


def now(scope: Scope) -> int:
    """Return the account's time, in whole seconds since 1970."""
    return shown(settings.state(scope))


def shown(state: Record) -> int:
    """Return the time that the clock of an account in that state shows."""
    frozen = state["frozen_at"]
    return int(frozen) if frozen is not None else int(time.time() + state["offset_s"])


def seconds_until(scope: Scope, at: int) -> float | None:
    """Return the seconds until the clock shows a time by itself; None if it stands still."""
    state = settings.state(scope)
    if state["frozen_at"] is not None:
        return None
    return float(at - state["offset_s"] - time.time())


def seconds(at: Any) -> int:
    """Return a time given by a test, in whole seconds since 1970.

    Raises TypeError if it is not a number, and ValueError if it is before 1970 or after `LATEST`.
    """
    if not isinstance(at, (int, float)):
        raise TypeError(
            f"the time {at!r}: expected seconds since 1970; of a datetime use .timestamp()"
        )
    if not 0 <= at <= LATEST:
        raise ValueError(f"the time {at!r}: expected 0 to {LATEST}, in seconds since 1970")
    return int(at)


def span(delta: Mapping[str, Any]) -> int:
    """Return the length of a time span, given by the arguments of a `timedelta`, in seconds.

    Raises TypeError if one is not known or not a number, and ValueError if the span is too long.
    """
    given = ", ".join(f"{name}={value!r}" for name, value in delta.items())
    try:
        return int(timedelta(**delta).total_seconds())
    except TypeError:
        raise TypeError(
            f"{given}: expected numbers of weeks, days, hours, minutes, seconds"
        ) from None
    except (ValueError, OverflowError):
        raise ValueError(f"{given}: expected a time span that ends before the year 2200") from None


def freeze(scope: Scope, at: int) -> int:
    """Stop the clock at a time, and return that."""
    settings.change_state(scope, lambda _: {"frozen_at": at, "offset_s": 0})
    return at


def thaw(scope: Scope) -> None:
    """Let the clock go on from the time it shows."""
    settings.change_state(scope, lambda state: _going_on_from(shown(state)))


def move(scope: Scope, to: int) -> None:
    """Move the clock on, if it does not show that time yet; a frozen one stays frozen.

    The caller runs the due entries.
    """
    settings.change_state(scope, lambda state: _moved(state, to))


def show(work: Work) -> None:
    """Move the clock of a work on to the work's moment, in its commit; it never goes back."""
    if work.clock is None:
        state = work.get(settings.TABLE, settings.STATE) or settings.FRESH
        if moved := _moved(state, work.now):
            work.put(settings.TABLE, {**state, **moved})
    else:
        found = work.get(TEST_CLOCKS, work.clock)
        if found is not None and found["frozen_time"] < work.now:
            work.put(TEST_CLOCKS, {**found, "frozen_time": work.now})


def _moved(state: Record, to: int) -> Record:
    """Return the fields of a state that change if its clock is moved on to a time."""
    if shown(state) >= to:
        return {}
    return _going_on_from(to) if state["frozen_at"] is None else {"frozen_at": to}


def _going_on_from(at: int) -> Record:
    return {"frozen_at": None, "offset_s": at - int(time.time())}
