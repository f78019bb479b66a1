"""The calendar: everything that time brings, in order, done once by whichever process is first.

It has a record for each object that something will happen to. The store keeps these records in the
order in which they are due, because `created` of each is its time and the rank of its kind; records
with the same time and rank stand in the order in which they were put in. Each clock has a calendar
of its own: the account's clock, and each test clock. The first record of a calendar is never due:
it is the cursor from which the next ones are found, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import chain, repeat
from typing import Any

from tiger import InvalidCursor, TigerError
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.work import acting, clock
from tigerstripe.work.log import Log
from tigerstripe.work.scope import Scope
from tigerstripe.work.unit import Work

Record = dict[str, Any]

TABLE = "due"

KINDS = (
    "charge", "payment_intent", "refund", "topup", "dispute", "balance", "payout",
    "checkout.session", "quote", "subscription_schedule", "subscription", "invoice",
)  # fmt: skip
"""The order of kinds that are due at the same time: first the decisions of banks, then the money
that these make available, then sales. Other kinds come after these."""

RANKS = 16
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}

PAGE = 100
"""Records that are read at once."""
TOGETHER = 32
"""The largest number of things that share a commit."""


def put(work: Work, object: str, id: str, at: int) -> None:
    """Let something happen to an object at a time; this replaces the object's earlier entry.

    The time is that of the work's clock. A time before the clock's present becomes the present, so
    no event is told with a time before its cause.
    """
    at = max(at, work.now)
    start = _start(work.clock)
    if work.get(TABLE, start) is None:
        work.put(TABLE, {"id": start, "account": None, "clock": work.clock, "created": -(1 << 62)})
    work.get(TABLE, id)
    place = at * RANKS + _RANK.get(object, RANKS - 1)
    record: Record = {"id": id, "of": object, "at": at, "account": work.scope.account}
    record.update(clock=work.clock, created=place)
    work.put(TABLE, record)
    work.due.append(record)


def drop(work: Work, id: str) -> None:
    """Remove the entry of an object, if it has one."""
    if work.get(TABLE, id) is not None:
        work.delete(TABLE, id)


def drop_all(work: Work, field: str, value: str) -> None:
    """Remove all entries with that `clock` or that `account`."""
    for record in work.scope.own(TABLE).find_by(field, value):
        drop(work, record["id"])


def ids_on(scope: Scope, clock: str, object: str) -> list[str]:
    """Return the ids of the objects of a kind to which something will happen by a test clock."""
    return [r["id"] for r in scope.own(TABLE).find_by("clock", clock) if r.get("of") == object]


def scope_of(scope: Scope, id: str) -> Scope:
    """Return the account of an object that has an entry; else the platform."""
    record = scope.table(TABLE).get(id, None)
    return scope.inside(record["account"] if record is not None else None)


def next_at(scope: Scope) -> int | None:
    """Return the time of the next entry by the account's clock; None if there is none."""
    found = _next(scope, None, 1)
    return found[0]["at"] if found else None


def do_now(scope: Scope, log: Log, id: str) -> bool:
    """Do what is due for an object now, before its time; False if it has no entry."""
    record = scope.table(TABLE).get(id, None)
    if record is None:
        return False

    def do(work: Work) -> bool:
        return _happen(work.inside(record["account"]).on_clock(record["clock"]), record)

    return acting.act(scope.inside(record["account"]), log, do)


def work_off(scope: Scope, log: Log, until: int, on: str | None = None) -> None:
    """Do everything that is due until a time, in order, by calling `happen` of each resource.

    `on` is a test clock; by default the account's clock counts. Each commit also moves the clock to
    the time of its last entry. So nobody sees a time before which something is still to be done,
    even if this process is killed.
    """
    while True:
        page = _next(scope, on, PAGE)
        waiting = [record for record in page if record["at"] <= until]
        if not waiting:
            return
        end = (until + 1) * RANKS
        if len(page) == PAGE:  # what is past it is not known
            end = min(end, page[-1]["created"])
        while waiting:
            done, soonest = _do(scope, log, waiting, end, on)
            del waiting[:done]
            if soonest is not None:  # it comes before the rest of what waits
                end = min(end, soonest)
                waiting = [record for record in waiting if record["created"] < end]


def catch_up(scope: Scope, log: Log, state: Record) -> None:
    """Do what is due by now, unless this process has already looked in this second of the clock.

    While the clock stands still, nothing happens by itself. An error of the store is left for the
    next look, because it is no fault of the request that looks.
    """
    platform, now = scope.platform, clock.shown(state)
    if platform.looked_at == now or state["frozen_at"] is not None:
        return
    platform.looked_at = now
    try:
        work_off(platform, log, now)
    except TigerError:
        return


