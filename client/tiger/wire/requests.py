"""The writes of a table and a store: for each, the operations to send and the result of the call.

`tiger.table` and `tiger.store` send them and block, `tiger.aio` sends them and awaits, and a batch
collects them. The meaning of each write is defined only here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from tiger.errors import InvalidRecord, InvalidRequest, OutcomeUnknown
from tiger.format import layout, protocol, record
from tiger.format.memory import Vanished
from tiger.format.protocol import Operation
from tiger.format.record import Record
from tiger.format.resources import CALLS, Resource, definition_record
from tiger.reading.reader import Reader
from tiger.wire.session import Answer

Result = TypeVar("Result")
Made = TypeVar("Made")

BODY = 3
"""The place of a record in the operation that writes it."""

VERSION_MAX = (1 << 64) - 1
"""A record's version is a word of shared memory."""


def _nothing(*_: Answer) -> None:
    return None


def _value(answer: Answer) -> Any:
    return answer.value


class Request(Generic[Result]):
    """Operations to be applied together, and the result of their answer."""

    __slots__ = ("meanwhile", "operations", "result")

    def __init__(
        self,
        operations: list[Operation],
        result: Callable[[Answer], Result],
        meanwhile: Callable[[], Any] = _nothing,
    ) -> None:
        """Ask for operations; `result` makes the call's result of the answer."""
        self.operations: list[Operation] = operations
        self.result: Callable[[Answer], Result] = result
        self.meanwhile: Callable[[], Any] = meanwhile
        """Makes the result while the daemon works, if that does not need the answer."""


class TableRequests:
    """The writes of one table in one namespace."""

    def __init__(
        self, reader: Reader, resource: Resource, namespace: str, *, is_account: bool
    ) -> None:
        """Prepare requests; the reader knows the daemon's limits.

        `is_account`: the namespace is cleared after use, like that of a test.
        """
        self._reader = reader
        self._resource = resource
        self._target: list[Any] = [resource.number, namespace]
        self._is_account = is_account

    @property
    def table(self) -> str:
        """The table's name."""
        return self._resource.table

    def insert(self, item: Mapping[str, Any]) -> Request[Record]:
        """Write a record, under a new id if it has none."""
        return _writing(self._put(protocol.PUT, self._with_id(item)))

    def _with_id(self, item: Mapping[str, Any]) -> Mapping[str, Any]:
        if (type(item) is dict or isinstance(item, Mapping)) and "id" not in item:
            return {"id": record.new_id(self._resource.prefix), **item}
        return item

    def create(self, item: Mapping[str, Any]) -> Request[Record]:
        """Write a record that must not exist yet."""
        return _writing(self.creation(item))

    def creation(self, item: Mapping[str, Any]) -> Operation:
        """Return only the operation of `create`, for callers that need no result."""
        return self._put(protocol.CREATE, self._with_id(item))

    def update(self, item: Mapping[str, Any], if_version: int | None = None) -> Request[Record]:
        """Write a record that has an id; only over that version, if one is given."""
        if if_version is None:
            return _writing(self._put(protocol.PUT, item))
        _check_version(if_version)
        return _writing(self._put(protocol.PUT, item, if_version))

    def _put(self, name: str, item: Mapping[str, Any], *more: int) -> Operation:
        max_record = self._max_record
        packed = record.pack(item, max_record) or record.encode(item, max_record)
        return [name, *self._target, packed[1], *more]

    @property
    def _max_record(self) -> int:
        return self._reader.words[layout.MAX_RECORD]

    def insert_many(self, items: Iterable[Mapping[str, Any]]) -> Request[int]:
        """Write many records."""
        if isinstance(items, (str, bytes, Mapping)) or not isinstance(items, Iterable):
            raise InvalidRecord(f"items {items!r:.80}: use a list of records")
        bodies = []
        max_record = self._max_record
        for place, item in enumerate(items):
            try:
                bodies.append(record.encode(self._with_id(item), max_record)[1])
            except InvalidRecord as error:
                raise InvalidRecord(f"item {place}: {error}") from None
        operations: list[Operation] = [[protocol.PUT_MANY, *self._target, bodies]] if bodies else []
        return Request(operations, lambda _: len(bodies))

    def patch(self, id: str, changes: Mapping[str, Any]) -> Request[Record]:
        """Merge changes into a record at the daemon; None removes a key."""
        record.encode_name(id, "id")
        if not isinstance(changes, Mapping):
            raise InvalidRecord(f"changes {changes!r:.80}: use a dict")
        body = record.encode_body(changes, f"changes of {id!r}", self._max_record)
        operation = [protocol.PATCH, *self._target, id, body]
        return Request([operation], lambda answer: self._patched(id, answer))

    def _patched(self, id: str, answer: Answer) -> Record:
        """Return the record as the patch wrote it, even if the message that had it is lost.

        `OutcomeUnknown` if the version it wrote was cleaned away before it was looked for.
        """
        if isinstance(answer.value, bytes):
            return record.decode(answer.value)
        number, name = self._resource.number, self._resource.table
        try:
            return record.decode(self._reader.table(number, name).version(answer.ref).body)
        except Vanished:
            raise OutcomeUnknown(
                f"the patch of {name} {id!r} was applied, but its answer was lost, and the version "
                f"that it wrote has been cleaned away since: read the record",
                directory=self._reader.directory,
            ) from None

    def delete(self, id: str) -> Request[bool]:
        """Remove a record; tell whether it was there."""
        record.encode_name(id, "id")
        return Request([[protocol.DELETE, *self._target, id]], _was_there)

    def expect(self, id: str, version: int | None) -> Request[None]:
        """Write nothing, but apply the rest of the request only if the record has that version."""
        record.encode_name(id, "id")
        if version is not None:
            _check_version(version)
        return Request([[protocol.EXPECT, *self._target, id, version]], _nothing)

    def delete_by_subscription(self, id: str) -> Request[None]:
        """Remove the subscription items of a subscription."""
        if self._resource.table != CALLS["delete_by_subscription"]:
            raise AttributeError(
                f"{self._resource.table} has no delete_by_subscription: use delete(id)"
            )
        if not isinstance(id, str):
            raise InvalidRecord(f"subscription {id!r:.80} is not a string: use its id")
        value = record.value_key(id)
        operation = [protocol.DELETE_WHERE, *self._target, "subscription", value]
        return Request([operation], _nothing)

    def clear(self, *, everywhere: bool) -> Request[None]:
        """Empty the table in all namespaces, those of others too."""
        if self._is_account and not everywhere:
            namespace = self._target[1]
            raise InvalidRequest(
                f"clear() empties {self._resource.table} in all namespaces, and {namespace!r} is "
                f"an account beside others: use clear_namespace() to empty it here, or "
                f"clear(everywhere=True) to empty it for everybody"
            )
        return Request([[protocol.CLEAR, self._resource.number]], _nothing)

    def clear_namespace(self, name: str | None) -> Request[None]:
        """Empty the table in one namespace, None for the requests' own."""
        number, own = self._target
        name = own if name is None else name
        record.encode_name(name, "namespace")
        return Request([[protocol.CLEAR_NAMESPACE, number, name]], _nothing)


