"""The errors of requests that were not applied, and of those that may have been."""

from __future__ import annotations

from pathlib import Path

from tiger.errors import DaemonUnavailable, OutcomeUnknown, TigerError
from tiger.place import instance
from tiger.place.instance import as_option


def no_daemon_error(directory: Path) -> DaemonUnavailable:
    """Return the error for an instance without a daemon."""
    return DaemonUnavailable(
        f"no daemon runs at {directory}: start one with `tigerd start {as_option(directory)}`",
        directory=directory,
    )


def busy_error(directory: Path, timeout_s: float) -> DaemonUnavailable:
    """Return the error of a request whose turn did not come in time."""
    return DaemonUnavailable(
        f"requests before this one have kept the connection to {directory} busy for "
        f"{timeout_s:.3g} s; nothing was changed: see `tigerd status {as_option(directory)}`",
        directory=directory,
    )


def not_taken_error(directory: Path) -> DaemonUnavailable:
    """Return the error of a write that could not be sent in time."""
    return DaemonUnavailable(
        f"the daemon at {directory} does not take requests; nothing was changed: see "
        f"`tigerd status {as_option(directory)}`",
        directory=directory,
    )


def unanswered_error(directory: Path, timeout_s: float) -> DaemonUnavailable:
    """Return the error of a question that was not answered in time."""
    return DaemonUnavailable(
        f"the daemon at {directory} has not answered within {timeout_s:.3g} s; nothing was "
        f"changed: see `tigerd status {as_option(directory)}`",
        directory=directory,
    )


def outcome_error(directory: Path, timeout_s: float) -> OutcomeUnknown:
    """Return the error of a write that was sent and not answered in time."""
    return OutcomeUnknown(
        f"the daemon at {directory} has not answered a request within {timeout_s:.3g} s: it may "
        f"or may not have been applied; read before you write it again, and see `tigerd status "
        f"{as_option(directory)}`",
        directory=directory,
    )


def refusal_error(error: Exception, directory: Path, *, was_sent: bool) -> TigerError:
    """Return the error for a process at the socket that is not this user's daemon."""
    if not isinstance(error, TigerError):
        error = DaemonUnavailable(f"no daemon answers at {directory}: {error}", directory=directory)
    if not was_sent:
        return type(error)(f"{error}; nothing was changed", **error.facts)
    return OutcomeUnknown(
        f"{error}; the request that was sent before may or may not have been applied: read "
        f"before you write it again",
        directory=directory,
    )


def start_error(error: TigerError, directory: Path) -> TigerError:
    """Return the error of a write that was sent, if no daemon can be started afterwards."""
    if not (directory / instance.FOLLOWED).exists():
        return error
    return OutcomeUnknown(
        f"{error}; the request that was sent before may be in the log that the instance "
        f"follows: read before you write it again"
    )
