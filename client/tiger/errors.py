"""What may go wrong, as a tree.

    TigerError
     ├─ NotFound (KeyError)
     ├─ AlreadyExists
     ├─ Conflict
     ├─ InvalidRecord (ValueError)
     ├─ InvalidCursor (ValueError)
     ├─ InvalidRequest (ValueError)
     ├─ UnknownTable (AttributeError)
     ├─ Sealed
     ├─ StoreFull
     ├─ Damaged
     ├─ InstanceError
     │   └─ LayoutMismatch
     ├─ DaemonUnavailable (ConnectionError)
     ├─ OutcomeUnknown (TimeoutError)
     └─ TimedOut (TimeoutError)

Each class says when it is raised. A message names the value and the remedy, and what a program may
want of it is an attribute: the facts that a class declares, None where one is not known. `CODES`
numbers the errors that the daemon answers with; a client's slot keeps the number, and the message
and the facts travel beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tiger.shown import shown


class TigerError(Exception):
    """Anything that tiger or tigerd reports: catch this where the reason does not matter."""

    def __init__(self, *message: object, **facts: Any) -> None:
        """Take a message, and facts that the class declares."""
        super().__init__(*message)
        self.__dict__.update(facts)

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of the reason, by the names of the attributes that have it."""
        return {name: value for name, value in vars(self).items() if name in self.declared()}

    @classmethod
    def declared(cls) -> set[str]:
        """Return the names of all facts that an error of this class may have."""
        return {
            name
            for kind in cls.__mro__
            if issubclass(kind, TigerError)
            for name, value in vars(kind).items()
            if value is None and not name.startswith("_")
        }

    def __str__(self) -> str:
        """Return the message, one line: names of fields, say, are text that anybody may write."""
        return shown(str(self.args[0])) if self.args else ""


class NotFound(TigerError, KeyError):
    """A record is asked for that is not there, or none of the namespace that is meant.

    By `get` without a default, `table[id]`, `peek`, `version`, `patch` and `modify`. `table`, `id`
    and `namespace` say which.
    """

    table: str | None = None
    id: str | None = None
    namespace: str | None = None


class AlreadyExists(TigerError):
    """Something is made that is there already.

    By `create` of an id that has a record, `define` of a table that is defined otherwise, and
    `begin_fork` under a name that has records. Nothing was changed. `table`, `id` and `namespace`
    say what is there.
    """

    table: str | None = None
    id: str | None = None
    namespace: str | None = None


class Conflict(TigerError):
    """Somebody else wrote a record first.

    By `update` with `if_version` where the record is at another version or gone, and by `modify`
    when that happened 1,000 times in a row. Nothing was changed: read again. `table`, `id` and
    `namespace` say which record it is, `version` at which version it is, None where it is gone. On
    several machines also by `rollback`, which says the namespace alone.
    """

    table: str | None = None
    id: str | None = None
    namespace: str | None = None
    version: int | None = None


class InvalidRecord(TigerError, ValueError):
    """An id, a name, a record or a value cannot be stored, and so cannot be asked for either.

    By every call that takes one: a name that is not a text of 1 to 255 bytes without control
    characters; a record without an id, with a key that is not a string, NaN, an integer past 64
    bits, more than 64 levels, or more bytes than --max-record. Nothing was changed.
    """


class InvalidCursor(TigerError, ValueError):
    """A page is asked for from a record that is not there.

    By `list` with `starting_after` or `ending_before`, if it is the id of no record of this table
    and namespace, as after that record was deleted. `table`, `id` and `namespace` say which.
    """

    table: str | None = None
    id: str | None = None
    namespace: str | None = None


class InvalidRequest(TigerError, ValueError):
    """A call makes no sense as it is: its arguments, or the moment at which it is made.

    By arguments out of range or at odds with each other, filters that are no scalars, `clear()` in
    an account, and by the use of a store, snapshot, mark or batch after its end. Nothing was
    changed.
    """


class UnknownTable(TigerError, AttributeError):
    """A table is named that is neither built in nor defined.

    By `store.<name>`, `store.table(name)`, and all that takes names of tables. `table` is the name.
    """

    table: str | None = None


class Sealed(TigerError):
    """A namespace is written to while it has forks, which read what it holds.

    By every write to it, and by a clear of it, until the last of its forks is cleared. Nothing was
    changed. `namespace` is its name, and `forks` how many it has.
    """

    namespace: str | None = None
    forks: int | None = None


class TimedOut(TigerError, TimeoutError):
    """What was waited for did not come in time.

    By `wait_for`. The message tells what there is instead. `table` and `namespace` say where it was
    waited for, `timeout_s` how long, in seconds.
    """

    table: str | None = None
    namespace: str | None = None
    timeout_s: float | None = None


class StoreFull(TigerError):
    """There is no room for a write: of shared memory, or of what else it needs there.

    By writes. The message says how much there is and how to get more. Nothing was changed; reads,
    deletes and clears go on. Where a file could not be made, `needed` and `free` are bytes: how
    large it was to be, and how much its file system has. Where a limit of the format is reached,
    `limit` says of what.
    """

    needed: int | None = None
    free: int | None = None
    limit: str | None = None


class Damaged(TigerError):
    """A segment holds bytes that no daemon wrote.

    By the read or write that came upon them. `tigerd check` lists what is wrong, and `tigerd
    repair` keeps what can be read.
    """


class InstanceError(TigerError):
    """A directory cannot hold an instance, or the instance there is not the one that was meant.

    By `connect`, if the directory is another user's, open to others, or something else; and by
    reads and writes after the instance was removed, replaced or restored: connect again.
    """


class LayoutMismatch(InstanceError):
    """The segments, or the daemon, are of another version of tigerd than this library.

    By `connect` and by writes. Stop the daemon with the version that made the instance, or use
    another directory.
    """


class DaemonUnavailable(TigerError, ConnectionError):
    """There is no daemon, or none that answers, and nothing was changed.

    By `connect` without `autostart`, and by writes whose request was not taken in time. `directory`
    is the instance's.
    """

    directory: Path | None = None


class OutcomeUnknown(TigerError, TimeoutError):
    """A write was sent and not answered in time: it may have been applied, or may be yet.

    By writes. Read what is there before it is tried again, or use calls that may be repeated.
    `directory` is the instance's.
    """

    directory: Path | None = None


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
    13: DaemonUnavailable,
}
"""The status of an answer that is an error; 0 and 1 are the answers of a write that was done."""


def told(error: TigerError) -> list[Any]:
    """Return what the daemon answers beside the code: the message and the facts."""
    return [str(error), error.facts]


def error_of(code: int, value: list[Any] | None) -> TigerError:
    """Return the error of an answer; `value` is what `told` gave, None if that was lost."""
    kind = CODES[code]
    if value is None:
        return kind(f"{kind.__name__}: nothing was changed")
    message, facts = value
    return kind(message, **{name: facts[name] for name in kind.declared() & facts.keys()})


def code_of(error: TigerError) -> int:
    """Return the number of an error's class in `CODES`."""
    return next(code for code, kind in CODES.items() if type(error) is kind)
