"""A host's will: the namespaces that the others clear if it never comes back.

Each daemon leaves the names in its host's leases with the log, and does so again when they change.
The log keeps the last will of each host, so it is known even if all hosts that heard it are gone. A
host that is silent for `GONE_FOR_GOOD_S` is taken for gone, and the namespaces in its will are
cleared through the log. If two daemons do that, the second one finds nothing. A namespace that
another host has leased too is not cleared.

Silence is counted in looks, and no two clocks are compared. A daemon that stood still or was cut
off could hear nobody, so it does not count that time.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tiger.format import protocol
from tiger.place import leases
from tiger.system import time
from tigerd.engine import holders
from tigerd.log.log import Log, Noted
from tigerd.log.members import Members

log = logging.getLogger("tigerd")

GONE_FOR_GOOD_S = 3600.0
"""How long a host must be silent before it loses the namespaces that its processes have leased. If
it was only cut off or asleep, they continue in empty namespaces. The time is long because a
namespace that stays costs only memory, and one that is cleared is lost."""
LOOK_MAX_S = 2.0
"""The most that one look counts for; looks are half a second apart."""

Names = frozenset[str]
NOTHING: Names = frozenset()


class Will:
    """The names that a host has left, and how long it has been silent."""

    def __init__(self) -> None:
        """Begin with a host that is not silent."""
        self.names = NOTHING
        self.silent_s = 0.0


class Wills:
    """The wills of the hosts of a log."""

    def __init__(self, directory: Path, place: str, log: Log, members: Members) -> None:
        """Begin with the leases of this host; `place` distinguishes it from other hosts."""
        self._folder = directory / leases.FOLDER
        self._place = place
        self._log = log
        self._members = members
        self._own = holders.leased(self._folder)
        self._known: Names | None = None
        """The will that the log keeps of this host; None until the log has told it."""
        self._others: dict[str, Will] = {}
        self._looked_at: float = time.monotonic()

    def join(self) -> None:
        """Note that the log was reached: it may keep a will of an earlier daemon of this host."""
        self._known = None

    def read(self, noted: Noted) -> None:
        """Take the last will of a host."""
        names = _read(noted.body)
        if noted.host == self._place:
            self._known = names
        elif names:
            self._others.setdefault(noted.host, Will()).names = names
        else:
            self._others.pop(noted.host, None)

    def leave(self) -> None:
        """Leave this host's will as it is now, if the log keeps another one."""
        try:
            self._own = holders.leased(self._folder)
        except OSError as error:  # no descriptor is free, say: the will before this one stands
            log.debug("leases cannot be read: %s", error)
            return
        if self._own != self._known:
            self._leave(self._place, self._own)

    def look(self, clear: Callable[[Names, str], bool]) -> None:
        """Leave this host's will, and carry out those of hosts that are gone; to be called often.

        `clear` is `Abandoned.end`.
        """
        now = time.monotonic()
        counts_s, self._looked_at = min(now - self._looked_at, LOOK_MAX_S), now
        self.leave()
        if not self._log.is_up:
            return
        there = self._members.places()
        for place, will in self._others.items():
            will.silent_s = 0.0 if place in there else will.silent_s + counts_s
        gone = {p: w for p, w in self._others.items() if w.silent_s >= GONE_FOR_GOOD_S}
        if gone:
            kept = self._own.union(*(w.names for p, w in self._others.items() if p not in gone))
            for place, will in gone.items():
                if clear(will.names - kept, "the host"):
                    self._leave(place, NOTHING)

    def _leave(self, place: str, names: Names) -> None:
        body = json.dumps(sorted(names)).encode()
        if len(body) <= self._log.body_max:  # otherwise the will before it stands
            self._log.note(place, body)

    def note_clear(self, operations: list[Any]) -> None:
        """Log a warning if another host clears a namespace that a process here has leased."""
        match operations:
            case [[protocol.CLEAR_NAMESPACE, None, str(name)]] if name in self._own:
                log.warning(
                    "another host cleared %r, which a process of this host has leased: this host "
                    "was not heard for %g s, or a process of that one had leased it too, and ended",
                    name,
                    GONE_FOR_GOOD_S,
                )


def _read(body: bytes) -> Names:
    """Return the names in a will; none if the message is not a will."""
    try:
        names = json.loads(body)
    except (ValueError, RecursionError):
        return NOTHING
    return frozenset(n for n in names if isinstance(n, str)) if isinstance(names, list) else NOTHING
