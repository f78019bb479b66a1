"""What an event of an update says was before it."""

from __future__ import annotations

from typing import Any

from tigerstripe.work import PRIVATE

Record = dict[str, Any]


def previous_attributes(old: Record, new: Record) -> Record:
    """Return what the changed fields were; of a dict only what changed in it, None for new keys."""
    found: Record = {}
    for name in {**old, **new}:
        if name == PRIVATE:
            continue
        before, after = old.get(name), new.get(name)
        if before == after and type(before) is type(after):
            continue
        both = isinstance(before, dict) and isinstance(after, dict)
        found[name] = previous_attributes(before, after) if both else before  # type: ignore[arg-type]
    return found
