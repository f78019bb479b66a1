"""The exit codes, and the errors that have each."""

from __future__ import annotations

from tiger.errors import (
    DaemonUnavailable,
    InstanceError,
    InvalidCursor,
    LayoutMismatch,
    OutcomeUnknown,
    TigerError,
    TimedOut,
)

NO = 1  # not running, not found, an audit that failed, no room
USAGE = 2  # arguments or input that cannot be used; click's own code
UNREACHABLE = 3  # no daemon, or a directory that cannot be used
MISMATCH = 4  # segments or a daemon of another version
TIMED_OUT = 5  # outcome unknown, or time-out
SIGNALLED = 128  # + the signal's number
NOT_EXECUTABLE = 126  # as in a shell
NOT_A_COMMAND = 127  # as in a shell

_BY_CLASS: tuple[tuple[type[Exception], int], ...] = (
    (LayoutMismatch, MISMATCH),
    (OutcomeUnknown, TIMED_OUT),
    (TimedOut, TIMED_OUT),
    (DaemonUnavailable, UNREACHABLE),
    (InstanceError, UNREACHABLE),
    (InvalidCursor, NO),
    (ValueError, USAGE),
)
"""The first that fits counts; an error that is not here is a NO."""


def exit_code_of(error: TigerError) -> int:
    """Return the exit code for an error."""
    return next((code for kind, code in _BY_CLASS if isinstance(error, kind)), NO)
