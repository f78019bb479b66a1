"""Clearing the namespaces of processes that have ended (tiger.place.leases), a few at a time.

All writes wait while the daemon clears, so it clears a limited number at each look. The next look
finds the rest anew, because another process may have taken a lease in between.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from tiger.errors import Damaged, Sealed, TigerError
from tiger.format import protocol
from tiger.place import leases
from tigerd.engine import holders
from tigerd.engine.plan import Outcome
from tigerd.engine.writer import RequestId, Writer
from tigerd.service.waiting import Watched

log = logging.getLogger("tigerd")

CLEARS_MAX = 256
"""Namespaces that are cleared at one look; each takes some 75 us."""
TOLD_MAX = 100
"""How many are named in the log, which shares the memory of the store."""


class Applies(Protocol):
    """Applies requests, either directly or through a log."""

    @property
    def writer(self) -> Writer:
        """The writer, which has the tables."""

    def apply(self, operations: list[Any], asked: RequestId | None) -> Outcome:
        """As `Applying.apply`."""


class Abandoned:
    """Clears the namespaces that processes of one instance leave to the daemon."""

    def __init__(
        self, directory: Path, applying: Applies, tell: Callable[[set[Watched]], None]
    ) -> None:
        """Prepare; `tell` is called with the places that were changed by a clear."""
        self._folder = directory / leases.FOLDER
        self._applying = applying
        self._tell = tell
        self._told: set[str] = set()
        self._damaged: set[str] = set()
        """They would fail at each look, and be recovered from."""
        self._clears = 0
        """How many more may be cleared at this look."""

    def clear(self) -> None:
        """Look once, and clear namespaces without a holder, `CLEARS_MAX` at most."""
        self._clears = CLEARS_MAX
        with holders.looking(self._folder) as look:
            for name, reason in look.strange.items():
                self._tell_once(name, f"skipped {name!r} among the leases: {reason}")
            for name, namespaces in look.left.items():
                if self.end(namespaces, "the process"):
                    look.forget(name)

    def end(self, namespaces: Iterable[str], who: str) -> bool:
        """Clear as many as this look may; tell whether all of them are empty now."""
        is_done = True
        for namespace in filter(self._is_there, namespaces):
            if self._clears == 0:
                return False
            if self._clear(namespace, who):
                self._clears -= 1
            else:
                is_done = False
        return is_done

    def _is_there(self, namespace: str) -> bool:
        """Tell whether it has records; others never had any, or are cleared already."""
        return any(namespace in table.namespaces for table in self._applying.writer.in_use())

    def _clear(self, namespace: str, who: str) -> bool:
        """Clear a namespace; tell whether it succeeded."""
        if namespace in self._damaged:
            return False
        try:
            plan = self._applying.apply([[protocol.CLEAR_NAMESPACE, None, namespace]], None)
        except Sealed:
            return False  # until its forks are cleared
        except TigerError as error:  # the daemon lives on
            if isinstance(error, Damaged):
                self._damaged.add(namespace)
            self._tell_once(namespace, f"cannot clear {namespace!r}: {error}")
            return False
        self._tell(plan.changed())
        log.info("cleared %r: %s that had it has ended", namespace, who)
        return True

    def _tell_once(self, name: str, what: str) -> None:
        """Log a message once, which otherwise each look would repeat."""
        if name not in self._told and len(self._told) < TOLD_MAX:
            self._told.add(name)
            log.warning("%s", what)
