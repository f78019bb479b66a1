"""`tigerd repair`: keep the readable records of a damaged instance, and report the rest.

Nothing is mended in place. Every chunk is searched for whole versions, also past a damaged one;
what was live at the last commit is written into fresh segments, in the order of its lists, and
these take the place of the old ones. The index only serves as a second witness.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from tiger.errors import Damaged, TigerError
from tiger.format import layout, record
from tiger.format.layout import (
    ALIGNMENT,
    COPIED,
    GONE,
    MOVED,
    NAMESPACES,
    REF_MASK,
    SLOTS_AT,
    TAKEN,
    VALUES,
    WORD,
)
from tiger.format.memory import Segment, Vanished
from tiger.format.protocol import FRAME_MAX, PUT
from tiger.format.resources import (
    DEFINITIONS,
    DEFINITIONS_NAMESPACE,
    RESOURCES,
    Resource,
    defined_resource,
)
from tiger.format.version import Version
from tiger.place import private
from tiger.system import os
from tigerd.engine import segments
from tigerd.engine.control import REPAIRED, open_control
from tigerd.engine.operations import add
from tigerd.engine.planning import Planner
from tigerd.engine.recovery import recover
from tigerd.engine.writer import Writer
from tigerd.tools.findings import Finding, reason, text_of

FOLDER = "repair"
BATCH = 1000

Key = tuple[int, bytes]
"""Scope and key."""


@dataclass
class Salvage:
    """The readable records of an instance, and the findings."""

    commit: int = 0
    max_record: int = record.DEFAULT_MAX_RECORD
    resources: list[Resource] = field(default_factory=list)
    records: dict[int, list[tuple[str, Version]]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many records could be read, definitions of tables not counted."""
        return sum(len(found) for number, found in self.records.items() if number)


def salvage(directory: Path) -> Salvage:
    """Read every readable record; the caller ensures that no daemon writes meanwhile."""
    result = Salvage()
    _read_control(directory, result)
    for resource in (DEFINITIONS, *RESOURCES):
        _TableSalvage(directory, resource, result).run()
    for _, version in result.records.get(DEFINITIONS.number, []):
        try:
            resource = defined_resource(record.decode_untrusted(version.body))
        except (TigerError, LookupError, TypeError) as error:
            what = f"dropped, for it defines no table: {error!r:.80}"
            result.findings.append(
                Finding(str(version.chunk.path), version.head * WORD, text_of(version.key), what)
            )
            continue
        result.resources.append(resource)
        _TableSalvage(directory, resource, result).run()
    _note_undefined(directory, result)
    return result


def _read_control(directory: Path, result: Salvage) -> None:
    try:
        words = Segment(directory / "control", layout.CONTROL).words
        result.commit = words[layout.COMMIT]
        result.max_record = words[layout.MAX_RECORD]
    except (Damaged, FileNotFoundError) as error:
        why = "it is gone" if isinstance(error, FileNotFoundError) else reason(error)
        what = f"{why}: the last write may be kept though it was never acknowledged"
        result.findings.append(Finding(str(directory / "control"), 0, "the instance", what))
    if not result.commit:
        result.commit = layout.COMMITS.most


def _note_undefined(directory: Path, result: Salvage) -> None:
    """Note the tables whose definition is lost: nothing else says how to read them."""
    known = {resource.table for resource in (DEFINITIONS, *RESOURCES, *result.resources)}
    if (directory / "tables").is_dir():
        for path in sorted((directory / "tables").iterdir()):
            if path.name not in known:
                what = "lost with all its records: its definition cannot be read"
                result.findings.append(Finding(str(path), 0, path.name, what))


