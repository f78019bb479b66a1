"""The errors, as a tree.

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

Each class says when it is raised. A message names the value and the remedy. The facts that a
program may want are attributes, which the class declares; an unknown one is None. `CODES` numbers
the errors that the daemon answers with. A client's slot keeps the number; the message and the facts
are sent in the reply.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tiger.shown import shown


class TigerError(Exception):
    """The base of all errors of tiger and tigerd: catch this if the reason does not matter."""

    def __init__(self, *message: object, **facts: Any) -> None:
        """Take a message, and facts that the class declares."""
        super().__init__(*message)
        self.__dict__.update(facts)

    @property
    def facts(self) -> dict[str, Any]:
        """The known facts, by the names of their attributes."""
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
        """Return the message as one line, since it may quote text from anyone."""
        return shown(str(self.args[0])) if self.args else ""


class NotFound(TigerError, KeyError):
    """The requested record does not exist in this namespace.

    Raised by `get` without a default, `table[id]`, `peek`, `version`, `patch` and `modify`.
    `table`, `id` and `namespace` say which.
    """

    table: str | None = None
    id: str | None = None
    namespace: str | None = None


class AlreadyExists(TigerError):
    """Something already exists that was to be created.

    Raised by `create` if the id has a record, by `define` if the table has another definition, and
    by `begin_fork` if the name has records. Nothing was changed. `table`, `id` and `namespace` say
    what exists.
    """

    table: str | None = None
    id: str | None = None
    namespace: str | None = None


class Conflict(TigerError):
    """Somebody else wrote a record first.

    Raised by `update` with `if_version` if the record has another version or was deleted, and by
    `modify` if that happened 1,000 times in a row. Nothing was changed: read again. `table`, `id`
    and `namespace` identify the record; `version` is its current version, None if it was deleted.
    On several machines it is also raised by `rollback`, with only the namespace.
    """

    table: str | None = None
    id: str | None = None
    namespace: str | None = None
    version: int | None = None


class InvalidRecord(TigerError, ValueError):
    """An id, a name, a record or a value cannot be stored, and so cannot be searched for either.

    Raised by every call that takes one: for a name that is not a string of 1 to 255 bytes without
    control characters, and for a record without an id, with a key that is not a string, with NaN,
    with an integer past 64 bits, with more than 64 levels, or with more bytes than --max-record.
    Nothing was changed.
    """


class InvalidCursor(TigerError, ValueError):
    """The cursor of a page is not the id of an existing record.

    Raised by `list` with `starting_after` or `ending_before` if no record of this table and
    namespace has that id, for example because it was deleted. `table`, `id` and `namespace` say
    which.
    """

    table: str | None = None
    id: str | None = None
    namespace: str | None = None


class InvalidRequest(TigerError, ValueError):
    """A call is invalid because of its arguments, or because of the time at which it is made.

    Raised for arguments that are out of range or contradict each other, filters that are not
    scalars, `clear()` in an account, and the use of a store, snapshot, mark or batch after its end.
    Nothing was changed.
    """


class UnknownTable(TigerError, AttributeError):
    """The named table is neither built in nor defined.

    Raised by `store.<name>`, `store.table(name)`, and every call that takes names of tables.
    `table` is the name.
    """

    table: str | None = None


class Sealed(TigerError):
    """A namespace cannot be written to while it has forks, which read its records.

    Raised by every write to it, including a clear, until the last of its forks is cleared. Nothing
    was changed. `namespace` is its name, and `forks` the number of its forks.
    """

    namespace: str | None = None
    forks: int | None = None


class TimedOut(TigerError, TimeoutError):
    """The awaited record did not come in time.

    Raised by `wait_for`. The message shows the existing records. `table` and `namespace` say where
    it waited, and `timeout_s` how long, in seconds.
    """

    table: str | None = None
    namespace: str | None = None
    timeout_s: float | None = None


class StoreFull(TigerError):
    """There is no room for a write, in shared memory or in another resource that it needs.

    Raised by writes; by `connect`, if it makes an instance; and by calls that make a file in it:
    snapshots, marks, sandboxes, forks, and reads that have to keep a commit readable. The message
    says how much there is and how to get more. Nothing was changed;
    reads, deletes and clears still work. If a file could not be created, `needed` is its size and
    `free` the free space of its file system, in bytes. If a limit of the format is reached, `limit`
    names it.
    """

    needed: int | None = None
    free: int | None = None
    limit: str | None = None


class Damaged(TigerError):
    """A segment holds bytes that no daemon wrote.

    Raised by the read or write that found them. `tigerd check` lists the faults, and `tigerd
    repair` keeps the readable records.
    """


class InstanceError(TigerError):
    """A directory cannot hold an instance, or has another instance than before.

    Raised by `connect` if the directory belongs to another user, is open to others, or has other
    files; and by reads and writes after the instance was removed, replaced or restored: connect
    again.
    """


class LayoutMismatch(InstanceError):
    """The segments or the daemon have another version of tigerd than this library.

    Raised by `connect` and by writes. Stop the daemon with the version that made the instance, or
    use another directory.
    """


class DaemonUnavailable(TigerError, ConnectionError):
    """No daemon runs, or it does not answer, and nothing was changed.

    Raised by `connect` without `autostart`, and by writes whose request was not accepted in time.
    `directory` is the instance's.
    """

    directory: Path | None = None


class OutcomeUnknown(TigerError, TimeoutError):
    """A write was sent but not answered in time: it may have been applied, or may still be.

    Raised by writes. Read the record before you try again, or use calls that may be repeated.
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
"""The error class of each status; 0 and 1 are the statuses of a write that was applied."""


def told(error: TigerError) -> list[Any]:
    """Return the rest of an error's answer, beside its code: the message and the facts."""
    return [str(error), error.facts]


def error_of(code: int, value: list[Any] | None) -> TigerError:
    """Return the error of an answer; `value` comes from `told`, None if the reply was lost."""
    kind = CODES[code]
    if value is None:
        return kind(f"{kind.__name__}: nothing was changed")
    message, facts = value
    return kind(message, **{name: facts[name] for name in kind.declared() & facts.keys()})


def code_of(error: TigerError) -> int:
    """Return the number of an error's class in `CODES`."""
    return next(code for code, kind in CODES.items() if type(error) is kind)
