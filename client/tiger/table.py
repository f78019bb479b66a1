"""A table in one namespace: the reads at the latest commit, remembered, and the writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar, overload

from tiger.errors import Conflict, InvalidRecord, InvalidRequest
from tiger.format import memory, record
from tiger.format.layout import COMMIT, EMPTY, GONE, NAMESPACES, REF_MASK
from tiger.format.memory import Vanished
from tiger.format.record import Record, decode
from tiger.format.resources import Resource
from tiger.pickling import table_of
from tiger.reading.lineage import Lineage
from tiger.reading.plain import result_of
from tiger.reading.reader import Reader
from tiger.reading.reads import MISSING, TableReads
from tiger.reading.remembered import NOWHERE, View
from tiger.system import time
from tiger.wire.requests import Request, TableRequests

Result = TypeVar("Result")

MODIFY_ATTEMPTS = 1000

WAIT_S = 5.0
"""How long `wait_for` waits unless it is told."""

Wait = Callable[[int, int | None, str, float], None]
"""Waits until a table (or any) is written to in a namespace after a commit, or a deadline."""


def deadline_of(timeout_s: float | None) -> float:
    """Return when a wait ends, as `time.monotonic` counts; None waits for ever."""
    if timeout_s is None:
        return math.inf
    is_number = isinstance(timeout_s, (int, float)) and not isinstance(timeout_s, bool)
    if not is_number or not timeout_s >= 0:  # as NaN is not
        raise InvalidRequest(f"timeout_s {timeout_s!r:.80}: use 0 or more seconds")
    return time.monotonic() + timeout_s


class Runner(Protocol):
    """What sends requests and waits: a store."""

    @property
    def is_account(self) -> bool:
        """Whether its namespace is a sandbox, a fork, or a test's account."""

    def run(self, request: Request[Result]) -> Result:
        """Return what a request comes to."""

    def watcher(self) -> AbstractContextManager[Wait]:
        """Give what waits for writes."""


Body = tuple[Any, int, int, bytes]
"""Words of an index, place and word there, the msgpack; without body the record is hidden."""

Recall = Callable[[View, str], "Result | None"]
Keep = Callable[[View, str, Any, int, int, bytes], "Result | None"]


def _nothing(view: View, id: str) -> None:
    """Recall nothing: what was read before is remembered without its version."""


