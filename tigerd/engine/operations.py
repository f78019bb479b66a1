"""The operations of a request: each adds to the plan, or refuses the request.

Every refusal is made here, before the first store; after that, only a lack of room can keep a plan
from being applied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tiger.errors import (
    AlreadyExists,
    Conflict,
    Damaged,
    InvalidRecord,
    InvalidRequest,
    NotFound,
    StoreFull,
    TigerError,
)
from tiger.format import layout, memory, protocol, record
from tiger.format.memory import Vanished
from tiger.format.resources import (
    DEFINITIONS,
    DEFINITIONS_NAMESPACE,
    definition_record,
)
from tiger.format.version import Version
from tiger.reading.lineage import Lineage, find_lineage
from tigerd.engine.facts import facts_of
from tigerd.engine.plan import Effect, Fork, Plan
from tigerd.engine.planning import Planner
from tigerd.engine.table import WritableTable
from tigerd.engine.writer import Writer

Operations = Mapping[str, Callable[..., int]]
"""A function for each operation, by its name."""


def no_memory_error() -> StoreFull:
    """Return the error of a request that was given up before anything was stored."""
    return StoreFull(
        "the daemon has too little memory of its own for this request, and nothing was changed: "
        "write in smaller batches, or give it more (`ulimit -v`)"
    )


def plan_of(writer: Writer, operations: list[Any], known: Operations | None = None) -> Plan:
    """Return the plan of a request's operations; an error says which of several operations it is.

    They are of those known, `OPERATIONS` by default.
    """
    planner = Planner(writer)
    is_alone = len(operations) == 1
    for place, operation in enumerate(operations):
        try:
            add(planner, operation, known, is_alone=is_alone)
        except TigerError as error:
            if is_alone:
                raise
            raise type(error)(f"operation {place}: {error}", **error.facts) from None
    return planner.plan


def add(
    planner: Planner, operation: Any, known: Operations | None = None, *, is_alone: bool = True
) -> None:
    """Plan one more operation, or raise a `TigerError` that says what is wrong with it."""
    if type(operation) is not list or not operation or type(operation[0]) is not str:
        raise InvalidRequest("an operation is an array that begins with its name")
    name, plan = operation[0], planner.plan
    function = (OPERATIONS if known is None else known).get(name)
    if function is None:
        raise InvalidRequest(f"no operation {name!r:.40}: is the client of another version?")
    if name in ALONE and not is_alone:
        raise InvalidRequest(
            f"{name} has to be a request of its own: commit the other operations before it"
        )
    plan.written, plan.returns_record = None, name == protocol.PATCH
    try:
        plan.status = function(planner, *operation[1:])
    except TigerError:
        raise
    except MemoryError:
        raise no_memory_error() from None
    except Vanished as error:
        raise Damaged(f"{error}{memory.REMEDY}") from None
    except Exception as error:  # nothing is stored yet, so nothing is to be undone
        raise InvalidRequest(
            f"operation {name!r}: wrong arguments ({type(error).__name__}: {error})"
        ) from None


# --- Each returns the status to answer with ---


def put(planner: Planner, number: Any, namespace: Any, body: Any, if_version: Any = None) -> int:
    """Write a record, replacing the one of that id."""
    effect, facts = planner.effect_of(planner.table(number), namespace, body)
    if if_version is not None:
        _check_version(effect, if_version)
    planner.plan.write(effect, body, facts)
    return protocol.DONE


def create(planner: Planner, number: Any, namespace: Any, body: Any) -> int:
    """Write a record that must not exist yet."""
    effect, facts = planner.effect_of(planner.table(number), namespace, body)
    if effect.exists:
        raise AlreadyExists(
            f"{effect.resource.table} {effect.key.decode()!r} already exists in "
            f"namespace {namespace!r}: use insert() or update() to replace it",
            table=effect.resource.table,
            id=effect.key.decode(),
            namespace=namespace,
        )
    planner.plan.write(effect, body, facts)
    return protocol.DONE


def put_many(planner: Planner, number: Any, namespace: Any, bodies: Any) -> int:
    """Write many records of one table."""
    if type(bodies) is not list:
        raise InvalidRequest("put_many takes an array of records")
    table = planner.table(number)
    for body in bodies:
        effect, facts = planner.effect_of(table, namespace, body)
        planner.plan.write(effect, body, facts)
    planner.plan.written = None
    return protocol.DONE


def expect(planner: Planner, number: Any, namespace: Any, identity: Any, version: Any) -> int:
    """Refuse the request unless a record was at that version before it; None: was not there."""
    table = planner.table(number)
    key = record.encode_name(identity, "id")
    is_new = (table.number, namespace, key) not in planner.plan.effects
    effect = planner.effect(table, namespace, key)
    if is_new:
        del planner.plan.effects[effect.target]  # nothing is done to it
    _check(effect, effect.shown.begin if effect.shown else None, version)
    return protocol.DONE


def patch(planner: Planner, number: Any, namespace: Any, identity: Any, changes: Any) -> int:
    """Merge changes into a record; None removes a key."""
    effect = planner.effect(planner.table(number), namespace, record.encode_name(identity, "id"))
    content = effect.current()
    if content is None:
        table = effect.resource.table
        raise NotFound(
            f"no {table} {identity!r} in namespace {namespace!r}",
            table=table,
            id=identity,
            namespace=namespace,
        )
    if type(changes) is not bytes:
        raise InvalidRequest("patch takes its changes as msgpack")
    for key, value in record.decode_untrusted(changes).items():
        if value is None:
            content.pop(key, None)
        else:
            content[key] = value
    if content.get("id") != identity:
        raise InvalidRecord(
            f"patch of {identity!r}: the id of a record does not change, insert another record"
        )
    body = record.encode_body(content, f"record {identity!r}", planner.writer.max_record)
    planner.plan.write(effect, body, facts_of(body, effect.resource.indexes))
    return protocol.DONE


def delete(planner: Planner, number: Any, namespace: Any, identity: Any) -> int:
    """Remove a record; say whether it was there."""
    effect = planner.effect(planner.table(number), namespace, record.encode_name(identity, "id"))
    was_there = effect.exists
    effect.remove()
    return protocol.DONE if was_there else protocol.ABSENT


def delete_where(planner: Planner, number: Any, namespace: Any, name: Any, value: Any) -> int:
    """Remove the records of a namespace whose indexed field has that value (as msgpack)."""
    table = planner.table(number)
    record.encode_name(namespace, "namespace")
    if name not in table.fields or type(value) is not bytes:
        raise InvalidRequest(f"{table.resource.table} has no index on {name!r:.40}")
    lineage = _lineage(table, namespace, table.control.words[layout.COMMIT])
    if lineage is not None:
        index = table.fields.index(name) + 1
        firsts = lineage.firsts(index, bytes((index,)) + value)
        for version in lineage.walk(firsts, index):
            planner.effect(table, namespace, version.key).remove()
    return protocol.DONE


def clear(planner: Planner, number: Any) -> int:
    """Empty a table in all namespaces."""
    table = planner.table(number)
    begun = {name for table_number, name, _ in planner.plan.effects if table_number == number}
    for namespace in begun | table.namespaces.keys():
        planner.check_open(namespace)
        planner.plan.clear(number, namespace)
    return protocol.DONE


def clear_namespace(planner: Planner, number: Any, namespace: Any) -> int:
    """Empty a namespace, in one table or (None) in all."""
    record.encode_name(namespace, "namespace")
    planner.check_open(namespace)
    if number is not None:
        planner.plan.clear(planner.table(number).number, namespace)
        return protocol.DONE
    there = [table.number for table in planner.writer.in_use() if namespace in table.namespaces]
    begun = [table for table, name, _ in planner.plan.effects if table and name == namespace]
    for table in (*there, *begun):
        planner.plan.clear(table, namespace)
    return protocol.DONE


def define(planner: Planner, name: Any, prefix: Any, url: Any, indexes: Any) -> int:
    """Make a table of the user's own; the same definition again changes nothing."""
    wanted = definition_record(name, prefix, url, indexes)
    key = name.encode()
    table = planner.writer.table(DEFINITIONS.number)
    namespace = table.namespaces.get(DEFINITIONS_NAMESPACE)
    found = table.find(namespace, key) if namespace else None
    if found is not None:
        known = record.decode(found.version.body)
        if {**wanted, "number": known["number"]} != known:
            raise AlreadyExists(
                f"table {name!r} is defined already, with prefix {known['prefix']!r}, url "
                f"{known['url']!r}, indexes {known['indexes']!r}: use these, or another name",
                table=name,
            )
        return protocol.DONE
    content = {**wanted, "number": _unused_number(table)}
    body = record.encode(content)[1]
    effect, facts = planner.effect_of(table, DEFINITIONS_NAMESPACE, body)
    planner.plan.write(effect, body, facts)
    return protocol.DONE


