"""What may go wrong, as a tree.

    TigerError
     ├─ NotFound (KeyError)                no record of that id in this namespace
     ├─ AlreadyExists                      `create` of an id that is there
     ├─ Conflict                           somebody else wrote first
     ├─ InvalidRecord (ValueError)         an id, a name or a record that cannot be stored
     ├─ InvalidCursor (ValueError)         a page's cursor that is not there
     ├─ InvalidRequest (ValueError)        a call whose arguments contradict each other
     ├─ UnknownTable (AttributeError)      no table of that name
     ├─ Sealed                             a write to a namespace that has forks
     ├─ StoreFull                          no shared memory left; nothing was changed
     ├─ Damaged                            bytes in a segment that nobody wrote there
     ├─ InstanceError                      a directory that cannot hold an instance
     │   └─ LayoutMismatch                 segments of another version
     ├─ DaemonUnavailable (ConnectionError)  no daemon, or none that answers; nothing was changed
     ├─ OutcomeUnknown (TimeoutError)      sent, and no answer: applied or not applied
     └─ TimedOut (TimeoutError)            what was waited for did not come

A message names the value and the remedy. `CODES` numbers the errors that the daemon answers
with; the number is what travels and what a client's slot keeps.
"""

from __future__ import annotations

from tiger.shown import shown


class TigerError(Exception):
    """Anything that tiger or tigerd reports."""

    def __str__(self) -> str:
        """Return the message, one line: names of fields, say, are text that anybody may write."""
        return shown(str(self.args[0])) if self.args else ""


class NotFound(TigerError, KeyError):
    """There is no record of that id in this namespace."""


class AlreadyExists(TigerError):
    """A record of that id is there already."""


class Conflict(TigerError):
    """The record is not the version that the caller read."""


class InvalidRecord(TigerError, ValueError):
    """An id, a name or a record that cannot be stored; nothing was changed."""


class InvalidCursor(TigerError, ValueError):
    """A cursor that names no record of this table and namespace."""


class InvalidRequest(TigerError, ValueError):
    """Arguments that are out of range or contradict each other; nothing was changed."""


class UnknownTable(TigerError, AttributeError):
    """No table of that name: it is neither built in nor defined."""


class Sealed(TigerError):
    """A write to a namespace that has forks; nothing was changed."""


class TimedOut(TigerError, TimeoutError):
    """What was waited for did not come."""


class StoreFull(TigerError):
    """Shared memory is full; nothing was changed."""


class Damaged(TigerError):
    """A segment holds bytes that no daemon wrote."""


class InstanceError(TigerError):
    """A directory that cannot hold an instance, or not this user's."""


class LayoutMismatch(InstanceError):
    """Segments or a daemon of another version."""


class DaemonUnavailable(TigerError, ConnectionError):
    """No daemon answers, and nothing was changed."""


class OutcomeUnknown(TigerError, TimeoutError):
    """A write was sent and not answered: it may or may not have been applied."""


CODES: dict[int, type[TigerError]] = {
    2: NotFound,
    3: AlreadyExists,
    4: Conflict,
    5: InvalidRecord,
    6: InvalidRequest,
    7: UnknownTable,
    8: StoreFull,
    9: LayoutMismatch,
    10: Damaged,
    11: InstanceError,
    12: Sealed,
}
"""The status of an answer that is an error; 0 and 1 are the answers of a write that was done."""


def code_of(error: TigerError) -> int:
    """Return the number of an error's class in `CODES`."""
    return next(code for code, kind in CODES.items() if type(error) is kind)
