"""Rollbacks on several hosts: planned at the host of the mark, and appended as their effects.

    a rollback -> plan -> the log: restore -> on every host: nothing changed since? -> apply

A mark is held on one host, and the others may have removed the versions that it refers to. So the
entry has the records themselves: those to restore, with their places in lists, and those to remove.
If the namespace was changed between the plan and its place in the log, the plan is stale: all hosts
refuse the entry, and the host of the mark plans again.

The tries of one request have separate ids, `<request>@1`, `<request>@2`, and so on. Each is made
only when the previous one is known to be refused, even if that came from a daemon that was killed.
So at most one of them is applied. If no plan can be made, a try is appended that all hosts refuse,
because an earlier try may still be on its way.
"""

from __future__ import annotations

from typing import Any

from tiger.errors import Conflict, InvalidRequest, TigerError
from tiger.format import layout, protocol
from tiger.format.protocol import RESTORE, ROLLBACK
from tigerd.engine import operations
from tigerd.engine.planning import Planner
from tigerd.engine.writer import Writer

REFUSED = [RESTORE, "", -1, 0, [], [], []]
"""A try that all hosts refuse: its plan is of commit -1, and everything is newer."""

TRIES = 32
"""How often a rollback is planned. If another host writes to the namespace without a pause, every
second or third try succeeds."""


def _planned(writer: Writer, request: list[Any]) -> list[Any]:
    """Return the operation that has the same effects on every host as the rollback here."""
    plan = operations.plan_of(writer, request)
    namespace = request[0][1]
    removed, written = [], []
    for (table, _, key), effect in plan.effects.items():
        if effect.is_touched and effect.exists:
            written.append([table, effect.number, effect.body])
        elif effect.is_touched and effect.shown is not None:
            removed.append([table, key])
    cleared = [table for table, _ in plan.cleared]
    count = len(_changes(writer, namespace))
    return [RESTORE, namespace, writer.commit, count, cleared, removed, written]


def restore(
    planner: Planner,
    namespace: str,
    commit: int,
    count: int,
    cleared: list[int],
    removed: list[list[Any]],
    written: list[list[Any]],
) -> int:
    """Plan the effects of a rollback; `Conflict` if the plan is stale.

    `commit` is the commit of the plan, and `count` the number of tables that had the namespace
    then. All hosts decide alike whether the namespace has changed since, because each of its tables
    records the last commit that wrote to it there. If none of these is later than the plan, and no
    table is missing, nothing has changed.

    `cleared` lists the tables in which the namespace is cleared, `removed` the table and key of
    each record to remove, and `written` the table, number and body of each record to restore.
    """
    changes = _changes(planner.writer, namespace)
    if len(changes) != count or max(changes, default=0) > commit:
        raise _changed(namespace)
    for number in cleared:
        operations.clear_namespace(planner, number, namespace)
    for number, key in removed:
        planner.effect(planner.table(number), namespace, key).remove()
    for number, place, body in written:
        if not 0 < place < planner.writer.commit + 1 << layout.NUMBER_BITS:
            raise ValueError(f"no record has the number {place}")
        effect, facts = planner.effect_of(planner.table(number), namespace, body)
        planner.plan.write(effect, body, facts)
        effect.number = place
    return protocol.DONE


def _changes(writer: Writer, namespace: str) -> list[int]:
    """Return, for each table that has the namespace, the last commit that wrote to it there."""
    known = (table.namespaces.get(namespace) for table in writer.in_use())
    return [each.counted for each in known if each is not None]


OPERATIONS: operations.Operations = {
    **{name: add for name, add in operations.OPERATIONS.items() if name != ROLLBACK},
    RESTORE: restore,
}
"""The operations that an entry may have."""


def _changed(namespace: str) -> Conflict:
    return Conflict(
        f"namespace {namespace!r} was written to by others during each of {TRIES} tries to roll it "
        f"back, and nothing was changed: try again when they have stopped",
        namespace=namespace,
    )


def is_stale(request: list[Any], error: TigerError) -> bool:
    """Tell whether a try was refused because its plan was stale."""
    return request[0][:1] == [RESTORE] and isinstance(error, Conflict)


class Rollback:
    """A rollback that a client asked for at this host, until it is answered."""

    def __init__(self, head: list[Any], request: list[Any]) -> None:
        """Begin with the two parts of the client's frame: its head, and its operations."""
        self._head = head
        self._request = request
        self._error: TigerError | None = None
        """The error that prevented a plan for the last try."""
        self.tries = 0

    def entry(self, writer: Writer, most: int) -> bytes:
        """Return the entry of the next try, of at most `most` bytes."""
        self.tries += 1
        try:
            entry, self._error = self._entry(writer, most), None
        except TigerError as error:
            entry, self._error = protocol.pack([*self._head, [REFUSED]]), error
        return entry

    def _entry(self, writer: Writer, most: int) -> bytes:
        operation = _planned(writer, self._request)
        *_, removed, written = operation
        count = len(removed) + len(written)
        entry = protocol.pack([*self._head, [operation]])
        if len(entry) > most or count > protocol.OPERATIONS_MAX:
            raise InvalidRequest(
                f"the rollback changes {count} records and {len(entry)} bytes, the log takes "
                f"{protocol.OPERATIONS_MAX} and {most}, and nothing was changed: use a fork or a "
                f"sandbox where so much changes"
            )
        return entry

    def end(self, *, is_known: bool) -> TigerError | None:
        """Return the error to answer with after the last try was refused; None to try again.

        If an earlier daemon made that try, it may have made the next one too.
        """
        if self.tries < TRIES and (is_known or self._error is None):
            return None
        return self._error or _changed(self._request[0][1])
