"""From operations to what they come to: which records are written, ended, which namespaces go.

Everything that can be refused is refused here, before the first store: a plan that was made can be
applied. Operations of one request see what those before them did, so a plan holds one effect a key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from tiger import layout, protocol, record
from tiger.errors import (
    AlreadyExists,
    Conflict,
    InvalidRecord,
    InvalidRequest,
    NotFound,
    Sealed,
    TigerError,
    UnknownTable,
)
from tiger.lineage import Lineage, find_lineage
from tiger.resources import (
    DEFINITIONS,
    DEFINITIONS_NAMESPACE,
    FIRST_DEFINED,
    TABLES_MAX,
    definition_record,
)
from tiger.version import Version
from tigerd.effects import Effect
from tigerd.facts import Facts
from tigerd.history import History
from tigerd.table import Table, too_many


class Tables(Protocol):
    """Where a plan finds the tables."""

    @property
    def max_record(self) -> int:
        """The most bytes a record may have."""

    def table(self, number: int) -> Table:
        """Return a table, or raise `UnknownTable`."""

    @property
    def forks(self) -> Counter[str]:
        """How many forks each namespace has that has any; those are sealed."""

    @property
    def history(self) -> History:
        """What changed of late."""

    def in_use(self) -> list[Table]:
        """Return the tables that have segments, without the definitions."""


class Plan:
    """What the operations of one request come to."""

    status = protocol.DONE
    answering: Effect | None = None
    """What the last operation wrote, if it wrote one record."""
    answers = False

    def __init__(self, tables: Tables) -> None:
        """Begin with nothing."""
        self._tables = tables
        self._names: set[str] = set()
        """Of namespaces that are not there yet: those that are such as may be."""
        self.effects: dict[tuple[int, str, bytes], Effect] = {}
        self.cleared: dict[tuple[int, str], Table] = {}
        self.forked: list[tuple[Table, str, str]] = []
        """Tables, and the parent and the child in each."""

    def add(self, operation: Any) -> None:
        """Plan one more operation, or raise a `TigerError` that says what is wrong with it."""
        if type(operation) is not list or not operation or type(operation[0]) is not str:
            raise InvalidRequest("an operation is an array that begins with its name")
        name = operation[0]
        known = OPERATIONS.get(name)
        if known is None:
            raise InvalidRequest(f"no operation {name!r:.40}: is the client of another version?")
        if self.forked or (name in ALONE and (self.effects or self.cleared)):
            alone = protocol.FORK if self.forked else name
            raise InvalidRequest(f"{alone} stands alone: let the rest be committed first")
        self.answering, self.answers = None, name == protocol.PATCH
        try:
            self.status = known(self, *operation[1:])
        except TigerError:
            raise
        except Exception as error:  # nothing is stored yet, so nothing is to be undone
            raise InvalidRequest(
                f"operation {name!r}: wrong arguments ({type(error).__name__}: {error})"
            ) from None

    def _table(self, number: Any) -> Table:
        """Return a table that users may write to."""
        if type(number) is not int or not 0 < number < TABLES_MAX:
            raise UnknownTable(f"no table has the number {number!r:.20}")
        return self._tables.table(number)

    def _effect(self, table: Table, namespace: Any, key: bytes) -> Effect:
        """Return what the operations so far do to a record; at first, nothing."""
        space = table.namespaces.get(namespace) if type(namespace) is str else None
        if space is None:
            self._check_name(namespace)
        if self._tables.forks:
            self._check_open(namespace)
        at = (table.number, namespace, key)
        known = self.effects.get(at)
        if known is not None:
            return known
        effect = self.effects[at] = Effect(table, namespace, key)
        if space is None or (self.cleared and at[:2] in self.cleared):
            return effect
        found = effect.found = table.find(space, key)
        if found is not None and not found[2] & layout.GONE:
            effect.old = found[3]
        if space.parent:
            effect.inherited = table.inherited(space, key)
        if effect.shown is not None:
            effect.number = effect.shown.number
        return effect

    # --- The operations; each returns the status to answer with ---

    def put(self, number: Any, namespace: Any, body: Any, if_version: Any = None) -> int:
        """Write a record, replacing the one of that id."""
        effect, facts = self._parse(self._table(number), namespace, body)
        if if_version is not None:
            self._check_version(effect, if_version)
        self._write(effect, body, facts)
        return protocol.DONE

    def create(self, number: Any, namespace: Any, body: Any) -> int:
        """Write a record that must not be there."""
        effect, facts = self._parse(self._table(number), namespace, body)
        if effect.exists:
            raise AlreadyExists(
                f"{effect.table.resource.table} {facts[0].decode()!r} is there already in "
                f"namespace {namespace!r}: use insert() or update() to replace it"
            )
        self._write(effect, body, facts)
        return protocol.DONE

    def put_many(self, number: Any, namespace: Any, bodies: Any) -> int:
        """Write many records of one table."""
        if type(bodies) is not list:
            raise InvalidRequest("put_many takes an array of records")
        table = self._table(number)
        for body in bodies:
            effect, facts = self._parse(table, namespace, body)
            self._write(effect, body, facts)
        self.answering = None
        return protocol.DONE

    def patch(self, number: Any, namespace: Any, identity: Any, changes: Any) -> int:
        """Merge changes into a record; None removes a key."""
        effect = self._effect(self._table(number), namespace, record.encode_name(identity, "id"))
        content = effect.current()
        if content is None:
            raise NotFound(
                f"no {effect.table.resource.table} {identity!r} in namespace {namespace!r}"
            )
        if type(changes) is not bytes:
            raise InvalidRequest("patch takes its changes as msgpack")
        for key, value in record.decode_untrusted(changes).items():
            if value is None:
                content.pop(key, None)
            else:
                content[key] = value
        if content.get("id") != identity:
            raise InvalidRecord(f"patch of {identity!r}: the id of a record does not change")
        body = record.encode_body(content, f"record {identity!r}", self._tables.max_record)
        self._write(effect, body, effect.table.facts_of(body))
        return protocol.DONE

    def delete(self, number: Any, namespace: Any, identity: Any) -> int:
        """Remove a record; say whether it was there."""
        effect = self._effect(self._table(number), namespace, record.encode_name(identity, "id"))
        was_there = effect.exists
        effect.remove()
        return protocol.DONE if was_there else protocol.ABSENT

    def delete_where(self, number: Any, namespace: Any, name: Any, value: Any) -> int:
        """Remove the records of a namespace whose indexed field has that value (as msgpack)."""
        table = self._table(number)
        record.encode_name(namespace, "namespace")
        if name not in table.resource.indexes or type(value) is not bytes:
            raise InvalidRequest(f"{table.resource.table} has no index on {name!r:.40}")
        lineage = self._lineage(table, namespace, table.control.words[layout.COMMIT])
        if lineage is not None:
            index = table.resource.indexes.index(name) + 1
            firsts = lineage.firsts(index, bytes((index,)) + value)
            for version in lineage.walk(firsts, index):
                self._effect(table, namespace, version.key).remove()
        return protocol.DONE

    def clear(self, number: Any) -> int:
        """Empty a table in all namespaces."""
        table = self._table(number)
        started = {at[1] for at in self.effects if at[0] == number}
        for namespace in started | set(table.namespaces):
            self._check_open(namespace)
            self._clear(table, namespace)
        return protocol.DONE

    def clear_namespace(self, number: Any, namespace: Any) -> int:
        """Empty a namespace, in one table or (None) in all."""
        record.encode_name(namespace, "namespace")
        self._check_open(namespace)
        if number is not None:
            self._clear(self._table(number), namespace)
            return protocol.DONE
        begun = [
            effect.table for at, effect in self.effects.items() if at[0] and at[1] == namespace
        ]
        for table in dict.fromkeys([*self._tables.in_use(), *begun]):
            self._clear(table, namespace)
        return protocol.DONE

    def define(self, name: Any, prefix: Any, url: Any, indexes: Any) -> int:
        """Make a table of the user's own; the same definition again changes nothing."""
        wanted = definition_record(name, prefix, url, indexes)
        key = name.encode()
        table = self._tables.table(DEFINITIONS.number)
        space = table.namespaces.get(DEFINITIONS_NAMESPACE)
        found = table.find(space, key) if space else None
        if found is not None:
            known = record.decode(found[3].body)
            if {**wanted, "number": known["number"]} != known:
                raise AlreadyExists(
                    f"table {name!r} is defined already, with prefix {known['prefix']!r}, url "
                    f"{known['url']!r}, indexes {known['indexes']!r}: use these, or another name"
                )
            return protocol.DONE
        number = FIRST_DEFINED + (space.records if space else 0)
        if number >= TABLES_MAX:
            raise InvalidRequest(f"{TABLES_MAX - FIRST_DEFINED} tables are defined, the most")
        content = {**wanted, "number": number}
        effect = Effect(table, DEFINITIONS_NAMESPACE, key)
        self.effects[(DEFINITIONS.number, DEFINITIONS_NAMESPACE, key)] = effect
        body = record.encode(content)[1]
        self._write(effect, body, table.facts_of(body))
        return protocol.DONE

    def fork(self, parent: Any, child: Any) -> int:
        """Begin a namespace that has all that another one has, in every table."""
        for name in (parent, child):
            record.encode_name(name, "namespace")
        tables = self._tables.in_use()
        taken = [table.resource.table for table in tables if child in table.namespaces]
        if taken:
            raise AlreadyExists(
                f"namespace {child!r} is there already, with {', '.join(taken)}: clear it, or use "
                f"another name"
            )
        self.forked = [(table, parent, child) for table in tables if parent in table.namespaces]
        if not self.forked:
            raise NotFound(f"no namespace {parent!r} to fork: it begins with its first record")
        return protocol.DONE

    def rollback(self, namespace: Any, commit: Any) -> int:
        """Undo what was changed in a namespace after a commit that a reader holds."""
        record.encode_name(namespace, "namespace")
        words = self._tables.table(DEFINITIONS.number).control.words
        if type(commit) is not int or not words[layout.HORIZON] <= commit <= words[layout.COMMIT]:
            raise InvalidRequest(
                f"nothing can be rolled back to commit {commit!r:.20}: nobody holds it any more"
            )
        changed: dict[int, set[bytes | None]] = {}
        for number, key in self._tables.history.since(commit, namespace):
            if number != DEFINITIONS.number:
                changed.setdefault(number, set()).add(key)
        for number, keys in changed.items():
            self._roll_back(self._table(number), namespace, commit, keys)
        return protocol.DONE

    def _roll_back(
        self, table: Table, namespace: str, commit: int, changed: set[bytes | None]
    ) -> None:
        """Let each of the keys have what it had; of a namespace that was cleared, all keys."""
        before = self._lineage(table, namespace, commit)
        if before is None:
            self._check_open(namespace)
            self._clear(table, namespace)
            return
        keys = {key for key in changed if key is not None}
        if None in changed:
            now = self._lineage(table, namespace, table.control.words[layout.COMMIT])
            for lineage in (before, now) if now is not None else (before,):
                keys.update(version.key for version in lineage.walk(lineage.firsts()))
        for key in sorted(keys):
            effect = self._effect(table, namespace, key)
            version = before.find(key)
            if version is None:
                effect.remove()
            elif effect.shown is None or _origin(effect.shown) != _origin(version):
                self._write(effect, version.body, table.facts_of(version.body))
                effect.number = version.number

    # --- Helpers ---

    @staticmethod
    def _lineage(table: Table, namespace: str, commit: int) -> Lineage | None:
        return find_lineage(table.reader, namespace.encode(), commit)

    def _check_name(self, namespace: Any) -> None:
        if type(namespace) is not str or namespace not in self._names:
            record.encode_name(namespace, "namespace")
            self._names.add(namespace)

    def _check_open(self, namespace: str) -> None:
        """Raise `Sealed` if the namespace has forks: they have what it has."""
        forks = self._tables.forks.get(namespace)
        if forks:
            raise Sealed(
                f"namespace {namespace!r} has forks, so it is sealed and nothing was changed: "
                f"write to the fork, or let the forks end first"
            )

    def _parse(self, table: Table, namespace: Any, body: Any) -> tuple[Effect, Facts]:
        if type(body) is not bytes:
            raise InvalidRequest("a record travels as msgpack")
        if len(body) > self._tables.max_record:
            raise record.too_large("a record", len(body), self._tables.max_record)
        facts = table.facts_of(body)
        return self._effect(table, namespace, facts[0]), facts

    def _check_version(self, effect: Effect, wanted: Any) -> None:
        there = effect.shown.begin if effect.shown and not effect.is_touched else None
        if there != wanted:
            raise Conflict(
                f"{effect.table.resource.table} {effect.key.decode()!r} is at version {there}, "
                f"not {wanted!r:.20}: read it again"
            )

    def _write(self, effect: Effect, body: bytes, facts: Facts) -> None:
        effect.write(body, facts)
        self.answering = effect
        if not effect.keeps_place:  # deleted by an operation before: it is the newest insert now
            at = (effect.table.number, effect.namespace, effect.key)
            self.effects[at] = self.effects.pop(at)

    def _clear(self, table: Table, namespace: str) -> None:
        for at in [at for at in self.effects if at[:2] == (table.number, namespace)]:
            del self.effects[at]
        self.cleared[(table.number, namespace)] = table

    # --- Before and after applying ---

    def changed(self) -> set[tuple[int | None, str]]:
        """Return table's number and namespace of all that is written to, and None for any table."""
        places = {(number, namespace) for number, namespace, _ in self.effects}
        places |= self.cleared.keys()
        places |= {(table.number, child) for table, _, child in self.forked}
        return {*places, *((None, namespace) for _, namespace in places)}

    @property
    def answer(self) -> bytes | None:
        """The record to answer with, if the last operation was a patch."""
        return self.answering.body if self.answering is not None and self.answers else None

    def reserve(self) -> None:
        """Make room for all that is written, or raise `StoreFull`."""
        puts: dict[Table, list[Effect]] = {}
        for effect in self.effects.values():
            if effect.body is not None:
                puts.setdefault(effect.table, []).append(effect)
        try:
            self._reserve(puts)
        except TigerError:
            for table in (*puts, *(table for table, _, _ in self.forked)):
                table.space.give_back()
            raise

    def _reserve(self, puts: dict[Table, list[Effect]]) -> None:
        for table, parent, child in self.forked:
            table.reserve_fork(parent, child)
        for table, effects in puts.items():
            begun = set()
            for effect in effects:
                known = table.namespaces.get(effect.namespace)
                if known is None or (table.number, effect.namespace) in self.cleared:
                    begun.add(effect.namespace)
                elif known.records + len(effects) > layout.COUNT_MAX:
                    raise too_many(effect.namespace)
            table.reserve(begun, effects)


OPERATIONS: dict[str, Callable[..., int]] = {
    protocol.PUT: Plan.put,
    protocol.CREATE: Plan.create,
    protocol.PUT_MANY: Plan.put_many,
    protocol.PATCH: Plan.patch,
    protocol.DELETE: Plan.delete,
    protocol.DELETE_WHERE: Plan.delete_where,
    protocol.CLEAR: Plan.clear,
    protocol.CLEAR_NAMESPACE: Plan.clear_namespace,
    protocol.DEFINE: Plan.define,
    protocol.FORK: Plan.fork,
    protocol.ROLLBACK: Plan.rollback,
}
"""One function an operation, and the one table that names them."""

ALONE = frozenset((protocol.DEFINE, protocol.DELETE_WHERE, protocol.FORK, protocol.ROLLBACK))
"""Operations that see what is committed, and not what those before them in a request did."""


def _origin(version: Version) -> tuple[int, int]:
    """Return what is the same of a version and its copies, and of no other of that key."""
    return version.scope, version.begin


def prefixed(error: TigerError, place: int) -> TigerError:
    """Return the error with the number of the operation that it is about."""
    return type(error)(f"operation {place}: {error}")
