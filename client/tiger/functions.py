"""Calling the functions that users pass to `modify` and `wait_for`, and checking the results."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from tiger.errors import Conflict, InvalidRecord, InvalidRequest
from tiger.format.record import Record

ATTEMPTS = 1000
"""How often `modify` tries again after another process wrote the record first."""


def result_of(function: Callable[[Record], Any], content: Record, what: str) -> Any:
    """Return the function's result for a record; `InvalidRequest` for an async function.

    An async function would return a coroutine: always true as a condition, and not a record.
    """
    result = function(content)
    if isinstance(result, Coroutine):
        result.close()  # nobody is going to await it
        raise InvalidRequest(
            f"{what} takes a plain function, and {function!r:.80} is an async one: await its "
            f"results before the call, and give a function that uses them"
        )
    return result


def changed_by(function: Callable[[Record], Record | None], id: str, content: Record) -> Record:
    """Return the record that the function of a `modify` makes of another; the id must stay."""
    if not callable(function):
        raise InvalidRequest(
            f"modify of {id!r} takes a function of a record, not {function!r:.80}: use patch() "
            f"to merge values that are known already"
        )
    result = result_of(function, content, f"modify of {id!r}")
    changed = content if result is None else result
    if isinstance(changed, Mapping) and changed.get("id") != id:
        raise InvalidRecord(
            f"modify of {id!r} returned a record with the id {changed.get('id')!r:.80}: "
            f"the id of a record does not change, insert another record"
        )
    return changed


def conflict_error(table: str, id: str, namespace: str) -> Conflict:
    """Return the error of a `modify` that lost every race against other writers."""
    return Conflict(
        f"{table} {id!r}: others wrote it {ATTEMPTS} times meanwhile: try again, or use patch(), "
        f"which the daemon does at once",
        table=table,
        id=id,
        namespace=namespace,
    )
