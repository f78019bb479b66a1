"""`tigerd check`: the audit of an instance, against its commit number.

Everything is checked at one pinned commit, so it may be done while the daemon writes. For each
table: every version ever appended is whole; every entry of the index names a version of its key;
and for each namespace the list, the count, the keys and the lists of values say the same. So does
what a daemon that starts relies on without looking: the bytes of garbage in each chunk, the places
of each index that are in use, and the ring of ended versions.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from zlib import crc32

from tiger.errors import InvalidRecord, TigerError
from tiger.format import layout, record
from tiger.format.layout import (
    COPIED,
    FINGERPRINT_SHIFT,
    HASH_SHIFT,
    MOVED,
    NAMESPACES,
    NEWER,
    OLDER,
    REF_MASK,
    REF_OFFSET_MASK,
    SLOTS_AT,
    TAKEN,
    VALUES,
    WORD,
)
from tiger.format.memory import Segment, Vanished
from tiger.format.resources import (
    DEFINITIONS,
    DEFINITIONS_NAMESPACE,
    RESOURCES,
    Resource,
    defined_resource,
)
from tiger.format.version import Version
from tiger.reading.lineage import Lineage
from tiger.reading.moments import Latest, Pinned
from tiger.reading.reader import Reader
from tiger.reading.reads import TableReads
from tiger.reading.table_reader import TableReader
from tigerd.engine import segments
from tigerd.tools.findings import Finding, Report, reason, text_of

UNREADABLE = (Vanished, TigerError)
"""The errors of a read that meets a damaged version or segment."""

ATTEMPTS = 10
"""Looks at a table whose chunks are removed meanwhile."""


def audit(directory: Path) -> Report:
    """Look at everything an instance holds; `TigerError` if it cannot be looked at at all."""
    reader = Reader(directory)
    report = Report()
    try:
        with Latest(reader).pin() as moment:
            report.commit = moment.commit
            for resource in _resources(reader, moment, report):
                directory_at = layout.entry_at(resource.number, layout.TABLE_DIRECTORY)
                if reader.words[directory_at]:
                    report.add(_audit_table(reader, resource, moment.commit))
    finally:
        reader.close()
    return report


def _audit_table(reader: Reader, resource: Resource, commit: int) -> Report:
    """Look at one table, again if a finding may come from a chunk that the daemon took away.

    It takes chunks away under a pin too, once it has copied what is needed in them.
    """
    dropped_at = layout.entry_at(resource.number, layout.TABLE_DROPPED)
    for _ in range(ATTEMPTS):
        dropped = reader.words[dropped_at]
        report = Report(tables=1)
        _TableAudit(reader, resource, commit, report).run()
        if not report.findings or reader.words[dropped_at] == dropped:
            break
        reader.let_go()
    return report


def _waiting(reader: Reader, number: int) -> set[int] | None:
    """Return the ended versions of a table, as the ring names them; None if it has lost some."""
    words = reader.words
    cleaned, ended = words[layout.CLEANED], words[layout.ENDED]
    if not 0 <= ended - cleaned < layout.ENDED_MAX:
        return None
    entries = [words[layout.ended_at(entry)] for entry in range(cleaned, ended)]
    if words[layout.ENDED] - cleaned >= layout.ENDED_MAX:
        return None
    return {entry & REF_MASK for entry in entries if entry >> 48 == number}


def _resources(reader: Reader, moment: Pinned, report: Report) -> list[Resource]:
    """Return all tables; those of users only if their definitions can be read."""
    resources = [DEFINITIONS, *RESOURCES]
    try:
        defined = TableReads(moment, DEFINITIONS, DEFINITIONS_NAMESPACE)
        resources += [defined_resource(content) for content in defined]
    except (TigerError, KeyError, ValueError) as error:
        folder = str(reader.directory / "tables" / DEFINITIONS.table)
        report.findings.append(Finding(folder, 0, "the definitions", reason(error)))
    return resources


class _TableAudit:
    """The audit of one table."""

    def __init__(self, reader: Reader, resource: Resource, commit: int, report: Report) -> None:
        self.resource = resource
        self.table: TableReader = reader.table(resource.number, resource.table)
        self.commit = commit
        self.report = report
        self.folder = reader.directory / "tables" / resource.table
        self.waiting = _waiting(reader, resource.number)
        self.listed: dict[int, set[bytes]] = {}

    def run(self) -> None:
        for number, path in segments.numbered_files(self.folder, "chunk"):
            self._check_chunk(path, number)
        for namespace in self._guarded(self.table.namespaces(self.commit), "the namespaces"):
            self._check_namespace(namespace)
        for _, path in segments.numbered_files(self.folder, "index"):
            self._check_index(path)

    def _find(self, version: Version | None, what: str, path: Path | None = None) -> None:
        """Note something about a version, or about a file."""
        where = version.chunk.path if version is not None else path or self.folder
        offset = version.head * WORD if version is not None else 0
        name = f"{self.resource.table} {text_of(version.key)}" if version else self.resource.table
        self.report.findings.append(Finding(str(where), offset, name, what))

    def _guarded(self, versions: Iterator[Version], what: str) -> Iterator[Version]:
        """Yield versions until one cannot be read."""
        try:
            yield from versions
        except UNREADABLE as error:
            self._find(None, f"{what}: {reason(error)}")

    # --- Files ---

    def _open(self, path: Path, kind: int) -> Segment | None:
        try:
            return Segment(path, kind)
        except FileNotFoundError:
            return None  # the daemon has just removed it
        except TigerError as error:
            self._find(None, reason(error), path)
            return None

    def _check_chunk(self, path: Path, number: int) -> None:
        """Walk the versions of a chunk from the first to the last, each whole and in its place."""
        chunk = self._open(path, layout.CHUNK)
        if chunk is None:
            return
        mutable = layout.mutable_words(len(self.resource.indexes)) * WORD
        offset = layout.HEADER_WORDS * WORD
        said, garbage = chunk.words[layout.CHUNK_GARBAGE], 0
        last, told = divmod(said, 1 << layout.GARBAGE_BITS)
        used = chunk.words[layout.HEADER_STATE]
        if used > len(chunk.map):
            self._find(None, f"says that {used} bytes of {len(chunk.map)} are used", path)
        while offset < min(used, len(chunk.map)):
            try:
                version = Version(chunk, layout.ref_of(number, offset + mutable))
            except Vanished as error:
                self._find(None, str(error), path)
                return  # where the next one begins is not known
            self.report.versions += 1
            end = version.end  # once: the daemon may take it away at any time
            if end in (TAKEN, COPIED) or version.ref & REF_OFFSET_MASK == last:
                garbage += mutable + version.size
            elif 0 < end <= self.commit:
                self._check_waiting(version)
            offset += mutable + version.size
        if garbage != told and chunk.words[layout.CHUNK_GARBAGE] == said:
            self._find(None, f"says that {told} bytes of it are garbage, and {garbage} are", path)

    def _check_waiting(self, version: Version) -> None:
        """Check that the ring of ended versions names one that was not removed yet."""
        if self.waiting is not None and version.ref not in self.waiting:
            self._find(version, "has ended, and the ring of ended versions does not name it")

    def _check_index(self, path: Path) -> None:
        """Each entry names a version whose key has that hash, and which is listed if it is live."""
        index = self._open(path, layout.INDEX)
        if index is None:
            return
        used = 0
        for at in range(SLOTS_AT, len(index.words)):
            word = index.words[at]
            used += word != layout.EMPTY
            if word > MOVED:
                try:
                    version = self.table.version(word & REF_MASK)
                except UNREADABLE as error:
                    if index.words[at] == word:  # else it was just taken out
                        self._find(None, f"slot {at}: {reason(error)}", path)
                    continue
                self._check_entry(version, word, path)
        told = index.words[layout.INDEX_USED]
        if told < used:
            self._find(None, f"says that {told} of its places are in use, but {used} are", path)

    def _check_entry(self, version: Version, word: int, path: Path) -> None:
        digest = crc32(version.key, version.scope)
        if digest >> FINGERPRINT_SHIFT != word >> HASH_SHIFT:
            self._find(version, f"an entry of {path.name} has another key's hash")
        is_record = version.scope != NAMESPACES and not version.scope & VALUES
        if is_record and version.is_visible(self.commit):
            keys = self.listed.get(version.scope)
            if keys is not None and version.key not in keys:
                self._find(version, "is live, and not in its namespace's list")

    # --- Namespaces ---

    def _check_namespace(self, namespace: Version) -> None:
        walk = self.table.walk(namespace.number, namespace.first, self.commit)
        versions = list(self._guarded(walk, f"namespace {text_of(namespace.key)}"))
        self.report.records += sum(1 for version in versions if version.body)
        self.listed[namespace.number] = {version.key for version in versions}
        if len(self.listed[namespace.number]) != len(versions):
            self._find(namespace, "its list has a record twice")
        self._check_order(versions, 0)
        self._check_count(namespace, versions)
        lists: dict[tuple[int, bytes], list[Version]] = {}
        for version in versions:
            self._check_record(namespace, version, lists)
        for (index, key), members in lists.items():
            self._check_value(namespace, index, key, members)

    def _check_count(self, namespace: Version, versions: list[Version]) -> None:
        """Check that the count is that of the list; for a fork, with its inherited records."""
        there = len(versions)
        if namespace.body:
            try:
                lineage = Lineage(self.table, namespace, self.commit)
                there = sum(1 for _ in lineage.walk(lineage.firsts()))
            except UNREADABLE as error:
                self._find(namespace, reason(error))
                return
        count = namespace.count(self.commit)
        if count is not None and count != there:
            self._find(namespace, f"counts {count} records, its list has {there}")

    def _check_order(self, versions: list[Version], index: int) -> None:
        """Check that a list is in order, and the same from its other end."""
        for newer, older in pairwise(versions):
            if newer.order <= older.order:
                key = text_of(newer.key)
                self._find(older, f"list {index}: stands behind {key}, which is older")
        if versions:
            walk = self.table.walk(versions[-1].scope, versions[-1].ref, self.commit, index, NEWER)
            back = list(self._guarded(walk, f"list {index}"))
            if _identities(back[::-1]) != _identities(versions):
                self._find(versions[-1], f"list {index} is another one from its end")

    def _check_record(
        self, namespace: Version, version: Version, lists: dict[tuple[int, bytes], list[Version]]
    ) -> None:
        if version.scope != namespace.number:
            name = text_of(namespace.key)
            self._find(version, f"is in the list of namespace {name}, and not its own")
        try:
            found = self.table.find(version.scope, version.key, self.commit)
        except UNREADABLE as error:
            self._find(version, reason(error))
            return
        if found is None or found.begin != version.begin:
            self._find(version, "is in its namespace's list, and its key finds another version")
        if namespace.body and not version.body:
            return  # it hides what the fork would inherit
        try:
            content = record.decode_untrusted(version.body)
        except InvalidRecord as error:
            self._find(version, str(error))
            return
        if str(content.get("id")).encode() != version.key:
            self._find(version, f"has the id {content.get('id')!r}")
        for index, name in enumerate(self.resource.indexes, 1):
            if name in content:
                key = bytes((index,)) + record.value_key(content[name])
                lists.setdefault((index, key), []).append(version)

    def _check_value(
        self, namespace: Version, index: int, key: bytes, members: list[Version]
    ) -> None:
        """Check that a value's list holds exactly the records with that value."""
        try:
            found = self.table.newest(VALUES | namespace.number, key)
        except UNREADABLE as error:
            self._find(members[0], f"list {index}: {reason(error)}")
            return
        first = found.version.first if found is not None else 0
        walk = self.table.walk(namespace.number, first, self.commit, index, OLDER)
        listed = list(self._guarded(walk, f"list {index}"))
        if _identities(listed) != _identities(members):
            self._find(
                members[0],
                f"list {index} of its value has {len(listed)} records, {len(members)} have it",
            )
        self._check_order(listed, index)


def _identities(versions: list[Version]) -> list[tuple[bytes, int]]:
    """Return the parts that a version shares with its copies, since the cleaner may make one."""
    return [(version.key, version.begin) for version in versions]
