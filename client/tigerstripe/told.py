"""The part of a failed test's report about its Stripe account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tiger.shown import shown
from tigerstripe.records import Record
from tigerstripe.requests import faults

if TYPE_CHECKING:
    from tigerstripe.account import Account


SHOWN_MAX = 20
"""Requests that are told of, the newest ones."""
WIDTH_MAX = 300
"""Letters of a line."""


class Teller:
    """Tells of one account."""

    def __init__(self, account: Account) -> None:
        """Tell of this account."""
        self._account = account

    def failures(self, since: float) -> str:
        """Return the failed requests since a time of the machine's clock, and the waiting faults.

        One line each. Raises `tiger.TigerError` if the log cannot be read.
        """
        lines = [
            _line(entry)
            for entry in self._account.requests()
            if entry["at"] >= since and not 200 <= entry["status"] < 300
        ]
        if len(lines) > SHOWN_MAX:
            lines[:-SHOWN_MAX] = [f"({len(lines) - SHOWN_MAX} earlier ones are left out)"]
        return "\n".join([*lines, *self._waiting()])

    def _waiting(self) -> Iterator[str]:
        for fault in self._account.waiting_faults():
            call = "delay_next" if "delay_s" in fault else "fail_next"
            yield f"{call}({fault['match']!r}) waits: no request has met it {fault['times']} times"


def _line(entry: Record) -> str:
    error = entry["error"] or {}
    status = "lost" if entry["status"] == faults.LOST else entry["status"]
    words = [entry["method"], entry["path"], str(status), error.get("code") or ""]
    said = f"{' '.join(word for word in words if word)}: {error.get('message', '')}"
    line = shown(f"{said} (process {entry['process']})")
    return line if len(line) <= WIDTH_MAX else f"{line[: WIDTH_MAX - 1]}…"
