"""Routing: the operation of a method and a path.

The fixed parts of a path come before its names: `/v1/products/search` is no product of that id.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from tigerstripe import errors
from tigerstripe.facts.table import facts

ANY = "{}"


class Route(NamedTuple):
    """An operation, and what its path names."""

    operation: str
    """As the table has it: `GET /v1/customers/{customer}`."""
    ids: dict[str, str]
    """The values in the places of the path's names, in order; must not be changed."""


@lru_cache(maxsize=1)
def _tree() -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for operation in facts().operations:
        method, _, path = operation.partition(" ")
        at = tree
        for part in path[1:].split("/"):
            at = at.setdefault(ANY if part[0] == "{" else part, {})
        names = [part[1:-1] for part in path.split("/") if part[:1] == "{"]
        at[f"{method} "] = (operation, names)
    return tree


@lru_cache(maxsize=1024)
def route(method: str, path: str) -> Route:
    """Return the operation of a path; raises `Refused` (404) where Stripe has none."""
    at: Mapping[str, Any] = _tree()
    given = []
    for part in path[1:].split("/"):
        inner = at.get(part)
        if inner is None or part == ANY:
            inner = at.get(ANY)
            if inner is None or not part:
                raise errors.no_such_url(method, path)
            given.append(unquote_plus(part) if "%" in part or "+" in part else part)
        at = inner
    found = at.get(f"{method} ")
    if found is None:
        raise errors.no_such_url(method, path)
    operation, names = found
    return Route(operation, dict(zip(names, given, strict=True)))
