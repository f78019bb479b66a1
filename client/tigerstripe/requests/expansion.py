"""Expansion: fields of an answer as whole objects instead of ids, up to four levels deep.

The table of facts says which fields can be expanded; that is checked before anything is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from tigerstripe.errors import Refused
from tigerstripe.facts import versions
from tigerstripe.facts.kinds import Id, Kind, List, Map, Obj, Page, Ref, Union
from tigerstripe.facts.table import facts
from tigerstripe.objects import registry
from tigerstripe.records import Record
from tigerstripe.work.unit import PRIVATE, Work

LEVELS_MAX = 4


class Expansion:
    """The fields to expand in an object, or in the objects of a list."""

    __slots__ = ("inside", "to")

    def __init__(self) -> None:
        """Begin with nothing to expand."""
        self.inside: dict[str, Expansion] = {}
        self.to: tuple[str, ...] = ()
        """The resources that the id at this place may belong to; empty if it is no id."""

    def __bool__(self) -> bool:
        return bool(self.inside)


NONE = Expansion()


def expansion(operation: str, paths: Sequence[str] | None, version: str) -> Expansion:
    """Return the expansion that a request asks for; raises `Refused` if it is not possible."""
    return _of_answer(operation, tuple(paths), version) if paths else NONE


@lru_cache(maxsize=512)
def _of_answer(operation: str, paths: tuple[str, ...], version: str) -> Expansion:
    root = Expansion()
    answer = facts().answer(operation)
    for path in paths:
        _add(root, answer, path, version)
    return root


@lru_cache(maxsize=64)
def of_resource(name: str, paths: tuple[str, ...]) -> Expansion:
    """Return the expansion of some paths of a resource."""
    root = Expansion()
    for path in paths:
        _add(root, Ref(name), path, versions.newest())
    return root


def _add(root: Expansion, kind: Kind, path: str, version: str) -> None:
    """Add a path to an expansion, checking each step; raises `Refused`."""
    steps = path.split(".")
    is_list = isinstance(kind, Page)
    if len(steps) - is_list > LEVELS_MAX:
        raise Refused(
            f"You cannot expand more than {LEVELS_MAX} levels of a property. Property: {path}"
        )
    at, owners, within = root, _owners(kind), ""
    for place, step in enumerate(steps):
        if _owners(kind):
            owners, within = _owners(kind), ""
        within = f"{within}.{step}" if within else step
        inner, is_included = _step(kind, step)
        if inner is None and version < versions.OLDEST:
            inner = _before(owners, within, version)
        is_included = is_included or _is_included(owners, within)
        is_last = place == len(steps) - 1
        if inner is None or (is_last and not (is_included or _has_ids(inner))):
            hint = f" You may want to try expanding 'data.{path}' instead."
            is_of_page = is_list and place == 0
            raise Refused(f"This property cannot be expanded ({step}).{hint * is_of_page}")
        at = at.inside.setdefault(step, Expansion())
        at.to = _names(inner)
        kind = inner


def _owners(kind: Kind) -> tuple[str, ...]:
    """Return the resources that the objects at a place may belong to."""
    if isinstance(kind, (List, Map, Page)):
        return _owners(kind.of)
    if isinstance(kind, Union):
        return tuple(name for option in kind.of for name in _owners(option))
    return (kind.to,) if isinstance(kind, Ref) else tuple(kind.to) if isinstance(kind, Id) else ()


def _before(owners: tuple[str, ...], field: str, version: str) -> Kind | None:
    """Return the kind of a field that a resource had only in an older version, or None."""
    found = (versions.field_before(name, field, version) for name in owners)
    return next((field.kind for field in found if field is not None), None)


def _is_included(owners: tuple[str, ...], path: str) -> bool:
    """Tell whether one of the resources has the field at a path only when it is expanded."""
    resources = (registry.resource(name) for name in owners)
    return any(resource is not None and path in resource.included for resource in resources)


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
            return field.kind, field.is_asked
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
    """Put whole objects into a record, in place; changed parts of it are copied first."""
    if record.get("object") == "list" and "data" in record:
        inside = wanted.inside.get("data")
        if inside:
            record["data"] = [_expanded(work, item, inside) for item in record["data"]]
        return
    resource = registry.resource(record.get("object", ""))
    included = resource.included if resource is not None else {}
    for name, inner in wanted.inside.items():
        if name in included:
            record[name] = included[name](resource, work, record, _kept(work, record))
        if included and isinstance(record.get(name), dict):
            record[name] = _with_included(work, record, record[name], inner, name)
        if name in record:
            record[name] = _expanded(work, record[name], inner)
    if included.keys() & wanted.inside.keys():
        _put_in_order(record)


def _with_included(
    work: Work, record: Record, part: Record, wanted: Expansion, path: str
) -> Record:
    """Return a part of an object with the expanded fields within it, at any depth."""
    resource = registry.need(record["object"])
    for step, inner in wanted.inside.items():
        inside = f"{path}.{step}"
        make = resource.included.get(inside)
        if make is not None:
            part = {**part, step: make(resource, work, record, _kept(work, record))}
        elif isinstance(part.get(step), dict):
            part = {**part, step: _with_included(work, record, part[step], inner, inside)}
    return part


def _put_in_order(record: Record) -> None:
    """Sort the fields again as Stripe does, after an expansion has added some."""
    fields = [(name, record[name]) for name in ("id", "object", *sorted(record)) if name in record]
    record.clear()
    record.update(fields)


def _kept(work: Work, record: Record) -> Record:
    """Return an object's private part; an object within another may have lost it."""
    if PRIVATE not in record and "id" in record:
        resource = registry.need(record["object"])
        record = (work.get(resource.table, record["id"]) if resource.table else None) or record
    kept: Record = record.get(PRIVATE, {})
    return kept


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
    """Return a copy of the object with that id, or of its rest if it was deleted; or None."""
    for name in names:
        resource = registry.resource(name)
        if resource is None:
            continue
        try:
            return dict(resource.retrieve(work, {"id": id}, {}))
        except Refused:
            continue
    return None
