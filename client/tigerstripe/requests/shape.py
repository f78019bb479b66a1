"""The last step: an answer in the requested version, expanded, without private parts."""

from __future__ import annotations

import copy
from typing import Any

from tigerstripe.facts import versions
from tigerstripe.records import Record
from tigerstripe.requests.expansion import Expansion, expand, of_resource
from tigerstripe.work.unit import PRIVATE, Work


def shaped(work: Work, answer: Record, wanted: Expansion, path: str) -> Record:
    """Return the result of an operation as the answer: public, expanded, in the version.

    A list gets its `url` here: the path of the request.
    """
    if not answer:
        return answer  # what takes a stream of events says nothing
    kind = answer["object"]
    if kind in ("list", "search_result"):
        answer.setdefault(
            "url", path
        )  # its records are of this answer alone: they were read for it
    else:
        answer = dict(answer)
    if wanted:
        expand(work, answer, wanted)
    _publish(answer, bool(wanted))
    if work.version < versions.newest():
        answer = copy.deepcopy(answer)  # its parts may be those of a record that is written
        before = versions.expanded_before(work.version)
        if before:
            _expand_as_before(work, answer, before)
        versions.back(answer, work.version)
    return answer


def told(work: Work, error: Record) -> Record:
    """Return an error as the answer: the objects in it are in the version, too."""
    error = dict(sorted(error.items()))
    if work.version < versions.newest():
        error = copy.deepcopy(error)  # its parts may be those of a record that is written
        versions.back(error, work.version)
    return error


def _publish(value: Any, is_deep: bool) -> None:
    """Remove private parts; at any depth only if whole objects were put in."""
    if isinstance(value, dict):
        if isinstance(value.get(PRIVATE), dict):  # and no text of metadata
            del value[PRIVATE]
        if is_deep:
            for item in value.values():
                if isinstance(item, (dict, list)):
                    _publish(item, is_deep)
        elif value.get("object") in ("list", "search_result"):
            for record in value["data"]:
                record.pop(PRIVATE, None)
    else:
        for item in value:
            if isinstance(item, dict):
                _publish(item, is_deep)


def _expand_as_before(work: Work, value: Any, paths: dict[str, tuple[str, ...]]) -> None:
    """Put in the whole objects that an older version has."""
    if isinstance(value, list):
        for item in value:
            _expand_as_before(work, item, paths)
    elif isinstance(value, dict):
        name = value.get("object")
        for field, item in value.items():
            if isinstance(item, (dict, list)) and field != "metadata" and name != "event":
                _expand_as_before(work, item, paths)
        if isinstance(name, str) and name in paths:
            expand(work, value, of_resource(name, paths[name]))
            _publish(value, True)
