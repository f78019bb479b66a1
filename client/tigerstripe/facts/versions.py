"""API versions: which one a request asks for, and how an answer looks in it.

Records are kept in the shape of the newest version. A field that was only added has a mark in the
table of facts and is left out of older versions; `releases` lists all other changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from tigerstripe.errors import Refused
from tigerstripe.facts.kinds import Enum, Field, Obj
from tigerstripe.facts.releases import (
    EXPANDED_BEFORE,
    FIELDS_BEFORE,
    PARAMETERS_BEFORE,
    RELEASES,
    SINCE,
    UNLISTED,
    WORDS_BEFORE,
    Change,
)
from tigerstripe.facts.table import Reader, facts

OLDEST = "2025-03-31.basil"
"""The oldest version in which all answers have their own shape; in older ones only payments."""

PREVIEW = ".preview"

_version = re.compile(r"(\d{4}-\d{2}-\d{2})(\.[a-z]+)?(; *[a-z_]+=v\d+)*\Z").match


def newest() -> str:
    """Return the version of a request that names none."""
    return facts().versions[-1]


@lru_cache(maxsize=1)
def published() -> frozenset[str]:
    """Return the versions that Stripe has: those that a webhook endpoint may have."""
    kind = facts().parameters("POST /v1/webhook_endpoints").fields["api_version"].kind
    assert isinstance(kind, Enum)
    return kind.values


@lru_cache(maxsize=256)
def asked(header: str) -> str:
    """Return the version that a `Stripe-Version` header asks for.

    Raises `Refused` for a version that Stripe does not have, as Stripe does. But a version newer
    than the table of facts is accepted, because next month's SDK sends it with each request.
    """
    found = _version(header)
    version = found[1] + (found[2] or "") if found else ""
    if version in published() or version > newest() or version.endswith(PREVIEW):
        return version
    raise Refused(f"Invalid Stripe API version: {header}")


def is_known(version: str) -> bool:
    """Tell whether all answers have their own shape in a version."""
    return OLDEST <= version <= newest()


def notice(version: str) -> str:
    """Return what to say once of a version that is not known."""
    if version > newest():
        return (
            f"tigerstripe answers API version {version} as {newest()}, the newest that it knows: "
            f"later changes are missing."
        )
    return (
        f"tigerstripe answers API version {version} as {OLDEST}, the oldest it knows; payments are "
        f"answered as in that version, as far as it is known."
    )


@lru_cache(maxsize=256)
def parameters_before(operation: str, version: str) -> dict[str, Field]:
    """Return the parameters that an operation had only in older versions."""
    found: dict[str, Field] = {}
    for release, taken in PARAMETERS_BEFORE.items():
        if version < release:
            found.update(taken.get(operation, {}))
    return found


def in_words_of_now(operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a request without a version, in the words of the newest version."""
    path, words = WORDS_BEFORE.get(operation, ((), {}))
    return _replaced(params, path, words) if path else params


def _replaced(value: Any, path: tuple[str, ...], words: dict[str, str]) -> Any:
    if not path:
        return words.get(value, value) if isinstance(value, str) else value
    if not isinstance(value, dict) or path[0] not in value:
        return value
    return {**value, path[0]: _replaced(value[path[0]], path[1:], words)}


@lru_cache(maxsize=256)
def field_before(name: str, field: str, version: str) -> Field | None:
    """Return a field that an object had only in older versions, or None."""
    for release, taken in FIELDS_BEFORE.items():
        if version < release and name in taken:
            kind = Reader(facts(), taken[name]).kind()
            assert isinstance(kind, Obj)
            return kind.fields.get(field)
    return None


@lru_cache(maxsize=64)
def changes_since(version: str) -> dict[str, list[Change]]:
    """Return the changes of objects back to an older version, newest release first."""
    found: dict[str, list[Change]] = {}
    for release in reversed(RELEASES):
        if version < release:
            for name, change in RELEASES[release].items():
                found.setdefault(name, []).append(change)
    return found


@lru_cache(maxsize=1024)
def later_fields(version: str, name: str) -> tuple[tuple[str, ...], ...]:
    """Return the paths of the fields of an object that a version does not have yet."""
    try:
        listed = tuple(_later(version, facts().fields(name), name))
    except KeyError:
        return ()
    return listed + tuple((field,) for field in UNLISTED.get(name, ()) if version < SINCE[field])


def _later(version: str, kind: Obj, of: str) -> Iterator[tuple[str, ...]]:
    for name, field in kind.fields.items():
        path = f"{of}.{name}"
        since = SINCE.get(path)
        if since is None and field.since > 0:
            since = SINCE.get(name, facts().versions[field.since])
        if since is not None and version < since:
            yield (name,)
        elif isinstance(field.kind, Obj):
            yield from ((name, *rest) for rest in _later(version, field.kind, path))


@lru_cache(maxsize=64)
def expanded_before(version: str) -> dict[str, tuple[str, ...]]:
    """Return, by object, the paths with whole objects in an older version."""
    found: dict[str, tuple[str, ...]] = {}
    for release, paths in EXPANDED_BEFORE.items():
        if version < release:
            found.update(paths)
    return found


def back(value: Any, version: str) -> None:
    """Turn an answer, in place, into the shape of an older version.

    The object in an event keeps the version of the event, whatever version the request asks for.
    """
    if isinstance(value, list):
        for item in value:
            back(item, version)
    elif isinstance(value, dict):
        name = value.get("object")
        for field, item in value.items():
            if isinstance(item, (dict, list)) and field != "metadata" and name != "event":
                back(item, version)
        if isinstance(name, str):
            for change in changes_since(version).get(name, ()):
                change(value)
            for path in later_fields(version, name):
                _remove(value, path)


def _remove(value: Any, path: tuple[str, ...]) -> None:
    for step in path[:-1]:
        value = value.get(step)
        if not isinstance(value, dict):
            return
    value.pop(path[-1], None)
