"""Waiting for records and commits: the deadline, the condition, and the error at a time-out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tiger.errors import InvalidRequest, TimedOut
from tiger.format.record import Record
from tiger.functions import result_of
from tiger.reading.changes import Changes, Commit, commits_of
from tiger.reading.reads import TableReads
from tiger.system import time

WAIT_S = 5.0
"""The default of `timeout_s` in `wait_for`."""

SHOWN_MAX = 5
"""The number of records that an error shows."""


def deadline_of(timeout_s: float | None) -> float:
    """Return when a wait ends, as `time.monotonic` counts; None waits for ever."""
    if timeout_s is None:
        return math.inf
    is_number = isinstance(timeout_s, (int, float)) and not isinstance(timeout_s, bool)
    if not is_number or not timeout_s >= 0:  # as NaN is not
        raise InvalidRequest(f"timeout_s {timeout_s!r:.80}: use 0 or more seconds")
    return time.monotonic() + timeout_s


class Search:
    """The condition of a `wait_for`, checked again after each write to the table."""

    def __init__(
        self,
        table: TableReads,
        predicate: Callable[[Record], Any] | None,
        filters: Mapping[str, Any],
        timeout_s: float | None,
    ) -> None:
        """Prepare to look; raise `InvalidRequest` for arguments that make no sense."""
        if predicate is not None and not callable(predicate):
            raise InvalidRequest(
                f"predicate {predicate!r:.80}: use a function of a record; for a known id, use "
                f"wait_for(id=...)"
            )
        self._table = table
        self._predicate = predicate
        self._filters = filters
        self._timeout_s = timeout_s
        self.deadline: float = deadline_of(timeout_s)
        self.commit: int = 0
        """The latest commit that the last look saw."""

    @property
    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() >= self.deadline

    def look(self) -> Record | None:
        """Return the newest record that matches and satisfies the predicate."""
        self.commit, found = self._table._first(self._is_wanted, self._filters)
        return found

    def _is_wanted(self, content: Record) -> bool:
        predicate = self._predicate
        return predicate is None or bool(result_of(predicate, content, "wait_for"))

    def timeout_error(self) -> TimedOut:
        """Return the error of a wait that timed out, which shows the newest records."""
        table, filters = self._table, self._filters
        wanted = ", ".join(f"{name}={value!r}" for name, value in filters.items())
        condition = f"with {wanted}" if wanted else "that the predicate accepts"
        shown = [
            " ".join([content["id"], *(f"{name}={content.get(name)!r}" for name in filters)])
            for content in table.list(limit=SHOWN_MAX)
        ]
        return TimedOut(
            f"no {table.table_name} {condition} came within {self._timeout_s:g} s in namespace "
            f"{table._namespace!r}; of {table.count()} there, the newest: "
            f"{'; '.join(shown) or 'none'}",
            table=table.table_name,
            namespace=table._namespace,
            timeout_s=self._timeout_s,
        )


def commits_or_deadlines(
    changes: Changes, namespace: str, timeout_s: float | None
) -> Iterator[Commit | float]:
    """Yield a namespace's commits, or the time until which to wait if there is none yet.

    Ends when there was none for `timeout_s` seconds.
    """
    while True:
        deadline = deadline_of(timeout_s)
        while not (found := commits_of(changes, namespace)):
            if time.monotonic() >= deadline:
                return
            yield deadline
        yield from found