class RememberingReads(TableReads):
    """The reads at the latest commit; a version read once is not decoded again."""

    requests: TableRequests
    """Its writes, to be sent or collected; for the library's own use."""

    def __init__(self, reader: Reader, resource: Resource, namespace: str) -> None:
        """Prepare to read; nothing is opened yet."""
        super().__init__(reader, reader, resource, namespace)
        self._control = reader.words
        self._view = NOWHERE

    @overload
    def get(self, id: str) -> Record: ...
    @overload
    def get(self, id: str, default: Any) -> Any: ...
    def get(self, id: str, default: Any = MISSING) -> Any:
        """Return the record of that id as a dict of the caller's own.

        Raises `NotFound`, or returns `default` if one is given; raises `InvalidRecord` for what
        cannot be an id. Never asks the daemon. A record that was read before costs half a
        microsecond, or its copy.
        """
        try:
            if (copy := self._view.known(id)) is not None:
                return copy
        except TypeError:
            record.encode_name(id, "id")  # says that a list, say, is no id
        except ValueError:  # of what is unmapped no load is made
            self._reader.check_open()
            raise
        content = self._read(id, View.recall, View.copy)
        return self._missing(id, default) if content is None else content

    def peek(self, id: str) -> Mapping[str, Any]:
        """Return the record of that id, deeply read-only and shared by all who peek.

        The fastest read: nothing is copied. A change of what it returns raises TypeError. Raises
        `NotFound`.
        """
        try:
            if (shown := self._view.shown(id)) is not None:
                return shown
        except TypeError:
            record.encode_name(id, "id")
        except ValueError:
            self._reader.check_open()
            raise
        found = self._read(id, View.recall_shown, View.show)
        if found is not None:
            return found
        raise self._not_found(id)

    def read_version(self, id: str) -> tuple[Record, int]:
        """Return a record and its version, read together, for `update` with `if_version`.

        Raises `NotFound`.
        """
        found = self._read(id, _nothing, self._with_version)
        if found is None:
            raise self._not_found(id)
        return found

    def _with_version(
        self, view: View, id: str, words: Any, place: int, word: int, body: bytes
    ) -> tuple[Record, int] | None:
        """Return a record that was found and its version; None if it is gone by now.

        As long as the index names the same ref, that is the version that was found.
        """
        if word != EMPTY:
            version = self._table.version(word & REF_MASK)
            memory.fence()
            if words[place] == word:
                return decode(version.body), version.begin
        there = self._moment.read(lambda commit: self._find(id, commit))
        return (decode(there.body), there.begin) if there is not None else None

    @staticmethod
    def _changed(id: str, content: Record, function: Callable[[Record], Record | None]) -> Record:
        """Return what the function of a `modify` makes of a record; its id must stay."""
        if not callable(function):
            raise InvalidRequest(
                f"modify of {id!r} takes a function of a record, not {function!r:.80}: use patch() "
                f"to merge what is known already"
            )
        result = result_of(function, content, f"modify of {id!r}")
        changed = content if result is None else result
        if isinstance(changed, Mapping) and changed.get("id") != id:
            raise InvalidRecord(
                f"modify of {id!r} returned a record with the id {changed.get('id')!r:.80}: "
                f"the id of a record does not change, insert another record"
            )
        return changed

    def _lost_races(self, id: str) -> Conflict:
        """Return the error of a `modify` that others kept overtaking."""
        return Conflict(
            f"{self.table_name} {id!r}: others wrote {MODIFY_ATTEMPTS} times meanwhile: try again, "
            f"or use patch(), which the daemon does at once"
        )

    def _read(self, id: str, recall: Recall[Result], keep: Keep[Result]) -> Result | None:
        """Return a record as `keep` does, which remembers it if it is the newest version.

        There is no look at the horizon here: a version that is the newest, has begun and has not
        ended is the record; and if there is none, and the namespace is still the same after the
        look, there was none at that moment. All else is read the long way.
        """
        try:
            commit = self._control[COMMIT]
            view = self._view
            if view.words[view.place] != view.word:
                view = self._look_again(commit)
            elif (content := recall(view, id)) is not None:
                return content
            found = self._table.newest_body(view.scope, id.encode(), commit)
            if found is None and view.parents:
                found = self._inherited(view, id.encode(), commit)
            elif found is None:
                memory.fence()
                if view.words[view.place] == view.word:
                    return None
                raise Vanished("the namespace has changed")
            if found is None or not found[3]:
                return None
            return keep(view, id, *found)
        except Vanished:
            pass
        except (AttributeError, UnicodeEncodeError):
            record.encode_name(id, "id")  # says what is wrong with it
        except ValueError:
            self._reader.check_open()
            raise
        version = self._moment.read(lambda commit: self._find(id, commit))
        # The latest commit's, and yet not surely the newest version: so it is not remembered.
        return keep(NOWHERE, id, None, 0, 0, version.body) if version is not None else None

    def _inherited(self, view: View, key: bytes, commit: int) -> Body | None:
        """Return what a fork inherits of a key that it does not have itself."""
        vacancy = self._table.vacancy(view.scope, key) or (None, 0)
        for scope in view.parents:
            found = self._table.newest_body(scope, key, commit)
            if found is not None:
                break
        memory.fence()
        if view.words[view.place] != view.word:
            raise Vanished("the fork has ended, and its parent may have changed")
        return (*vacancy, EMPTY, found[3]) if found is not None else None

    def _look_again(self, commit: int) -> View:
        """Find the namespace, and forget what was read of another one."""
        known, self._view = self._view, NOWHERE
        self._reader.look()
        found = self._table.newest(NAMESPACES, self._namespace_key)
        if found is None or found[3].begin > commit or found[2] & GONE:
            raise Vanished("the namespace is not there")
        memory.fence()  # what began with it is not looked for before it
        index, place, word, version = found
        if not known.goes_on(index.words, place, word, version.number):
            lineage = Lineage(self._table, version, commit)
            parents = [space.number for space in lineage.spaces[1:]]
            remembered = self._reader.remembered
            known = View(remembered, index.words, place, word, version.number, parents)
        self._view = known
        return known  # and not what another thread may have put there by now


