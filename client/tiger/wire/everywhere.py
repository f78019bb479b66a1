"""A session whose writes return when every host of a log has applied them.

Loaded only if `connect` is called with `everywhere`. A refused write waits too, so that the records
for which it was refused are then visible on all other hosts.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from tiger.errors import CODES, DaemonUnavailable, OutcomeUnknown
from tiger.format import protocol
from tiger.wire.session import Action, Session, Steps

_REFUSALS = tuple(kind for kind in CODES.values() if kind is not DaemonUnavailable)


class EverywhereSession(Session):
    """As `Session`; a write that has returned is seen on every host."""

    def write(
        self,
        operations: list[protocol.Operation],
        meanwhile: Callable[[], Any],
        deadline: float,
    ) -> Steps:
        """As `Session.write`; `OutcomeUnknown` if a host has not followed by the deadline."""
        try:
            answer = yield from super().write(operations, meanwhile, deadline)
        except _REFUSALS:
            yield from self._reach(deadline)
            raise
        yield from self._reach(deadline)
        return answer

    def _reach(self, deadline: float) -> Generator[Action, Any, None]:
        """Wait until all hosts have applied the same entries as this one."""
        try:
            yield from self.ask(protocol.EVERYWHERE, deadline)
        except DaemonUnavailable:
            raise OutcomeUnknown(
                f"the request was applied on this host, but not on all others within "
                f"{self._timeout_s:.3g} s: `tigerd log status` shows which hosts are behind"
            ) from None
