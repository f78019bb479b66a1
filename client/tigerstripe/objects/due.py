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
from typing import NamedTuple

from tiger import InvalidCursor, TigerError
from tigerstripe.errors import Refused
from tigerstripe.objects import registry
from tigerstripe.records import Record
from tigerstripe.work import acting, clock
from tigerstripe.work.log import Log
from tigerstripe.work.scope import Scope
from tigerstripe.work.unit import Work

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
"""Entries that are read at once."""
TOGETHER = 32
"""The largest number of entries that share a commit."""


def schedule(work: Work, object: str, id: str, at: int) -> None:
    """Let `happen` be called for an object at a time; this replaces the object's earlier entry.

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


def cancel(work: Work, id: str) -> None:
    """Remove the entry of an object, if it has one."""
    if work.get(TABLE, id) is not None:
        work.delete(TABLE, id)


def cancel_all(work: Work, field: str, value: str) -> None:
    """Remove all entries with that `clock` or that `account`."""
    for record in work.scope.own(TABLE).find_by(field, value):
        cancel(work, record["id"])


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


def run_now(scope: Scope, log: Log, id: str) -> bool:
    """Run the entry of an object now, before its time; False if it has none."""

    def run(work: Work) -> bool:
        record = work.get(TABLE, id)
        if record is None:
            return False
        _run(work.inside(record["account"]).on_clock(record["clock"]), record)
        return True

    return acting.act(scope, log, run)


def catch_up(scope: Scope, log: Log, state: Record) -> None:
    """Run all entries due by now, unless this process has looked in this second of the clock.

    While the clock stands still, nothing happens by itself. An error of the store is left for the
    next look, because it is no fault of the request that looks.
    """
    platform, now = scope.platform, clock.shown(state)
    if platform.looked_at == now or state["frozen_at"] is not None:
        return
    platform.looked_at = now
    try:
        run_until(platform, log, now)
    except TigerError:
        return


def run_until(scope: Scope, log: Log, until: int, on: str | None = None) -> None:
    """Run all entries that are due until a time, in order: call `happen` of each one's resource.

    `on` is a test clock; by default the account's clock counts. Each commit also moves the clock to
    the time of its last entry. So nobody sees a time before which something is still to be done,
    even if this process is killed, except for what others add while the clock moves past it.
    """
    while True:
        page = _next(scope, on, PAGE)
        waiting = [record for record in page if record["at"] <= until]
        if not waiting:
            return
        end = (until + 1) * RANKS
        if len(page) == PAGE:  # later entries are not known
            end = min(end, page[-1]["created"])
        while waiting:
            taken, added_at = _run_first(scope, log, waiting, end, on)
            del waiting[:taken]
            if added_at is not None:  # it comes before the rest of what waits
                end = min(end, added_at)
                waiting = [record for record in waiting if record["created"] < end]


class Progress(NamedTuple):
    """How far a commit has come with the waiting entries."""

    taken: int
    """How many of them were taken from the front."""
    added_at: int | None
    """The place of the first entry that was added meanwhile and is left; None if there is none."""


def _run_first(scope: Scope, log: Log, waiting: list[Record], end: int, on: str | None) -> Progress:
    """Run the first waiting entry, and those that may share its commit.

    If other processes were faster, or something was refused, one entry is tried alone from then on.
    """
    try:
        return _run_together(scope, log, waiting, end, on, chain((TOGETHER,), repeat(1)))
    except Refused:
        pass
    try:
        return _run_together(scope, log, waiting, end, on, repeat(1))
    except Refused as refused:
        _skip(scope, log, waiting[0], refused)
        return Progress(1, None)


def _run_together(
    scope: Scope, log: Log, waiting: list[Record], end: int, on: str | None, sizes: Iterator[int]
) -> Progress:
    """Run entries in one commit; `sizes` limits their number at each try. Raises `Refused`."""

    def run(work: Work) -> Progress:
        agenda = Agenda(waiting, end, on)
        for turn in range(next(sizes)):
            record = agenda.next(work)
            if record is None:
                break
            is_alone = not registry.need(record["of"]).happens_together
            if is_alone and turn:
                break
            agenda.take(record)
            if work.get(TABLE, record["id"]) == record:  # else another process has run it
                view = work.inside(record["account"]).at(record["at"], on)
                clock.show(view)
                _run(view, record)
            if is_alone:
                break
        agenda.next(work)  # what the last one has added
        return Progress(agenda.taken, agenda.added_at)

    return acting.act(scope, log, run)


class Agenda:
    """The entries that one commit may run: the first that wait, and those that it adds itself."""

    def __init__(self, waiting: list[Record], end: int, on: str | None) -> None:
        """Begin with the entries that wait, in order; places from `end` on are not known."""
        self._waiting, self._end, self._on = waiting, end, on
        self._added: list[tuple[int, int, Record]] = []
        self._seen = 0
        self.taken: int = 0
        """How many of the waiting entries were taken."""

    def next(self, work: Work) -> Record | None:
        """Return the next entry; None if there is none, or if only the store knows it."""
        self._update(work)
        given = self._waiting[self.taken] if self.taken < len(self._waiting) else None
        place = self.added_at
        if place is None or (given is not None and given["created"] < place):
            return given
        rivals = [one[0] for one in self._added[1:3]]  # the next of a heap is one of these
        if given is not None:
            rivals.append(given["created"])
        return self._added[0][-1] if place < self._end and place not in rivals else None

    def take(self, record: Record) -> None:
        """Take an entry, which is the next one."""
        if self._added and self._added[0][-1] is record:
            heappop(self._added)
        else:
            self.taken += 1

    @property
    def added_at(self) -> int | None:
        """The place of the first added entry that is not taken; None if there is none."""
        return self._added[0][0] if self._added else None

    def _update(self, work: Work) -> None:
        """Add the entries that a work has scheduled since, and drop those that it has cancelled."""
        for record in work.due[self._seen :]:
            if record["clock"] == self._on:
                heappush(self._added, (record["created"], self._seen, record))
            self._seen += 1
        while self._added:
            record = self._added[0][-1]
            if work.get(TABLE, record["id"]) is record:
                return
            heappop(self._added)


def _run(work: Work, record: Record) -> None:
    """Remove an entry and let it happen.

    Raises AssertionError if it is due again at once though nothing has changed. Otherwise it would
    happen for ever.
    """
    id, seen = record["id"], work.seen()
    work.delete(TABLE, id)
    registry.need(record["of"]).happen(work, id)
    again = work.get(TABLE, id)
    if again is not None and again["at"] <= work.now and work.written_since(seen) <= {TABLE}:
        raise AssertionError(
            f"The {record['of']} {id} is due at {work.now}: expected a change of it, or a later "
            f"time, but time brings nothing, and it stays due. This is a fault of tigerd: please "
            f"report it, with the requests before it."
        )


def _skip(scope: Scope, log: Log, record: Record, refused: Refused) -> None:
    """Remove an entry that was refused, so that time goes on, and note the refusal in the log."""

    def remove(work: Work) -> bool:
        view = work.inside(record["account"]).at(record["at"], record["clock"])
        clock.show(view)
        if work.get(TABLE, record["id"]) == record:
            work.delete(TABLE, record["id"])
        return True

    acting.act(scope, log, remove)
    what = f"/{record['of']}/{record['id']}"
    log.note(record["at"], "TIME", what, {}, refused.status, refused.error, record["account"])


def _next(scope: Scope, on: str | None, most: int) -> list[Record]:
    """Return the next entries of a clock's calendar, in order, whenever they are due."""
    try:
        page = scope.own(TABLE).list(limit=most, ending_before=_start(on), clock=on)
    except InvalidCursor:  # nothing ever was due
        return []
    return page.data[::-1]


def _start(on: str | None) -> str:
    """Return the id of the first record of a clock's calendar."""
    return "start" if on is None else f"start-{on}"
