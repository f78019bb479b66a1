"""Payout schedules: when an account's money is paid out by itself, by its clock (UTC)."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from tigerstripe.errors import Refused
from tigerstripe.records import Record

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MANUAL = "manual"
MONTH_DAYS = 31


def next_time(schedule: Record, now: int) -> int | None:
    """Return the next midnight at which money is paid out, this moment's too; None: by hand."""
    if schedule["interval"] == MANUAL:
        return None
    at = datetime.fromtimestamp(now, timezone.utc)
    day = at.replace(hour=0, minute=0, second=0)
    if day < at:
        day += timedelta(days=1)
    is_due = _rule(schedule)
    while not is_due(day):
        day += timedelta(days=1)
    return int(day.timestamp())


def check(schedule: Record, param: str) -> None:
    """Raise `Refused` for days that no month has; `param` is where the schedule was given."""
    days = [("monthly_anchor", schedule.get("monthly_anchor"))]
    listed = schedule.get("monthly_payout_days") or []
    days += [(f"monthly_payout_days][{place}", day) for place, day in enumerate(listed)]
    for name, day in days:
        if day is not None and not 1 <= day <= MONTH_DAYS:
            raise Refused(
                f"Invalid day of the month: {day}; use 1 to {MONTH_DAYS}.",
                param=f"{param}[{name}]",
            )


def _rule(schedule: Record) -> Callable[[datetime], bool]:
    """Return which days a schedule has."""
    interval = schedule["interval"]
    if interval == "weekly":
        weekly = schedule.get("weekly_payout_days") or [schedule.get("weekly_anchor") or DAYS[0]]
        return lambda day: DAYS[day.weekday()] in weekly
    if interval == "monthly":
        monthly = schedule.get("monthly_payout_days") or [schedule.get("monthly_anchor") or 1]
        return lambda day: _is_one_of(monthly, day)
    return lambda day: True


def _is_one_of(monthly: list[int], day: datetime) -> bool:
    """Tell whether a day is one of a month's days; the last one stands for those it lacks."""
    last = calendar.monthrange(day.year, day.month)[1]
    return day.day in {min(wanted, last) for wanted in monthly}