def _unused_number(definitions: WritableTable) -> int:
    """Return a number for a new table, which no definition has and no table with segments.

    Damage may have lost a definition, and left the segments of its table.
    """
    words = definitions.control.words
    numbers = range(layout.FIRST_DEFINED, layout.TABLES_MAX)
    used: set[int] = {n for n in numbers if words[layout.entry_at(n, layout.TABLE_DIRECTORY)]}
    lineage = _lineage(definitions, DEFINITIONS_NAMESPACE, words[layout.COMMIT])
    if lineage is not None:
        used |= {record.decode(v.body)["number"] for v in lineage.walk(lineage.firsts())}
    # Preferably one that was never in use, as far as can be known.
    following = range(max(used, default=layout.FIRST_DEFINED - 1) + 1, layout.TABLES_MAX)
    unused: list[int] = [number for number in (*following, *numbers) if number not in used]
    if not unused:
        raise InvalidRequest(f"{len(numbers)} tables are defined, the maximum: use one of them")
    return unused[0]


def fork(planner: Planner, parent: Any, child: Any) -> int:
    """Begin a namespace with everything that another one has; tell whether there is anything.

    A parent without records has nothing to share and is not sealed: its fork begins with its own
    first record.
    """
    for name in (parent, child):
        record.encode_name(name, "namespace")
    tables = planner.writer.in_use()
    taken = [table.resource.table for table in tables if child in table.namespaces]
    if taken:
        raise AlreadyExists(
            f"namespace {child!r} already exists, with {', '.join(taken)}: clear it, or use "
            f"another name",
            namespace=child,
        )
    forked = [Fork(table.number, parent, child) for table in tables if parent in table.namespaces]
    planner.plan.forked = forked
    return protocol.DONE if forked else protocol.ABSENT