def _writing(operation: Operation) -> Request[Record]:
    """Return the request for one record; its result is the record."""
    return Request([operation], _value, lambda: record.decode(operation[BODY]))


def _check_version(version: object) -> None:
    if type(version) is not int or not 0 <= version <= VERSION_MAX:
        raise InvalidRecord(f"if_version {version!r:.80}: use the number that version(id) returned")


def clear_namespace(name: str) -> Request[None]:
    """Empty all tables in one namespace."""
    record.encode_name(name, "namespace")
    return Request([[protocol.CLEAR_NAMESPACE, None, name]], _nothing)


def fork(parent: str, child: str, make: Callable[[], Made]) -> Request[tuple[Made, bool]]:
    """Begin a namespace that has all that another one has.

    Its result is that of `make`, and whether there was anything to inherit.
    """
    record.encode_name(child, "namespace")
    operation = [protocol.FORK, parent, child]
    return Request([operation], lambda answer: (answer.value, _was_there(answer)), make)


def rollback(namespace: str, commit: int) -> Request[None]:
    """Undo the changes in a namespace after a commit."""
    return Request([[protocol.ROLLBACK, namespace, commit]], _nothing)


def define(name: str, prefix: str | None, url: str | None, indexes: Iterable[str]) -> Request[None]:
    """Make a table of the user's own."""
    is_list = isinstance(indexes, Iterable) and not isinstance(indexes, str)
    fields: Any = list(indexes) if is_list else indexes
    record.encode(definition_record(name, prefix, url, fields))  # says what is wrong with it
    return Request([[protocol.DEFINE, name, prefix, url, fields]], _nothing)


def _was_there(answer: Answer) -> bool:
    return answer.status == protocol.DONE
