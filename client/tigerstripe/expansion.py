"""Expansion: which fields of an answer are whole objects instead of ids, four levels deep.

The table of facts says what can be expanded; that is checked before anything is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from tigerstripe import registry
from tigerstripe.errors import Refused
from tigerstripe.facts import facts
from tigerstripe.kinds import Id, Kind, List, Map, Obj, Page, Ref, Union
from tigerstripe.work import PRIVATE, Work

Record = dict[str, Any]

LEVELS_MAX = 4


class Expansion:
    """What to expand in an object, or in the objects of a list."""

    __slots__ = ("inside", "to")

    def __init__(self) -> None:
        """Begin with nothing to expand."""
        self.inside: dict[str, Expansion] = {}
        self.to: tuple[str, ...] = ()
        """The resources that the id at this place may be of; none where there is no id."""

    def __bool__(self) -> bool:
        return bool(self.inside)


NONE = Expansion()


def expansion(operation: str, paths: Sequence[str] | None) -> Expansion:
    """Return what a request wants expanded; raises `Refused` for what cannot be."""
    return _of_answer(operation, tuple(paths)) if paths else NONE


@lru_cache(maxsize=512)
def _of_answer(operation: str, paths: tuple[str, ...]) -> Expansion:
    root = Expansion()
    answer = facts().answer(operation)
    for path in paths:
        _add(root, answer, path)
    return root


@lru_cache(maxsize=64)
def of_resource(name: str, paths: tuple[str, ...]) -> Expansion:
    """Return the expansion of some paths of a resource."""
    root = Expansion()
    for path in paths:
        _add(root, Ref(name), path)
    return root


def _add(root: Expansion, kind: Kind, path: str) -> None:
    """Add a path, checked step by step, to what is to be expanded."""
    steps = path.split(".")
    is_list = isinstance(kind, Page)
    if len(steps) - is_list > LEVELS_MAX:
        raise Refused(
            f"You cannot expand more than {LEVELS_MAX} levels of a property. Property: {path}"
        )
    at = root
    for place, step in enumerate(steps):
        inner, is_included = _step(kind, step)
        is_last = place == len(steps) - 1
        if inner is None or (is_last and not (is_included or _has_ids(inner))):
            hint = f" You may want to try expanding 'data.{path}' instead." if is_list else ""
            raise Refused(f"This property cannot be expanded ({step}).{hint}")
        at = at.inside.setdefault(step, Expansion())
        at.to = _names(inner)
        kind = inner


def _step(kind: Kind, step: str) -> tuple[Kind | None, bool]:
    """Return the kind of a field, and whether it is only there when it is expanded."""
    if isinstance(kind, Page):
        return (List(kind.of), False) if step == "data" else (None, False)
    if isinstance(kind, List):
        return _step(kind.of, step)
    if isinstance(kind, Union):
        options = (_step(option, step) for option in kind.of)
        return next((found for found in options if found[0] is not None), (None, False))
    if isinstance(kind, Obj):
        field = kind.fields.get(step)
        return (field.kind, field.is_asked) if field else (None, False)
    for name in kind.to if isinstance(kind, Id) else [kind.to] if isinstance(kind, Ref) else []:
        try:
            field = facts().fields(name).fields.get(step)
        except KeyError:
            continue
        if field is not None:
            resource = registry.resource(name)
            is_included = resource is not None and step in resource.included
            return field.kind, field.is_asked or is_included
    return None, False


def _has_ids(kind: Kind) -> bool:
    return bool(_names(kind))


def _names(kind: Kind) -> tuple[str, ...]:
    if isinstance(kind, Id):
        return tuple(kind.to)
    if isinstance(kind, (List, Map)):
        return _names(kind.of)
    return ()


def expand(work: Work, record: Record, wanted: Expansion) -> None:
    """Put whole objects into a record, in place; what it holds is copied where it changes."""
    if record.get("object") == "list" and "data" in record:
        inside = wanted.inside.get("data")
        if inside:
            record["data"] = [_expanded(work, item, inside) for item in record["data"]]
        return
    for name, inner in wanted.inside.items():
        resource = registry.resource(record.get("object", ""))
        if resource is not None and name in resource.included:
            make = resource.included[name]
            record[name] = make(resource, work, record, record.get(PRIVATE, {}))
        if name in record:
            record[name] = _expanded(work, record[name], inner)


def _expanded(work: Work, value: Any, wanted: Expansion) -> Any:
    if isinstance(value, str):
        value = found(work, value, wanted.to) or value
    if isinstance(value, list):
        return [_expanded(work, item, wanted) for item in value]
    if isinstance(value, dict) and wanted:
        value = dict(value)  # what is in a record that is going to be written stays as it is
        expand(work, value, wanted)
    return value


def found(work: Work, id: str, names: Sequence[str]) -> Record | None:
    """Return the object of that id, a copy, or None; of a deleted one what is left of it."""
    for name in names:
        resource = registry.resource(name)
        if resource is None:
            continue
        try:
            return dict(resource.retrieve(work, {"id": id}, {}))
        except Refused:
            continue
    return None
