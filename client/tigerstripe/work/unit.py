"""A unit of work: the reads of one request, and its writes, which become one commit.

Resources read and write through it. For a request that writes, the version of each record read is
noted. At the end all writes, including events, become one batch, which is applied only if all
these records still have those versions. Otherwise the request is worked out again from the
beginning. So the code of a resource never sees half of another request, and needs no lock.

A rule about missing records ("a product without prices") has no record to guard. Code that adds
such a record must `touch` the record that the rule protects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from operator import itemgetter

from tiger import InvalidRecord, NotFound
from tigerstripe.records import Record
from tigerstripe.work import clock as clocks
from tigerstripe.work import events, settings
from tigerstripe.work.log import Log
from tigerstripe.work.scope import SHARED, Scope

Place = tuple[str | None, str, str]
"""A connected account or None, a table's name, and an id."""

PRIVATE = "_"
"""The private field of a record: a dict that its resource uses, and no answer shows."""

STATE: Place = (None, settings.TABLE, settings.STATE)
CLAIMS = "claims"
DELETED = "deleted_objects"
PAGE = 100
"""Records that are read at once."""


class Work:
    """The reads and the writes of one request in one account."""

    __slots__ = (
        "_endpoints", "_events", "_has_read", "_records", "_writes", "clock", "decline", "due",
        "has_version", "idempotency_key", "is_publishable", "is_write", "now", "request_id",
        "scope", "version",
    )  # fmt: skip

    def __init__(
        self,
        scope: Scope,
        now: int,
        version: str,
        request_id: str | None,
        *,
        is_write: bool,
        idempotency_key: str | None = None,
    ) -> None:
        """Begin without reads and writes; `now` is the account's time."""
        self.scope: Scope = scope
        self.now: int = now
        self.clock: str | None = None
        """The test clock that `now` is of; None: the account's."""
        self.due: list[Record] = []
        """The entries that it has added to the calendar, in order (`tigerstripe.objects.due`)."""
        self.version: str = version
        """The API version of the request."""
        self.has_version: bool = True
        """Whether the request names its version; if not, the account's own version is not known."""
        self.request_id: str | None = request_id
        """The id of the request; None for actions of buyers, banks and time."""
        self.idempotency_key: str | None = idempotency_key
        self.decline: str | None = None
        """The reason why the bank declines the next charge, if `fail_next` asked for that."""
        self.is_publishable: bool = False
        """Whether the key of the request is a publishable one."""
        self.is_write: bool = is_write
        self._records: dict[Place, Record | None] = {}
        """The records as this work sees them: as they were read, or are written."""
        self._has_read: dict[Place, int | None] = {}
        """The versions of the records read; None if there was no record."""
        self._writes: dict[Place, None] = {}
        self._events: list[tuple[str | None, Record]] = []
        self._endpoints: list[list[Record]] = []
        """The endpoints of webhooks, once they were read."""

    def inside(self, account: str | None) -> Work:
        """Return this work as a connected account sees it; None: as the platform sees it.

        The writes of both are in one commit.
        """
        if account == self.scope.account:
            return self
        view = self._view()
        view.scope = self.scope.inside(account)
        return view

    def on_clock(self, clock: str | None) -> Work:
        """Return this work by the time of a test clock; None: by the account's clock.

        `now` is that clock's time; new objects, events and entries of the calendar have it, too.
        The clock is guarded: if it is advanced meanwhile, the work is planned again.
        """
        if clock == self.clock:
            return self
        if clock is None:
            return self.at(clocks.now(self.scope), None)
        found = self.get(clocks.TEST_CLOCKS, clock)
        return self if found is None else self.at(found["frozen_time"], clock)

    def at(self, moment: int, clock: str | None) -> Work:
        """Return this work at a moment of a clock."""
        view = self._view()
        view.now, view.clock = moment, clock
        return view

    def aside(self) -> Work:
        """Return a work that begins as this one, and whose writes and events are never committed.

        So the result of a request can be looked at beforehand.
        """
        view = self._view()
        view._records, view._writes, view._events = {**self._records}, {}, []
        view.due = []
        return view

    def _view(self) -> Work:
        """Return another view of this work; the reads and the writes are shared."""
        view = Work.__new__(Work)
        for name in Work.__slots__:
            setattr(view, name, getattr(self, name))
        return view

    def _place(self, table: str, id: str) -> Place:
        account = self.scope.account
        return (None if account is None or table in SHARED else account, table, id)

    # --- Reads ---

    def get(self, table: str, id: str) -> Record | None:
        """Return a record, or None. Do not change it, but copy it: `{**record, ...}`."""
        place = self._place(table, id)
        if place in self._records:
            return self._records[place]
        if not id:
            return None
        of = self.scope.table(table)
        record: Record | None
        version: int | None
        try:
            if not self.is_write:
                record = of.get(id, None)
                return record
            record, version = of.read_version(id)
        except InvalidRecord:  # what cannot be an id names nothing
            return None
        except NotFound:
            record = version = None
        self._records[place], self._has_read[place] = record, version
        return record

    def find_by(self, table: str, field: str, value: str) -> list[Record]:
        """Return the records whose field has that value, newest first, as this work sees them."""
        found = self.scope.table(table).find_by(field, value)
        return self._seen(table, found, lambda record: record.get(field) == value)

    def all(self, table: str) -> list[Record]:
        """Return all records of a table, newest first, as this work sees them."""
        return self._seen(table, self.scope.table(table), lambda record: True)

    def since(self, table: str, created: int) -> list[Record]:
        """Return the records made at a time or later, newest first, as this work sees them.

        Cost: these are read, and up to `PAGE` more. None of them may be deleted meanwhile.
        """
        of, there, last = self.scope.table(table), [], None
        while True:
            page = of.list(limit=PAGE, starting_after=last)
            found = [record for record in page.data if record["created"] >= created]
            there += found
            if len(found) < PAGE:
                break
            last = found[-1]["id"]
        return self._seen(table, there, lambda record: bool(record["created"] >= created))

    def _seen(
        self, table: str, there: Iterable[Record], is_wanted: Callable[[Record], bool]
    ) -> list[Record]:
        """Return stored records, with those that this work has written."""
        found = {record["id"]: record for record in there}
        new: dict[str, Record] = {}
        account = self.scope.account
        for owner, name, id in self._writes:
            if (owner, name) == (account, table):
                record = self._records[account, table, id]
                if record is None or not is_wanted(record):
                    found.pop(id, None)
                elif id in found:
                    found[id] = record
                else:
                    new[id] = record
        return [*reversed(new.values()), *found.values()]

    def is_outdated(self) -> bool:
        """Tell whether another process has meanwhile written a record that was read here.

        Then the records read may not fit together, and a refusal because of them may be wrong.
        """
        for (account, table, id), version in self._has_read.items():
            try:
                now: int | None = self.scope.inside(account).table(table).read_version(id)[1]
            except NotFound:
                now = None
            if now != version:
                return True
        return False

    # --- Writes ---

    def put(self, table: str, record: Record) -> None:
        """Write a record: a new one, or a new version of the one that was read."""
        place = self._place(table, record["id"])
        self._records[place] = record
        self._writes[place] = None

    def delete(self, table: str, id: str) -> None:
        """Remove a record."""
        place = self._place(table, id)
        self._records[place] = None
        self._writes[place] = None

    def has_written(self, table: str, id: str) -> bool:
        """Tell whether this work writes or removes a record."""
        return self._place(table, id) in self._writes

    def touch(self, table: str, id: str) -> None:
        """Write a record as it is, so that other works that have read it are planned again."""
        record = self.get(table, id)
        if record is not None:
            self.put(table, record)

    def seen(self) -> dict[Place, Record | None]:
        """Return the records as this work sees them by now, for `written_since`."""
        return {**self._records}

    def written_since(self, seen: dict[Place, Record | None]) -> set[str]:
        """Return the tables of which this work has written something else since then."""
        records = self._records
        return {
            place[1] for place in self._writes if place not in seen or seen[place] != records[place]
        }

    # --- Names that only one may have ---

    def holder(self, kind: str, value: str) -> str | None:
        """Return the id of the object that has claimed a value, say a lookup key; or None."""
        claim = self.get(CLAIMS, f"{kind}:{value}"[:255])
        return claim["holder"] if claim else None

    def claim(self, kind: str, value: str, holder: str) -> None:
        """Claim a value for an object; of two requests that find it free, one is planned again."""
        self.holder(kind, value)  # so that it is guarded
        self.put(CLAIMS, {"id": f"{kind}:{value}"[:255], "holder": holder})

    def release(self, kind: str, value: str) -> None:
        """Release a claimed value."""
        self.delete(CLAIMS, f"{kind}:{value}"[:255])

    # --- Events ---

    def tell(self, type: str, record: Record, previous: Record | None = None) -> None:
        """Create an event in the same commit; `previous` are the old values that an update changed.

        Each webhook endpoint that wants the event gets a delivery, which waits to be sent.
        """
        shown = {**record}
        shown.pop(PRIVATE, None)
        event = events.made(self, type, shown, previous)
        self._events.append((self.scope.account, event))
        if not self._endpoints:
            self._endpoints.append(events.endpoints(self.scope))
        for endpoint in self._endpoints[0]:
            if events.wants(endpoint, event):
                event["pending_webhooks"] += 1
                self.inside(None).put(events.DELIVERIES, events.queued(self.scope, event, endpoint))

    @property
    def events(self) -> list[Record]:
        """The events created so far."""
        return [event for _, event in self._events]

    # --- The end ---

    @property
    def writes_nothing(self) -> bool:
        """Whether there is nothing to commit."""
        return not self._writes and not self._events

    def commit(self, log: Log) -> None:
        """Write everything at once, with the entries that wait in the log.

        Raises `tiger.Conflict` or `tiger.AlreadyExists`, with nothing written, if another process
        has meanwhile written a record that was read here.
        """
        scope, records, has_read = self.scope, self._records, self._has_read
        with scope.store.batch() as batch:
            for place, version in has_read.items():
                if place not in self._writes or records[place] is None:
                    account, name, id = place
                    scope.inside(account).in_batch(batch, name).expect(id, version)
            for place in self._writes:
                account, name, id = place
                record = records[place]
                table = scope.inside(account).in_batch(batch, name)
                version = has_read.get(place)
                if record is None:
                    table.delete(id)
                elif version is None:
                    table.create_many([record])
                else:
                    table.update(record, version)
            if not scope.platform.has_state and STATE not in self._writes:
                scope.in_batch(batch, settings.TABLE).create_many([settings.FRESH])
            for account, group in groupby(self._events, itemgetter(0)):
                told = [event for _, event in group]
                scope.inside(account).in_batch(batch, events.TABLE).insert_many(told)
            log.add_to(batch)
