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
"""What comes first of what is due at one moment: what banks decide, the money that is there by
that, and then what is sold. Other kinds come after these."""

RANKS = 16
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}

PAGE = 100
"""Records that are read at once."""
TOGETHER = 32
"""Things that share a commit, at most."""


def put(work: Work, object: str, id: str, at: int) -> None:
    """Let something happen to an object at a time, instead of what was due for it before.

    The time is that of the clock that the work goes by; what would have been due before that
    clock's moment is due now, so nothing is told with a time before what led to it.
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
    """Let nothing happen to an object any more."""
    if work.get(TABLE, id) is not None:
        work.delete(TABLE, id)


def drop_all(work: Work, field: str, value: str) -> None:
    """Let nothing happen any more to what goes by a test `clock`, or is of an `account`."""
    for record in work.scope.own(TABLE).find_by(field, value):
        drop(work, record["id"])


def ids_on(scope: Scope, clock: str, object: str) -> list[str]:
    """Return the ids of the objects of a kind to which something will happen by a test clock."""
    return [r["id"] for r in scope.own(TABLE).find_by("clock", clock) if r.get("of") == object]


def scope_of(scope: Scope, id: str) -> Scope:
    """Return the account that an object is of for which something is due; else the platform."""
    record = scope.table(TABLE).get(id, None)
    return scope.inside(record["account"] if record is not None else None)


def next_at(scope: Scope) -> int | None:
    """Return when the account's clock shows that something is due next; None: nothing is."""
    found = _next(scope, None, 1)
    return found[0]["at"] if found else None


def do_now(scope: Scope, log: Log, id: str) -> bool:
    """Do what is due for an object before its time; tell whether there was anything."""
    record = scope.table(TABLE).get(id, None)
    if record is None:
        return False

    def do(work: Work) -> bool:
        return _happen(work.inside(record["account"]).on_clock(record["clock"]), record)

    return acting.act(scope.inside(record["account"]), log, do)


def work_off(scope: Scope, log: Log, until: int, on: str | None = None) -> None:
    """Do all that is due until a time, in order; its resource's `happen` says what it is.

    By the account's clock, or a test clock. Each commit also lets the clock show the moment of what
    it did, so nobody sees a time before which something is left to do, whatever ends this process.
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
    """Do what is due by now, if this process has not looked in this second of the clock yet.

    While the clock stands still, nothing happens by itself. What the store refuses is left for the
    next look: it is no fault of the request that looks.
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
    """Return what is due next by a clock, whenever that is, in order."""
    try:
        page = scope.own(TABLE).list(limit=most, ending_before=_start(on), clock=on)
    except InvalidCursor:  # nothing ever was due
        return []
    return page.data[::-1]


class Agenda:
    """What one commit may do: the first of what waits, and in its place what it puts in itself."""

    def __init__(self, waiting: list[Record], end: int, on: str | None) -> None:
        """Begin with what waits, in order; `end` is the first place that is not known of."""
        self._waiting, self._end, self._on = waiting, end, on
        self._put_in: list[tuple[int, int, Record]] = []
        self._seen = 0
        self.done: int = 0
        """How many of those that waited were taken."""

    def next(self, work: Work) -> Record | None:
        """Return what comes next; None if there is nothing, or only the store knows what it is."""
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
        """Go on to what comes after a record, which is next."""
        if self._put_in and self._put_in[0][-1] is record:
            heappop(self._put_in)
        else:
            self.done += 1

    @property
    def soonest(self) -> int | None:
        """The place of the first that was put in and is not taken; None: there is none."""
        return self._put_in[0][0] if self._put_in else None

    def _look(self, work: Work) -> None:
        """Take in what a work has put in since, and out what it has taken out again."""
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
    """Do the first of what waits, and what may share its commit.

    Returns how many of those that waited are done, and the place of the first that was put in and
    is left. If others were faster, or something was refused, one alone is tried from then on.
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
    """Take what cannot be done out of the calendar, so that time goes on; the log tells of it."""

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
    """Do what `_do` says; `sizes` are how many things each try may do. Raises `Refused`."""

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
