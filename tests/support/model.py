"""What the store should hold: the operations of a request applied to plain dicts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgpack

from tiger.format import protocol, record
from tiger.format.layout import FIRST_DEFINED
from tiger.format.record import Record
from tiger.format.resources import DEFINITIONS, DEFINITIONS_NAMESPACE

Operation = list[Any]
Place = tuple[int, str]
"""A table's number and a namespace."""


@dataclass
class Row:
    """One record, when it was inserted (counted in inserts), and the commit that wrote it."""

    content: Record
    inserted: int
    commit: int

    @property
    def order(self) -> tuple[float, int]:
        """Greater comes first in lists."""
        return record.created_of(self.content), self.inserted


@dataclass
class Model:
    """A state of the store; `apply` gives the next one."""

    commit: int = 0
    inserts: int = 0
    spaces: dict[Place, dict[str, Row]] = field(default_factory=dict)
    """The namespaces that began and were not cleared since, empty ones too; forks are copies."""
    forks: dict[Place, tuple[str, set[str]]] = field(default_factory=dict)
    """Of those that are forks, the parent, and the ids that they have or hide themselves."""
    before: Model | None = field(default=None, repr=False, compare=False)

    def apply(self, operations: list[Operation]) -> Model:
        """Return the state after a request; this one stays as it is."""
        spaces = {place: dict(rows) for place, rows in self.spaces.items()}
        forks = {place: (parent, set(own)) for place, (parent, own) in self.forks.items()}
        after = Model(self.commit + 1, self.inserts, spaces, forks, self)
        for name, *arguments in operations:
            getattr(after, f"_{name}")(*arguments)
        return after

    def rows(self, number: int, namespace: str) -> list[Row]:
        """Return the records of a namespace in the order of lists."""
        rows = self.spaces.get((number, namespace), {}).values()
        return sorted(rows, key=lambda row: row.order, reverse=True)

    # --- The operations ---

    def _put(self, number: int, namespace: str, body: bytes, *_: Any) -> None:
        content = msgpack.unpackb(body)
        rows = self.spaces.setdefault((number, namespace), {})
        known = rows.get(content["id"])
        self.inserts += known is None
        inserted = known.inserted if known else self.inserts
        rows[content["id"]] = Row(content, inserted, self.commit)
        self._own((number, namespace), content["id"])

    _create = _put

    def _put_many(self, number: int, namespace: str, bodies: list[bytes]) -> None:
        for body in bodies:
            self._put(number, namespace, body)

    def _patch(self, number: int, namespace: str, identity: str, changes: bytes) -> None:
        content = {**self.spaces[(number, namespace)][identity].content, **msgpack.unpackb(changes)}
        kept = {key: value for key, value in content.items() if value is not None}
        self._put(number, namespace, msgpack.packb(kept))

    def _delete(self, number: int, namespace: str, identity: str) -> None:
        known = self.spaces.get((number, namespace), {}).pop(identity, None)
        if known is not None:
            self._own((number, namespace), identity)

    def _delete_where(self, number: int, namespace: str, name: str, value: bytes) -> None:
        for row in self.rows(number, namespace):
            if record.matches(row.content, {name: value}):
                self._delete(number, namespace, row.content["id"])

    def _clear_namespace(self, number: int | None, namespace: str) -> None:
        for place in list(self.spaces):
            is_meant = place[0] == number if number is not None else place[0] != DEFINITIONS.number
            if is_meant and place[1] == namespace:
                self._end(place)

    def _clear(self, number: int) -> None:
        for place in list(self.spaces):
            if place[0] == number:
                self._end(place)

    def _end(self, place: Place) -> None:
        del self.spaces[place]
        self.forks.pop(place, None)

    def _own(self, place: Place, identity: str) -> None:
        """Note that a fork has an id itself, or hides what it would inherit of it."""
        parent, own = self.forks.get(place, ("", set()))
        own.add(identity)
        is_there = identity in self.spaces[place]
        if parent and not is_there and identity not in self.spaces[(place[0], parent)]:
            own.discard(identity)

    def _fork(self, parent: str, child: str) -> None:
        for (number, name), rows in list(self.spaces.items()):
            if name == parent and number != DEFINITIONS.number:
                self.spaces[(number, child)] = dict(rows)
                self.forks[(number, child)] = (parent, set())

    def _rollback(self, namespace: str, commit: int) -> None:
        then = self.at(commit).spaces
        places = {place for place in (*self.spaces, *then) if place[1] == namespace}
        for place in places - {(DEFINITIONS.number, namespace)}:
            if place not in then:
                self._end(place)
                continue
            rows, old = self.spaces.get(place, {}), then[place]
            for identity in {*rows, *old}:
                if identity not in old:
                    del rows[identity]
                    self._own(place, identity)
                elif identity not in rows or rows[identity].commit != old[identity].commit:
                    rows = self.spaces.setdefault(place, rows)
                    known = old[identity]
                    rows[identity] = Row(known.content, known.inserted, self.commit)
                    self._own(place, identity)

    def at(self, commit: int) -> Model:
        """Return the state that was committed under that number, on the way to this one."""
        return self if self.commit == commit or self.before is None else self.before.at(commit)

    def _define(self, name: str, prefix: Any, url: Any, indexes: list[str]) -> None:
        known = self.spaces.get((DEFINITIONS.number, DEFINITIONS_NAMESPACE), {})
        if name not in known:
            content = {"id": name, "prefix": prefix, "url": url, "indexes": indexes}
            content["number"] = FIRST_DEFINED + len(known)
            self._put(DEFINITIONS.number, DEFINITIONS_NAMESPACE, msgpack.packb(content))


# --- Operations, short to write ---


def put(number: int, namespace: str, id: str, **fields: Any) -> Operation:
    """Return the operation that writes a record."""
    return [protocol.PUT, number, namespace, msgpack.packb({"id": id, **fields})]


def create(number: int, namespace: str, id: str, **fields: Any) -> Operation:
    """Return the operation that writes a record which is not there."""
    return [protocol.CREATE, *put(number, namespace, id, **fields)[1:]]


def put_many(number: int, namespace: str, records: list[Record]) -> Operation:
    """Return the operation that writes many records."""
    return [protocol.PUT_MANY, number, namespace, [msgpack.packb(item) for item in records]]


def patch(number: int, namespace: str, identity: str, **changes: Any) -> Operation:
    """Return the operation that merges changes into a record."""
    return [protocol.PATCH, number, namespace, identity, msgpack.packb(changes)]


def delete(number: int, namespace: str, identity: str) -> Operation:
    """Return the operation that removes a record."""
    return [protocol.DELETE, number, namespace, identity]


def delete_where(number: int, namespace: str, name: str, value: Any) -> Operation:
    """Return the operation that removes the records with a value."""
    return [protocol.DELETE_WHERE, number, namespace, name, record.value_key(value)]


def clear_namespace(number: int | None, namespace: str) -> Operation:
    """Return the operation that empties a namespace."""
    return [protocol.CLEAR_NAMESPACE, number, namespace]


def clear(number: int) -> Operation:
    """Return the operation that empties a table."""
    return [protocol.CLEAR, number]


def define(name: str, *indexes: str) -> Operation:
    """Return the operation that makes a table."""
    return [protocol.DEFINE, name, None, None, list(indexes)]


def fork(parent: str, child: str) -> Operation:
    """Return the operation that begins a namespace as a copy of another."""
    return [protocol.FORK, parent, child]


def rollback(namespace: str, commit: int) -> Operation:
    """Return the operation that undoes what was done in a namespace after a commit."""
    return [protocol.ROLLBACK, namespace, commit]
