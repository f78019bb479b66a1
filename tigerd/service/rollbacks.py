"""Rollbacks on several hosts: planned where the mark is, and put into the log as their effects.

    a rollback -> plan -> the log: restore -> on every host: nothing changed since? -> apply

A mark is held on one host, and the others may have taken away what it goes back to. So the entry
has the records themselves: those that get back what they had, with their places in lists, and
those that go. All hosts refuse it alike if the namespace was changed between the plan and its place
in the log, and the host that made the plan makes another.

The tries of one request have ids of their own, `<request>@1`, `<request>@2`, and so on. Each is
made when the one before is known to be refused, also one of a daemon that was killed: so one of
them is done at most. A plan that cannot be made is a try that all refuse, for the same reason: an
earlier one may still be on its way.
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
"""How often a rollback is planned. Where another host writes to the namespace without a pause, a
try in two or three gets through."""


def _planned(writer: Writer, request: list[Any]) -> list[Any]:
    """Return the operation that does on every host what a rollback comes to on this one."""
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
    """Plan what a rollback came to where it was planned; `Conflict` if the namespace changed since.

    `commit` is when it was planned, and `count` how many tables had the namespace then. Whether it
    changed since follows from what all hosts have: each table that has it says when it was written
    to there. If none was after the plan, and none is missing, all is as it was.

    In the tables `cleared` the namespace goes; of `removed` each is the table and the key of a
    record that goes, of `written` the table, the number and the body of one that is put back.
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
    """Return when each of the tables that have a namespace was written to there."""
    known = (table.namespaces.get(namespace) for table in writer.in_use())
    return [each.counted for each in known if each is not None]


OPERATIONS: operations.Operations = {
    **{name: add for name, add in operations.OPERATIONS.items() if name != ROLLBACK},
    RESTORE: restore,
}
"""What an entry may ask."""


def _changed(namespace: str) -> Conflict:
    return Conflict(
        f"namespace {namespace!r} was written to whenever it was to be rolled back, and the "
        f"rollback changed nothing: try again when others have stopped",
        namespace=namespace,
    )


def is_stale(request: list[Any], error: TigerError) -> bool:
    """Tell whether a try was refused because its plan was."""
    return request[0][:1] == [RESTORE] and isinstance(error, Conflict)


class Rollback:
    """A rollback that a client asked for at this host, until it is answered."""

    def __init__(self, head: list[Any], request: list[Any]) -> None:
        """Begin with the client's frame: what is in front of its operations, and these."""
        self._head = head
        self._request = request
        self._error: TigerError | None = None
        """Why there was no plan for the last try."""
        self.tries = 0

    def entry(self, writer: Writer, most: int) -> bytes:
        """Return the entry of the next try, which has so many bytes at most."""
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
                f"the rollback comes to {count} records and {len(entry)} bytes, the log takes "
                f"{protocol.OPERATIONS_MAX} and {most}, and nothing was changed: use a fork or a "
                f"sandbox where so much changes"
            )
        return entry

    def end(self, *, is_known: bool) -> TigerError | None:
        """Return what to answer after the last try was refused; None: try again.

        Where it is known to be of a daemon before this one, that may have made the next one, too.
        """
        if self.tries < TRIES and (is_known or self._error is None):
            return None
        return self._error or _changed(self._request[0][1])
