"""Actions of buyers, banks and time: each is a work of its own, without a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tiger import AlreadyExists, Conflict
from tigerstripe.errors import Declined, Refused
from tigerstripe.facts import versions
from tigerstripe.work import clock
from tigerstripe.work.log import Log
from tigerstripe.work.scope import Scope
from tigerstripe.work.unit import Work

Result = TypeVar("Result")


def act(scope: Scope, log: Log, do: Callable[[Work], Result]) -> Result:
    """Call `do` on a new work, commit the work, and return the result.

    If another process was faster, all is done again. Raises `Refused`, with nothing written, and
    `Declined`, after the commit.
    """
    while True:
        work = Work(scope, clock.now(scope), versions.newest(), None, is_write=True)
        declined, result = None, None
        try:
            result = do(work)
        except Declined as error:
            declined = error
        except Refused:
            if work.is_outdated():
                continue
            raise
        try:
            work.commit(log)
        except (Conflict, AlreadyExists):
            continue
        if declined is not None:
            raise declined
        assert result is not None
        return result
