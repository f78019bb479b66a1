"""The balance of an account: the sum of its transactions, kept up to a moment in the past.

The sum is counted on once a day, when the money of that day is told of, so it costs one day's
transactions and not those of all time. First it is closed at a moment. A request that posts a
transaction has read the record of the sum, so everything committed after the closing was posted
after that moment. In a later commit, everything before the moment is complete and can be counted.
If a clock was set back, nothing is closed any more, and everything is counted anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tigerstripe.records import Record
from tigerstripe.work.unit import Work

TABLE = "balance_transactions"
SETTINGS = "account_settings"
NOTHING: Record = {"until": 0, "closed_at": 0, "sums": []}
"""A sum of no transactions. `sums` has the time from which on money is there, its currency and its
amount; `until` is the time up to which transactions are counted."""

Sums = Counter[tuple[int, str]]


def sums(work: Work) -> tuple[dict[str, int], dict[str, int]]:
    """Return the available and the pending amounts, by currency.

    Cost: the transactions since the last but one time that money was told of are read.
    """
    kept = _kept(work) or NOTHING
    counted = _counted(kept, work.since(TABLE, kept["until"]))
    available: dict[str, int] = {}
    pending: dict[str, int] = {}
    for (at, currency), amount in counted.items():
        part = available if at <= work.now else pending
        part[currency] = part.get(currency, 0) + amount
    return available, pending


def close(work: Work) -> None:
    """Count the transactions up to the last closing, and close the sum at this moment."""
    kept = _kept(work)
    new = {**NOTHING, "id": _id(work), "closed_at": work.now}
    if kept is not None and work.has_written(SETTINGS, _id(work)):
        new = {**kept, "closed_at": work.now}  # the closing before is not committed yet
    elif kept is not None:
        until = kept["closed_at"]
        came = (one for one in work.since(TABLE, kept["until"]) if one["created"] < until)
        found: Sums = Counter()
        for (at, currency), amount in _counted(kept, came).items():
            found[at if at > work.now else 0, currency] += amount
        new.update(until=until, sums=[[*place, amount] for place, amount in found.items()])
    work.get(SETTINGS, _id(work))
    work.put(SETTINGS, new)


def posts(work: Work) -> None:
    """Let a transaction be posted; called by each work that does, before it is written."""
    if _kept(work) is None and work.get(SETTINGS, _id(work)) is not None:
        work.delete(SETTINGS, _id(work))


def _kept(work: Work) -> Record | None:
    """Return the sum that is kept, if the clock was not set back since."""
    kept = work.get(SETTINGS, _id(work))
    return kept if kept is not None and kept["closed_at"] <= work.now else None


def _counted(kept: Record, transactions: Iterable[Record]) -> Sums:
    found: Sums = Counter({(at, currency): amount for at, currency, amount in kept["sums"]})
    for one in transactions:
        found[one["available_on"], one["currency"]] += one["net"]
    return found


def _id(work: Work) -> str:
    account = work.scope.account
    return "balance" if account is None else f"balance-{account}"