class _TableSalvage:
    """The readable records of one table."""

    def __init__(self, directory: Path, resource: Resource, result: Salvage) -> None:
        self.folder = directory / "tables" / resource.table
        self.resource = resource
        self.result = result
        self.mutable_size = layout.mutable_words(len(resource.indexes)) * WORD
        self.newest: dict[Key, Version] = {}
        self.indexed: dict[int, bool] = {}
        """The refs that the index names, and whether each is gone."""
        self.noted: set[int] = set()
        """The versions that were found or reported as damaged."""

    def run(self) -> None:
        for _, path in segments.numbered_files(self.folder, "index"):
            self._read_index(path)
        for number, path in segments.numbered_files(self.folder, "chunk"):
            for version in self._versions(path, number):
                self.noted.add(version.ref)
                self._consider(version)
        self._note_lost()
        names = {
            version.number: key.decode() if self._is_live(version) else None
            for (scope, key), version in self.newest.items()
            if scope == NAMESPACES
        }
        namespaces: dict[str, dict[bytes, Version]] = {}
        for (scope, key), version in self.newest.items():
            if scope != NAMESPACES and not scope & VALUES and self._is_live(version):
                name = self._name(scope, version, names)
                if name is not None:
                    namespaces.setdefault(name, {})[key] = version
        self._copy_inherited(namespaces, names)
        self.result.records[self.resource.number] = sorted(
            ((name, v) for name, found in namespaces.items() for v in found.values() if v.body),
            key=lambda item: item[1].order,
        )

    def _copy_inherited(
        self, namespaces: dict[str, dict[bytes, Version]], names: dict[int, str | None]
    ) -> None:
        """Copy inherited records into forks, which become ordinary namespaces."""
        forks = {
            key.decode(): version.body.decode()
            for (scope, key), version in self.newest.items()
            if scope == NAMESPACES and version.body and names[version.number] is not None
        }
        for name, origin in forks.items():
            found = namespaces.setdefault(name, {})
            parent: str | None = origin
            seen = {name}
            while parent is not None and parent not in seen:
                seen.add(parent)
                for key, version in namespaces.get(parent, {}).items():
                    found.setdefault(key, version)
                parent = forks.get(parent)

    def _find(self, path: Path, offset: int, what: str, why: str) -> None:
        self.result.findings.append(Finding(str(path), offset, what, why))

    def _read_index(self, path: Path) -> None:
        try:
            words = Segment(path, layout.INDEX).words
        except TigerError as error:
            self._find(path, 0, self.resource.table, f"{reason(error)}; rebuilt")
            return
        for word in words[SLOTS_AT:]:
            if word > MOVED:
                self.indexed[word & REF_MASK] = bool(word & GONE)

    def _versions(self, path: Path, number: int) -> Iterator[Version]:
        """Yield the whole versions of a chunk, and note where others must have been."""
        try:
            chunk = Segment(path, layout.CHUNK)
        except TigerError as error:
            why = f"lost with all its contents: {reason(error)}"
            self._find(path, 0, self.resource.table, why)
            return
        offset = layout.HEADER_WORDS * WORD
        used = min(chunk.words[layout.HEADER_STATE], len(chunk.map))
        is_whole = True
        while offset + self.mutable_size < used:
            try:
                version = Version(chunk, layout.ref_of(number, offset + self.mutable_size))
            except Vanished:
                if is_whole:
                    at = offset + self.mutable_size
                    self._find(path, at, self._guess(chunk, at), "dropped: cannot be read")
                    self.noted.add(layout.ref_of(number, at))
                is_whole = False
                offset += ALIGNMENT
            else:
                is_whole = True
                offset += self.mutable_size + version.size
                yield version

    def _note_lost(self) -> None:
        """Report records that only the index still names, and of which nothing is left."""
        lost = sorted(
            ref for ref, gone in self.indexed.items() if not gone and ref not in self.noted
        )
        for number, found in groupby(lost, lambda ref: ref >> layout.REF_OFFSET_BITS):
            refs = list(found)
            at = (refs[0] & layout.REF_OFFSET_MASK) * ALIGNMENT
            why = f"lost: {len(refs):,} versions in the index, of records, namespaces or values"
            self._find(self.folder / f"chunk.{number}", at, self.resource.table, why)

    def _guess(self, chunk: Segment, at: int) -> str:
        """Say which key a damaged version may have had."""
        key_size = chunk.words[at // WORD] >> layout.KEY_SIZE_SHIFT
        start = at + layout.HEAD_SIZE
        key = chunk.map[start : start + key_size]
        return f"{self.resource.table} {key.decode(errors='replace')!r}, if its key is whole"

    def _consider(self, version: Version) -> None:
        """Keep the newest committed version of each key; of copies, one."""
        if version.begin > self.result.commit or version.end == TAKEN:
            return
        known = self.newest.get((version.scope, version.key))
        if known is None or (known.begin, known.end != COPIED) <= (
            version.begin,
            version.end != COPIED,
        ):
            self.newest[(version.scope, version.key)] = version

    def _is_live(self, version: Version) -> bool:
        ended = 0 < version.end <= self.result.commit
        if ended and self.indexed.get(version.ref) is False:
            what = f"{self.resource.table} {text_of(version.key)}"
            at = version.head * WORD
            self._find(version.chunk.path, at, what, "kept: its end and the index disagree")
            return True
        return not ended and version.end != COPIED

    def _name(self, scope: int, version: Version, names: dict[int, str | None]) -> str | None:
        """Return the namespace of a record; None if that was cleared."""
        if scope in names:
            return names[scope]
        if version.ref not in self.indexed:
            return None  # of a namespace that was cleared and taken away
        name = f"repaired-{self.resource.table}-{scope}"
        what = f"{self.resource.table} {text_of(version.key)}"
        why = f"kept in namespace {name!r}: the name of its own cannot be read"
        self._find(version.chunk.path, version.head * WORD, what, why)
        return name


def rebuild(directory: Path, found: Salvage) -> None:
    """Replace the old segments with fresh ones that hold the salvaged records."""
    made = directory / FOLDER
    shutil.rmtree(made, ignore_errors=True)
    private.make_folders(made)  # no socket will be in it: its path may be longer
    control, _ = open_control(made, found.max_record)
    control.store(layout.COMMIT, found.commit if found.commit < layout.COMMITS.most else 0)
    writer = Writer(made, control)
    writer.max_record = FRAME_MAX  # what is stored stays, though the limit is smaller now
    recover(writer)
    for number, records in found.records.items():
        for start in range(0, len(records), BATCH):
            _write(writer, number, records[start : start + BATCH])
    (made / "tables").mkdir(exist_ok=True)
    made.rename(directory / REPAIRED)  # whole: from here on it takes the old one's place
    finish(directory)


def _write(writer: Writer, number: int, records: list[tuple[str, Version]]) -> None:
    planner = Planner(writer)
    for namespace, version in records:
        if number == DEFINITIONS.number:
            _define(planner, version)
        else:
            add(planner, [PUT, number, namespace, version.body])
    writer.apply(planner.plan, None)
    while writer.cleaner.turn():
        pass


def _define(planner: Planner, version: Version) -> None:
    """Write a definition with the number it had: `define` would give it a new one."""
    table = planner.writer.table(DEFINITIONS.number)
    effect, facts = planner.effect_of(table, DEFINITIONS_NAMESPACE, version.body)
    planner.plan.write(effect, version.body, facts)


def finish(directory: Path) -> bool:
    """Put the result of a repair in place, if there is one; after a kill this can be repeated."""
    made = directory / REPAIRED
    if not made.exists():
        return False
    if (made / "tables").exists():
        shutil.rmtree(directory / "tables", ignore_errors=True)
        (made / "tables").rename(directory / "tables")
    if (made / "control").exists():
        os.replace(made / "control", directory / "control")
    shutil.rmtree(made)
    return True
