"""Calling a function that was given to a call of the store; an async one has to be refused.

It would only make a coroutine, which is true as a condition, and no record.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from tiger.errors import InvalidRequest
from tiger.format.record import Record


def result_of(function: Callable[[Record], Any], content: Record, what: str) -> Any:
    """Return what the function makes of a record; `InvalidRequest` for an async one."""
    result = function(content)
    if isinstance(result, Coroutine):
        result.close()  # nobody is going to await it
        raise InvalidRequest(
            f"{what} takes a plain function, and {function!r:.80} is an async one: await its "
            f"results before the call, and give a function that uses them"
        )
    return result