def _start(on: str | None) -> str:
    """Return the id of the first record of a clock's calendar."""
    return "start" if on is None else f"start-{on}"


def _next(scope: Scope, on: str | None, most: int) -> list[Record]:
    """Return the next entries of a clock's calendar, in order, whenever they are due."""
    try:
        page = scope.own(TABLE).list(limit=most, ending_before=_start(on), clock=on)
    except InvalidCursor:  # nothing ever was due
        return []
    return page.data[::-1]


class Agenda:
    """The entries that one commit may do: the first that wait, and those that it adds meanwhile."""

    def __init__(self, waiting: list[Record], end: int, on: str | None) -> None:
        """Begin with the entries that wait, in order; places from `end` on are not known."""
        self._waiting, self._end, self._on = waiting, end, on
        self._put_in: list[tuple[int, int, Record]] = []
        self._seen = 0
        self.done: int = 0
        """How many of the waiting entries were taken."""

    def next(self, work: Work) -> Record | None:
        """Return the next entry; None if there is none, or if only the store knows it."""
        self._look(work)
        given = self._waiting[self.done] if self.done < len(self._waiting) else None
        place = self.soonest
        if place is None or (given is not None and given["created"] < place):
            return given
        rivals = [one[0] for one in self._put_in[1:3]]  # the next of a heap is one of these
        if given is not None:
            rivals.append(given["created"])
        return self._put_in[0][-1] if place < self._end and place not in rivals else None

    def take(self, record: Record) -> None:
        """Take an entry, which is the next one."""
        if self._put_in and self._put_in[0][-1] is record:
            heappop(self._put_in)
        else:
            self.done += 1

    @property
    def soonest(self) -> int | None:
        """The place of the first added entry that is not taken; None if there is none."""
        return self._put_in[0][0] if self._put_in else None

    def _look(self, work: Work) -> None:
        """Add the entries that a work has put in since, and drop those that it has removed."""
        for record in work.due[self._seen :]:
            if record["clock"] == self._on:
                heappush(self._put_in, (record["created"], self._seen, record))
            self._seen += 1
        while self._put_in:
            record = self._put_in[0][-1]
            if work.get(TABLE, record["id"]) is record:
                return
            heappop(self._put_in)


def _do(
    scope: Scope, log: Log, waiting: list[Record], end: int, on: str | None
) -> tuple[int, int | None]:
    """Do the first waiting entry, and those that may share its commit.

    Returns how many waiting entries are done, and the place of the first added one that is left. If
    other processes were faster, or something was refused, one entry is tried alone from then on.
    """
    try:
        return _try(scope, log, waiting, end, on, chain((TOGETHER,), repeat(1)))
    except Refused:
        pass
    try:
        return _try(scope, log, waiting, end, on, repeat(1))
    except Refused as refused:
        return _without(scope, log, waiting[0], refused)


def _without(scope: Scope, log: Log, record: Record, refused: Refused) -> tuple[int, int | None]:
    """Remove an entry that was refused, so that time goes on, and note the refusal in the log."""

    def drop_it(work: Work) -> bool:
        view = work.inside(record["account"]).at(record["at"], record["clock"])
        clock.show(view)
        if work.get(TABLE, record["id"]) == record:
            work.delete(TABLE, record["id"])
        return True

    acting.act(scope, log, drop_it)
    what = f"/{record['of']}/{record['id']}"
    log.note(record["at"], "TIME", what, {}, refused.status, refused.error, record["account"])
    return 1, None


def _try(
    scope: Scope, log: Log, waiting: list[Record], end: int, on: str | None, sizes: Iterator[int]
) -> tuple[int, int | None]:
    """Do what `_do` says; `sizes` limits the entries of each try. Raises `Refused`."""

    def do(work: Work) -> tuple[int, int | None]:
        agenda = Agenda(waiting, end, on)
        for turn in range(next(sizes)):
            record = agenda.next(work)
            if record is None:
                break
            is_alone = not registry.need(record["of"]).happens_together
            if is_alone and turn:
                break
            agenda.take(record)
            if work.get(TABLE, record["id"]) == record:  # else another process has done it
                view = work.inside(record["account"]).at(record["at"], on)
                clock.show(view)
                _happen(view, record)
            if is_alone:
                break
        agenda.next(work)  # what the last one has put in
        return agenda.done, agenda.soonest

    return acting.act(scope, log, do)


def _happen(work: Work, record: Record) -> bool:
    if work.get(TABLE, record["id"]) is None:
        return False
    work.delete(TABLE, record["id"])
    registry.need(record["of"]).happen(work, record["id"])
    return True
