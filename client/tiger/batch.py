"""Writes collected to be applied together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from tiger.errors import InvalidRequest, TigerError
from tiger.format import record
from tiger.format.protocol import Operation
from tiger.format.record import Record
from tiger.place import process
from tiger.place.process import refuse
from tiger.wire import requests
from tiger.wire.requests import Request, TableRequests

if TYPE_CHECKING:
    from tiger.declared import BatchTables
else:
    BatchTables = object

Result = TypeVar("Result")


class Batch(BatchTables):
    """A store's tables for collecting writes, `batch.coupons`; made by `store.batch()`.

    Nothing is sent before the block ends, and nothing at all if the block raises. At the end,
    either all writes get one commit number, or none is applied: the daemon's errors are raised
    there. One thread at a time may use it. A child forked in the block cannot add to it, and sends
    nothing.
    """

    def __init__(self, requests_of: Callable[[str], TableRequests], namespace: str) -> None:
        """Begin an empty batch of a namespace; the writes of its tables are looked up by name."""
        self._requests_of = requests_of
        self._namespace = namespace
        self._operations: list[Operation] | None = []
        self._process = process.current()

    def __reduce__(self) -> NoReturn:
        """Refuse to pickle: only the process that began the batch can send it."""
        refuse(self, "pickle the store, and begin a batch in the process that needs it")

    def table(self, name: str) -> BatchTable:
        """Return a table for collecting writes, or raise `UnknownTable`."""
        return BatchTable(self._requests_of(name), self._add)

    def _named(self, name: str) -> BatchTable:
        """Return a table by its name, as `batch.coupons`."""
        if name.startswith("_"):
            raise AttributeError(name)
        from tiger.store import Store  # noqa: PLC0415 - which makes batches

        if hasattr(Store, name):
            raise AttributeError(
                f"a batch only writes and has no {name!r}: use store.{name} outside it"
            )
        return self.table(name)

    if not TYPE_CHECKING:  # for which only what is declared is there
        __getattr__ = _named

    def clear_namespace(self, name: str | None = None) -> None:
        """Collect a clear of one namespace, this one by default, in all tables.

        Raises `InvalidRecord` for an invalid name.
        """
        self._add(requests.clear_namespace(self._namespace if name is None else name).operations)

    def _add(self, operations: list[Operation]) -> None:
        if self._operations is None:
            raise InvalidRequest("this batch has ended: begin another with store.batch()")
        if self._process != process.current():
            raise InvalidRequest(
                "this batch belongs to the process that this one was forked from, which sends it: "
                "begin another with store.batch()"
            )
        self._operations += operations

    def _end(self) -> Request[None] | None:
        """End the batch, and return the request for its writes; None in a forked child."""
        operations, self._operations = self._operations, None
        if not operations or self._process != process.current():
            return None
        return Request(operations, lambda _: None)


class BatchTable:
    """The collected writes of one table; whether they succeed is known when the block ends.

    Records are checked at once. Reads raise, because a batch cannot read its own writes.
    """

    def __init__(self, requests: TableRequests, add: Callable[[list[Operation]], None]) -> None:
        """Collect with `add`."""
        self._requests = requests
        self._add = add

    def __reduce__(self) -> NoReturn:
        """Refuse to pickle, as the batch does."""
        refuse(self, "pickle the store, and begin a batch in the process that needs it")

    def insert(self, item: Mapping[str, Any]) -> Record:
        """Collect an insert, and return the record with its id. Raises `InvalidRecord`."""
        return self._collect(self._requests.insert(item))

    def create(self, item: Mapping[str, Any]) -> Record:
        """Collect a create; return the record, with its id.

        Raises `InvalidRecord`.
        """
        return self._collect(self._requests.create(item))

    def create_many(self, items: Iterable[Mapping[str, Any]]) -> int:
        """Collect creates; return how many. Cheaper than `create`, which returns a record.

        Raises `InvalidRecord`.
        """
        creations = [self._requests.creation(item) for item in items]
        self._add(creations)
        return len(creations)

    def update(self, item: Mapping[str, Any], if_version: int | None = None) -> Record:
        """Collect an update; return the record.

        Raises `InvalidRecord`.
        """
        return self._collect(self._requests.update(item, if_version))

    def _collect(self, request: Request[Record]) -> Record:
        self._add(request.operations)
        return record.decode(request.operations[0][requests.BODY])

    def insert_many(self, items: Iterable[Mapping[str, Any]]) -> int:
        """Collect inserts; return how many.

        Raises `InvalidRecord`.
        """
        request = self._requests.insert_many(items)
        self._add(request.operations)
        return len(request.operations[0][requests.BODY]) if request.operations else 0

    def patch(self, id: str, changes: Mapping[str, Any]) -> None:
        """Collect a patch; return None, because the resulting record is not known yet.

        Raises `InvalidRecord`.
        """
        self._add(self._requests.patch(id, changes).operations)

    def delete(self, id: str) -> None:
        """Collect a delete; whether the record exists is not known yet.

        Raises `InvalidRecord` for an invalid id.
        """
        self._add(self._requests.delete(id).operations)

    def expect(self, id: str, version: int | None) -> None:
        """Apply the batch only if a record still has this version.

        Use it for records that the batch depends on. `version` is the result of `version(id)`, or
        None if the record must not exist. It is compared with the state before the batch, even if
        the batch writes the record too. If it differs, the batch raises `Conflict` at its end, and
        changes nothing.
        """
        self._add(self._requests.expect(id, version).operations)

    def clear(self, *, everywhere: bool = False) -> None:
        """Collect a clear of the table in all namespaces, as `Table.clear`.

        Raises `InvalidRequest` as that does.
        """
        self._add(self._requests.clear(everywhere=everywhere).operations)

    def clear_namespace(self, name: str | None = None) -> None:
        """Collect a clear of the table in one namespace, by default in the store's own.

        Raises `InvalidRecord` for an invalid name.
        """
        self._add(self._requests.clear_namespace(name).operations)

    def _named(self, name: str) -> NoReturn:
        """Refuse reads: records written by a batch cannot be read before it ends."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise TigerError(f"a batch only writes: use store.{self._requests.table}.{name} outside it")

    if not TYPE_CHECKING:  # for which only what is declared is there
        __getattr__ = _named
