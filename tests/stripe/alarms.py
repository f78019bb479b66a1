"""A resource of the tests, so that something is due: alarms that ring, and ring again.

    python -m tests.stripe.alarms DIRECTORY NAMESPACE UNTIL STOP [CLOCK]

advances an account, or a test clock of it; at the ring of the number STOP it says a line, and waits
for one.
"""

from __future__ import annotations

import sys
from typing import Any

import tigerstripe
from tigerstripe.errors import Refused
from tigerstripe.objects import due, registry
from tigerstripe.work.log import Log
from tigerstripe.work.scope import Scope
from tigerstripe.work.unit import Work

need = registry.need


class Alarms:
    """Alarms: each tells of its rings as events, and may let others ring."""

    object = "alarm"

    def __init__(self, together: bool = True, stop: int = 0) -> None:
        """Begin with none; `stop`: the ring at which the process waits."""
        self.happens_together = together
        self.stop = stop
        self.rung: list[tuple[str, int]] = []
        self.next: dict[str, tuple[str, int]] = {}
        """What each one lets be due when it rings, once: an id and a time."""
        self.dropped: dict[str, str] = {}
        """What each one takes out of the calendar when it rings."""
        self.refused: set[str] = set()
        """Those that cannot ring."""

    def happen(self, work: Work, id: str) -> None:
        """Ring."""
        self.rung.append((id, work.now))
        if len(self.rung) == self.stop:
            print(flush=True)
            sys.stdin.readline()
        if id in self.refused:
            raise Refused(f"{id} cannot ring")
        work.tell("alarm.rung", {"id": id, "object": "alarm"})
        if id in self.next:
            due.schedule(work, "alarm", *self.next.pop(id))
        if id in self.dropped:
            due.cancel(work, self.dropped[id])
        repeated = work.get("claims", id)
        if repeated is not None:
            due.schedule(work, "alarm", id, work.now + repeated["holder"])

    def needed(self, name: str) -> Any:
        """Return this resource of its name, and all others as they are."""
        return self if name == self.object else need(name)


def put(scope: Scope, ids: list[str], at: list[int], every: int | None = None, **of: Any) -> None:
    """Let alarms ring at these times, in one commit; again after so many seconds, if given."""
    work = Work(scope, 0, "2026-10-28.endive", None, is_write=True)
    for id, moment in zip(ids, at, strict=True):
        due.schedule(work.at(0, of.get("clock")), of.get("object", "alarm"), id, moment)
        if every is not None:
            work.put("claims", {"id": id, "holder": every})
    work.commit(Log(scope))


def rings(account: tigerstripe.Account) -> list[tuple[str, int]]:
    """Return what has rung as events tell, oldest first."""
    return [(e["data"]["object"]["id"], e["created"]) for e in account.events("alarm.rung")]


def main() -> None:
    """Advance an account, or a test clock."""
    directory, namespace, until, stop, *clock = sys.argv[1:]
    alarms = Alarms(stop=int(stop))
    registry.need = alarms.needed
    with tigerstripe.connect(directory, namespace=namespace) as account:
        if clock:
            clocks = account.client().v1.test_helpers.test_clocks
            clocks.advance(clock[0], {"frozen_time": int(until)})
        else:
            account.advance(int(until))


if __name__ == "__main__":
    main()
