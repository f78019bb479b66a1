"""Differences: an object merged with new values, and the old values of the changed fields."""

from __future__ import annotations

from tigerstripe.records import Record
from tigerstripe.work.unit import PRIVATE


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


def merged(old: Record, given: Record) -> Record:
    """Return an object with the given values merged into it, at every depth."""
    new = dict(old)
    for name, value in given.items():
        is_inner = isinstance(value, dict) and isinstance(old.get(name), dict)
        new[name] = merged(old[name], value) if is_inner else value
    return new