def rollback(planner: Planner, namespace: Any, commit: Any) -> int:
    """Undo the changes in a namespace after a commit that a reader holds."""
    record.encode_name(namespace, "namespace")
    words = planner.writer.table(DEFINITIONS.number).control.words
    if type(commit) is not int or not words[layout.HORIZON] <= commit <= words[layout.COMMIT]:
        raise InvalidRequest(
            f"commit {commit!r:.20} cannot be rolled back to: no mark of this host holds it any "
            f"more; roll back on the host where the mark was made, or make a mark here"
        )
    changed: dict[int, set[bytes | None]] = {}
    for number, key in planner.writer.history.since(commit, namespace):
        if number != DEFINITIONS.number:
            changed.setdefault(number, set()).add(key)
    if commit < planner.writer.history.begun:
        for table in planner.writer.in_use():
            known = table.namespaces.get(namespace)
            if known is None or known.counted > commit:
                changed.setdefault(table.number, set()).add(None)
    for number, keys in changed.items():
        _roll_back(planner, planner.table(number), namespace, commit, keys)
    return protocol.DONE


def _roll_back(
    planner: Planner, table: WritableTable, namespace: str, commit: int, changed: set[bytes | None]
) -> None:
    """Restore the record of each key; of all keys, if the namespace was cleared."""
    before = _lineage(table, namespace, commit)
    if before is None:
        if namespace in table.namespaces:
            planner.check_open(namespace)
            planner.plan.clear(table.number, namespace)
        return
    keys = {key for key in changed if key is not None}
    if None in changed:
        now = _lineage(table, namespace, table.control.words[layout.COMMIT])
        for lineage in (before, now) if now is not None else (before,):
            keys.update(version.key for version in lineage.walk(lineage.firsts()))
    for key in sorted(keys):
        effect = planner.effect(table, namespace, key)
        version = before.find(key)
        if version is None:
            effect.remove()
        elif effect.shown is None or _origin(effect.shown) != _origin(version):
            facts = facts_of(version.body, table.fields)
            planner.plan.write(effect, version.body, facts)
            effect.number = version.number


def _check_version(effect: Effect, wanted: Any) -> None:
    _check(effect, effect.shown.begin if effect.shown and not effect.is_touched else None, wanted)


def _check(effect: Effect, there: int | None, wanted: Any) -> None:
    if there != wanted:
        raise Conflict(
            f"{effect.resource.table} {effect.key.decode()!r} is at version {there}, "
            f"not {wanted!r:.20}: read it again",
            table=effect.resource.table,
            id=effect.key.decode(),
            namespace=effect.namespace,
            version=there,
        )


def _lineage(table: WritableTable, namespace: str, commit: int) -> Lineage | None:
    return find_lineage(table.reader, namespace.encode(), commit)


OPERATIONS: Operations = {
    protocol.PUT: put,
    protocol.CREATE: create,
    protocol.PUT_MANY: put_many,
    protocol.EXPECT: expect,
    protocol.PATCH: patch,
    protocol.DELETE: delete,
    protocol.DELETE_WHERE: delete_where,
    protocol.CLEAR: clear,
    protocol.CLEAR_NAMESPACE: clear_namespace,
    protocol.DEFINE: define,
    protocol.FORK: fork,
    protocol.ROLLBACK: rollback,
}
"""One function an operation, and the one table that names them."""

ALONE = frozenset(
    (
        protocol.DEFINE,
        protocol.DELETE_WHERE,
        protocol.FORK,
        protocol.RESTORE,
        protocol.ROLLBACK,
    )
)
"""Operations that see what is committed, and not what those before them in a request did."""


def _origin(version: Version) -> tuple[int, int]:
    """Return an identity that a version shares with its copies, but with no other of its key."""
    return version.scope, version.begin