class Table(RememberingReads):
    """One table in one namespace of a store: `store.coupons`, or `store.table("coupons")`."""

    def __init__(self, reader: Reader, resource: Resource, namespace: str, runner: Runner) -> None:
        """Prepare a table; `runner` sends its writes."""
        super().__init__(reader, resource, namespace)
        self.requests = TableRequests(reader, resource, namespace, is_account=runner.is_account)
        self._runner = runner

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the store's settings, and which table it is."""
        return table_of, (self._runner, self.table_name)

    def insert(self, item: Mapping[str, Any]) -> Record:
        """Write a record, replacing the one of that id, and return it.

        Without an `id` one is made: the table's prefix, `_`, and 24 letters or digits. Raises
        `InvalidRecord`, and as every write `Sealed`, `StoreFull`, `DaemonUnavailable`,
        `OutcomeUnknown`. One round trip to the daemon, as every write: some 40 microseconds.
        """
        return self._runner.run(self.requests.insert(item))

    def update(self, item: Mapping[str, Any], if_version: int | None = None) -> Record:
        """Write a record that has an id, whether it is there or not, and return it.

        With `if_version` (from `version`) raises `Conflict` if it is not at that version any more.
        Raises `InvalidRecord` for one without an id.
        """
        return self._runner.run(self.requests.update(item, if_version))

    def create(self, item: Mapping[str, Any]) -> Record:
        """Write a record as `insert`, and return it; raise `AlreadyExists` if its id is there."""
        return self._runner.run(self.requests.create(item))

    def insert_many(self, items: Iterable[Mapping[str, Any]]) -> int:
        """Write many records under one commit number, all or none; return how many.

        Raises as `insert`, with the place of the record that is no good; `InvalidRequest` for more
        than 64 MiB of msgpack or 1,048,576 records at once.
        """
        request = self.requests.insert_many(items)
        return self._runner.run(request) if request.operations else 0

    def patch(self, id: str, changes: Mapping[str, Any]) -> Record:
        """Merge changes into a record at the daemon, atomically, and return it.

        A key of `changes` replaces the one of the record, whatever it holds; None removes it.
        Raises `NotFound`, and `InvalidRecord` for what cannot be stored and for another id.
        """
        return self._runner.run(self.requests.patch(id, changes))

    def modify(self, id: str, function: Callable[[Record], Record | None]) -> Record:
        """Apply a function to a record, and write what it returns if nobody wrote in between.

        Else read and apply again, so it may be called more than once. One that returns None has
        changed its argument. Returns the record as written. Raises `NotFound`, `Conflict` after
        1,000 lost races, `InvalidRecord` if the id was changed, `InvalidRequest` for an async
        function.
        """
        for _ in range(MODIFY_ATTEMPTS):
            content, version = self.read_version(id)
            changed = self._changed(id, content, function)
            try:
                return self.update(changed, version)
            except Conflict:
                continue
        raise self._lost_races(id)

    def delete(self, id: str) -> bool:
        """Remove a record; return whether it was there. Never an error if it was not."""
        return self._runner.run(self.requests.delete(id))

    def wait_for(
        self,
        predicate: Callable[[Record], Any] | None = None,
        *,
        timeout_s: float | None = WAIT_S,
        **filters: Any,
    ) -> Record:
        """Return the newest record with these values, for which the predicate is true.

        If there is none, wait until any process has committed one; after `timeout_s` seconds raise
        `TimedOut`, which says what is there; None waits for ever. Raises `InstanceError` if the
        instance is removed meanwhile.
        """
        deadline = deadline_of(timeout_s)
        commit, found = self._look_for(predicate, filters)
        if found is not None:
            return found
        with self._runner.watcher() as wait:
            while time.monotonic() < deadline:
                wait(commit, self._resource.number, self._namespace, deadline)
                commit, found = self._look_for(predicate, filters)
                if found is not None:
                    return found
        raise self._not_seen(timeout_s, filters)

    def delete_by_subscription(self, id: str) -> None:
        """Remove the subscription items of a subscription, in one commit.

        Only `subscription_items` has it; others raise AttributeError.
        """
        self._runner.run(self.requests.delete_by_subscription(id))

    def clear(self, *, everywhere: bool = False) -> None:
        """Empty this table in all namespaces, whoever uses them.

        In a sandbox, a fork or a test's account it raises `InvalidRequest`, since it would empty
        every other test's account too, unless `everywhere` is True. One write, whatever there is.
        """
        self._runner.run(self.requests.clear(everywhere=everywhere))

    def clear_namespace(self, name: str | None = None) -> None:
        """Empty this table in one namespace, by default in the store's own."""
        self._runner.run(self.requests.clear_namespace(name))
