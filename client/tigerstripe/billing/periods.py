"""Billing periods: whole intervals from an anchor on, to the second, in UTC.

A month from the 31st ends on the last day of a shorter month, and the next one on the 31st again,
because each end is counted from the anchor and not from the end before it.
"""

from __future__ import annotations

import calendar
from datetime import datetime, timezone
from fractions import Fraction
from math import ceil

from tigerstripe.records import Record

DAY_S = 24 * 3600
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}


def months_later(start: int, months: int) -> int:
    """Return the time some months later: the same day, or the last one of a shorter month."""
    at = datetime.fromtimestamp(start, timezone.utc)
    years, month = divmod(at.month - 1 + months, 12)
    year = at.year + years
    day = min(at.day, calendar.monthrange(year, month + 1)[1])
    return int(at.replace(year=year, month=month + 1, day=day).timestamp())


def later(start: int, interval: str, count: int) -> int:
    """Return the time `count` intervals after a start; before it, if that is negative."""
    if interval in _DAYS:
        return start + count * _DAYS[interval] * DAY_S
    return months_later(start, count * _MONTHS[interval])


def period(anchor: int, recurring: Record, at: int) -> tuple[int, int]:
    """Return the start and the end of the period that a time is in.

    `recurring` has the `interval` and the `interval_count`; the start belongs to a period, the end
    to the next one.
    """
    interval, count = recurring["interval"], recurring["interval_count"]
    number = _guess(anchor, interval, at) // count
    start = later(anchor, interval, number * count)
    while start > at:
        number -= 1
        start = later(anchor, interval, number * count)
    end = later(anchor, interval, (number + 1) * count)
    while end <= at:
        number += 1
        start, end = end, later(anchor, interval, (number + 1) * count)
    return start, end


def left(amount: int, start: int, end: int, at: int) -> int:
    """Return the part of an amount for a period that is left at a time, in whole units.

    A tie goes towards minus infinity: a credit is more by it, and a debit less. No tie is recorded;
    probes of the live API by another fake's author say so.
    """
    part = Fraction(amount * min(max(end - at, 0), end - start), end - start)
    return ceil(part - Fraction(1, 2))


def _guess(anchor: int, interval: str, at: int) -> int:
    """Return about how many intervals lie between; never too many by more than one."""
    if interval in _DAYS:
        return (at - anchor) // (_DAYS[interval] * DAY_S)
    first, last = (datetime.fromtimestamp(when, timezone.utc) for when in (anchor, at))
    return ((last.year - first.year) * 12 + last.month - first.month) // _MONTHS[interval]
