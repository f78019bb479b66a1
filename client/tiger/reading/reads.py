"""The reads of a table, at one moment: the latest commit, or one held by a snapshot.

None of them asks the daemon. One record is given by `tiger.reading.cache`, many by
`tiger.reading.selection`: each is a read function of a commit number, which a `Moment` calls until
its result is sure to be right at that commit (tiger.reading.moments).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, overload

from tiger.errors import InvalidRecord, InvalidRequest, NotFound
from tiger.format import memory, record
from tiger.format.layout import NEWER, OLDER
from tiger.format.record import Record, decode
from tiger.format.resources import CALLS, Resource
from tiger.reading.cache import RecordCache
from tiger.reading.filters import LIMIT_MAX, Filters, check_cursor, checked_limit, filters_of
from tiger.reading.moments import Moment
from tiger.reading.page import Page
from tiger.reading.selection import Bodies, RecordLists
from tiger.reading.table_reader import TableReader

MISSING: Any = object()

Records = list[Record]


class TableReads:
    """A table in one namespace that can be read, as of one moment."""

    def __init__(self, moment: Moment, resource: Resource, namespace: str) -> None:
        """Prepare to read; nothing is opened yet."""
        self._reader = moment.reader
        self._moment = moment
        self._resource = resource
        self._namespace = namespace
        self._namespace_key = record.encode_name(namespace, "namespace")
        self._table: TableReader = self._reader.table(resource.number, resource.table)
        self._records = RecordCache(moment, self._table, self._namespace_key)
        self._lists = RecordLists(self._table, resource, self._namespace_key)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.table_name} of namespace {self._namespace!r}>"

    # --- The table itself ---

    @property
    def table_name(self) -> str:
        """The table's name, such as `checkout_sessions`."""
        return self._resource.table

    @property
    def prefix(self) -> str | None:
        """The beginning of generated ids, such as `cs`."""
        return self._resource.prefix

    @property
    def url(self) -> str | None:
        """The path of the list in Stripe's API, such as `/v1/checkout/sessions`."""
        return self._resource.url

    # --- One record ---

    @overload
    def get(self, id: str) -> Record: ...
    @overload
    def get(self, id: str, default: Any) -> Any: ...
    def get(self, id: str, default: Any = MISSING) -> Any:
        """Return the record with this id as a dict that the caller may change.

        Raises `NotFound`, or returns `default` if one is given; raises `InvalidRecord` for an
        invalid id. Never asks the daemon. For a record that was read before, it costs half a
        microsecond or the time to copy the record; for another, some 3 microseconds.
        """
        try:
            if (copy := self._records.view.recall_copy(id)) is not None:
                return copy
        except TypeError:
            record.encode_name(id, "id")  # says that a list, say, is no id
        except ValueError:  # unmapped memory cannot be loaded
            self._reader.check_open()
            raise
        content = self._records.get(id)
        return self._missing(id, default) if content is None else content

    def peek(self, id: str) -> Mapping[str, Any]:
        """Return the record with this id, deeply read-only and shared by all callers of `peek`.

        The fastest read, since nothing is copied: a quarter of a microsecond for a record that was
        read before. Changing the result raises TypeError. Raises `NotFound`, and `InvalidRecord`
        for an invalid id.
        """
        try:
            if (shown := self._records.view.recall_shown(id)) is not None:
                return shown
        except TypeError:
            record.encode_name(id, "id")
        except ValueError:
            self._reader.check_open()
            raise
        found = self._records.peek(id)
        if found is not None:
            return found
        raise self._not_found_error(id)

    def version(self, id: str) -> int:
        """Return the number of the commit that wrote the record with this id, for `if_version`.

        Raises `NotFound`, and `InvalidRecord` for an invalid id.
        """
        version = self._records.find(id)
        if version is None:
            raise self._not_found_error(id)
        return version.begin

    def read_version(self, id: str) -> tuple[Record, int]:
        """Return a record and its version, read together, for `update` with `if_version`.

        Raises `NotFound`, and `InvalidRecord` for an invalid id.
        """
        found = self._records.with_version(id)
        if found is None:
            raise self._not_found_error(id)
        return found

    def __getitem__(self, id: str) -> Record:
        """Return the record with this id, or raise `NotFound`, a KeyError."""
        return self.get(id)

    def __contains__(self, id: object) -> bool:
        """Return whether there is a record with this id.

        An invalid id gives False. Raises as every read.
        """
        try:
            return isinstance(id, str) and self._records.find(id) is not None
        except InvalidRecord:  # a lone surrogate: no record has it
            return False

    def _missing(self, id: str, default: Any) -> Any:
        record.encode_name(id, "id")
        if default is MISSING:
            raise self._not_found_error(id)
        return default

    def _not_found_error(self, id: str) -> NotFound:
        record.encode_name(id, "id")
        return NotFound(
            f"no {self.table_name} {id!r} in namespace {self._namespace!r}",
            table=self.table_name,
            id=id,
            namespace=self._namespace,
        )

    # --- The namespace ---

    def count(self, **filters: Any) -> int:
        """Return the number of records of this table in the namespace, or of matching ones.

        Filters are those of `list`. Without filters the number is stored. With an indexed field the
        cost is that of the matches, with a range of `created` that of the records in it, and with
        other filters that of the whole namespace. Raises `InvalidRequest` for a filter that is a
        list or an object; else as every read.
        """
        if not filters:
            return self._moment.read(self._lists.count)
        wanted = filters_of(filters)
        return self._moment.read(lambda commit: len(self._lists.select(commit, wanted)))

    def __len__(self) -> int:
        """Return the number of records of this table in the namespace.

        Raises as every read.
        """
        return self.count()

    def __bool__(self) -> bool:
        """Return True: an empty table is still a table."""
        return True

    def list_namespace(self, name: str | None = None) -> Records:
        """Return every record of this table in one namespace, by default the store's own.

        The order is that of `list`, and all are of one moment. Raises `InvalidRecord` for an
        invalid name; else as every read.
        """
        key = self._namespace_key if name is None else record.encode_name(name, "namespace")
        lists = RecordLists(self._table, self._resource, key)
        return [decode(body) for body in self._moment.read(lists.everything)]

    def __iter__(self) -> Iterator[Record]:
        """Yield every record of the namespace, all of one moment, in the order of `list`.

        Raises as every read.
        """
        return iter(self.list_namespace())

    # --- Lists ---

    def list(
        self,
        limit: int = 10,
        starting_after: str | None = None,
        ending_before: str | None = None,
        **filters: Any,
    ) -> Page:
        """Return a page of records, newest `created` first, then newest insert first.

        `limit` is 1 to 100; more counts as 100. `starting_after` and `ending_before` take the id of
        a record, and give the records after or just before it, as in Stripe's API. Filters compare
        the values of fields, and also their types: 1, 1.0 and True are three values. `created` also
        takes a range of numbers, `created={"gte": 5, "lt": 9}` (gt, gte, lt, lte); a record whose
        `created` is not a number is in no range.

        Raises `InvalidRequest` for a `limit` that is not a whole number of 1 or more, for both
        cursors together, and for a filter that is a list or an object; `InvalidCursor` for an id
        that does not exist. The cost is that of the page; finding a range takes about 2 √n lookups
        among n records. A filter on a field without an index checks all records up to the end of
        the page. That takes about 1 us a record for a string, since most records are excluded
        without decoding, and 5 us for other values, together with a range, or in a fork.
        """
        limit = checked_limit(limit)
        if starting_after is not None and ending_before is not None:
            raise InvalidRequest("starting_after and ending_before exclude each other: give one")
        cursor = starting_after if ending_before is None else ending_before
        if cursor is not None:
            check_cursor(cursor)
        wanted = filters_of(filters)
        towards = OLDER if ending_before is None else NEWER

        def read(commit: int) -> Bodies:
            return self._lists.select(commit, wanted, cursor, towards, limit + 1)

        found = self._moment.read(read)
        data = [decode(body) for body in found[:limit]]
        last = data[-1]["id"] if data else ""  # now: the records are the caller's to change
        backwards = ending_before is not None
        if backwards:
            data.reverse()
        return Page(
            data,
            has_more=len(found) > limit,
            url=self.url,
            backwards=backwards,
            more=lambda own: self._and_more(own, last, wanted, towards),
        )

    def _and_more(
        self, own: Iterable[Record], cursor: str, wanted: Filters, towards: int
    ) -> Iterator[Record]:
        """Yield a page's own records, and those that come after the cursor, its last."""
        with self._moment.pin() as moment:  # first: the caller may delete each record
            yield from own
            while found := moment.read(
                lambda commit: self._lists.select(commit, wanted, cursor, towards, LIMIT_MAX)  # noqa: B023
            ):
                for content in map(decode, found):
                    cursor = content["id"]
                    yield content

    def _first(
        self, is_wanted: Callable[[Record], bool], filters: Mapping[str, Any]
    ) -> tuple[int, Record | None]:
        """Return the newest record that matches and is wanted, and a commit: no later was seen."""
        wanted = filters_of(filters)
        seen = self._reader.commit
        memory.fence()
        return seen, self._moment.read(lambda commit: self._lists.first(commit, wanted, is_wanted))

    # --- Finders ---

    def find_by(self, field: str, value: Any) -> Records:
        """Return the records whose field has this value, newest first.

        Types must match too; lists and objects are compared as a whole. The cost is that of the
        matches if there is a `find_by_<field>`, else that of the whole namespace. Raises
        `InvalidRequest` for a field that is not a string, `InvalidRecord` for a value that cannot
        be stored; else as every read.
        """
        if not isinstance(field, str):
            raise InvalidRequest(f"field {field!r:.80}: use the name of a field")
        return self._all(field, (value,))

    def find_active(self) -> Records:
        """Return the active records, newest first; each resource defines which are active.

        Tables without such a definition raise AttributeError. Raises as every read.
        """
        if self._resource.active is None:
            raise AttributeError(f"{self.table_name} has no find_active: use find_by(field, value)")
        return self._all(*self._resource.active)

    def find_scheduled(self) -> Records:
        """Return the subscription schedules that have not started, newest first.

        Other tables raise AttributeError. Raises as every read.
        """
        self._check_has("find_scheduled")
        return self._all("status", ("not_started",))

    def find_active_by_code(self, code: str) -> Records:
        """Return the active promotion codes with this code, in any case, newest first.

        Other tables raise AttributeError. Raises `InvalidRequest` for a code that is not a string;
        else as every read.
        """
        self._check_has("find_active_by_code")
        wanted = _text(code, "code").casefold()
        return [r for r in self.find_active() if str(r.get("code")).casefold() == wanted]

    def get_all(self) -> Records:
        """Return the webhook deliveries of the namespace, oldest first.

        Other tables raise AttributeError. Raises as every read.
        """
        self._check_has("get_all")
        return self.list_namespace()[::-1]

    def get_by_type(self, pattern: str) -> Records:
        """Return the webhook deliveries of a type, oldest first; `invoice.*` is a prefix.

        Other tables raise AttributeError. Raises `InvalidRequest` for a type that is not a string;
        else as every read.
        """
        self._check_has("get_by_type")
        if not _text(pattern, "type").endswith("*"):
            return self._all("event_type", (pattern,))[::-1]
        start = pattern[:-1]
        return [r for r in self.get_all() if str(r.get("event_type", "")).startswith(start)]

    def all(self) -> Records:
        """Return every invoice of the namespace, newest first.

        Other tables raise AttributeError. Raises as every read.
        """
        self._check_has("all")
        return self.list_namespace()

    def _check_has(self, call: str) -> None:
        if self.table_name != CALLS[call]:
            raise AttributeError(f"{self.table_name} has no {call}; {CALLS[call]} has")

    def _named(self, name: str) -> Callable[[Any], Records]:
        """Return `find_by_<field>` for the fields that the resource is searched by."""
        if name.startswith("_"):
            raise AttributeError(name)
        field = name.removeprefix("find_by_")
        if field != name and field in self._resource.find_by:
            find = self.__dict__[name] = partial(self.find_by, field)
            return find
        if field != name:
            known = "".join(f", find_by_{one}" for one in self._resource.find_by)
            raise AttributeError(
                f"{self.table_name} has no {name}: use find_by({field!r}, value), which looks "
                f"through all records{f' (there are{known[1:]})' if known else ''}"
            )
        from tiger.nearest import hint  # noqa: PLC0415 - only slips need it

        raise AttributeError(f"{self!r} has no {name!r}{hint(name, dir(self))}")

    if not TYPE_CHECKING:  # for which only what is declared is there
        __getattr__ = _named

    def __dir__(self) -> Iterable[str]:
        """Name the finders too."""
        return [*super().__dir__(), *(f"find_by_{field}" for field in self._resource.find_by)]

    def _all(self, field: str, values: Sequence[Any]) -> Records:
        """Return the records whose field has one of the values, newest first."""
        keys = [record.value_key(value) for value in values]
        bodies = self._moment.read(lambda commit: self._lists.having(commit, field, keys))
        return [decode(body) for body in bodies]


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise InvalidRequest(f"{what} {value!r:.80}: use a string")
    return value
