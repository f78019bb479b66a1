"""A table in one namespace: the reads at the latest commit, remembered, and the writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from tiger import modifying
from tiger.errors import Conflict, InvalidRequest
from tiger.format.record import Record
from tiger.format.resources import Resource
from tiger.modifying import changed_by, conflict_of
from tiger.pickling import table_of
from tiger.reading.moments import Latest
from tiger.reading.reader import Reader
from tiger.reading.reads import TableReads
from tiger.system import time
from tiger.wire.requests import Request, TableRequests

Result = TypeVar("Result")

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


class Table(TableReads):
    """One table in one namespace of a store: `store.coupons`, or `store.table("coupons")`."""

    def __init__(self, reader: Reader, resource: Resource, namespace: str, runner: Runner) -> None:
        """Prepare a table; `runner` sends its writes."""
        super().__init__(Latest(reader), resource, namespace)
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
        for _ in range(modifying.ATTEMPTS):
            content, version = self.read_version(id)
            changed = changed_by(function, id, content)
            try:
                return self.update(changed, version)
            except Conflict:
                continue
        raise conflict_of(self.table_name, id, self._namespace)

    def delete(self, id: str) -> bool:
        """Remove a record; return whether it was there.

        Where it was not, that is no error. Raises `InvalidRecord` for what cannot be an id; else as
        every write.
        """
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
        raise self._timeout_error(timeout_s, filters)

    def delete_by_subscription(self, id: str) -> None:
        """Remove the subscription items of a subscription, in one commit.

        Only `subscription_items` has it; others raise AttributeError.
        """
        self._runner.run(self.requests.delete_by_subscription(id))

    def clear(self, *, everywhere: bool = False) -> None:
        """Empty this table in all namespaces, those of other processes too.

        In a sandbox, a fork or a test's account it raises `InvalidRequest`, since it would empty
        every other test's account too, unless `everywhere` is True. One write, whatever there is.
        """
        self._runner.run(self.requests.clear(everywhere=everywhere))

    def clear_namespace(self, name: str | None = None) -> None:
        """Empty this table in one namespace, by default in the store's own.

        Raises `InvalidRecord` for what cannot be a name; else as every write.
        """
        self._runner.run(self.requests.clear_namespace(name))
