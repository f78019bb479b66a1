"""Bringing an instance back to its last commit, whatever its daemon was doing when it died.

The commit number decides. The index says which version of each key is the newest; recovery steps
back from versions that began after the commit, and takes the ends back that came after it. Then
each list is walked from its first version towards older ones, a chain that every kill leaves whole
for the readers that are still there, and is stored again without what was never committed, with the
links towards newer versions mended. Each store leaves readers with what they saw before, and all of
it can be done again: recovery may be killed too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tiger import layout, memory, pins
from tiger.errors import Damaged, TigerError, UnknownTable
from tiger.layout import FIRST, GONE, MOVED, NAMESPACES, NEWER, OLDER, REF_MASK, SLOTS_AT, VALUES
from tiger.memory import Vanished
from tiger.resources import DEFINITIONS, RESOURCES
from tiger.version import Version
from tigerd.retiring import drop_value
from tigerd.space import HEADER_SIZE
from tigerd.table import Namespace, Table
from tigerd.writer import Writer


@dataclass
class Found:
    """What a recovery found, for the log."""

    tables: int = 0
    records: int = 0
    undone: int = 0
    ended: int = 0
    changed: list[tuple[int, str, int, bytes | None]] = field(default_factory=list)
    """What a rollback may still be asked to undo, as `History.note` takes it."""
    to_clean: list[tuple[int, Table, int]] = field(default_factory=list)
    """As `Cleaner.ended` takes it."""


def recover(writer: Writer) -> Found:
    """Bring every table back to the commit number; `Damaged` if something cannot be read."""
    found = Found()
    held = pins.least(writer.directory)
    _undo_answers(writer)
    _undo_changes(writer)
    for number in (DEFINITIONS.number, *(r.number for r in RESOURCES)):
        _recover_if_there(writer, number, found, held)
    for number in range(layout.FIRST_DEFINED, layout.TABLES_MAX):
        _recover_if_there(writer, number, found, held)
    for change in sorted(found.changed, key=lambda change: change[0]):
        writer.history.note(*change)
    for ended in sorted(found.to_clean, key=lambda ended: ended[0]):
        writer.cleaner.ended(*ended)
    return found


def _recover_if_there(writer: Writer, number: int, found: Found, held: int | None) -> None:
    directory = writer.control.words[layout.entry_at(number, layout.TABLE_DIRECTORY)]
    if directory:
        try:
            table = writer.table(number)
            _Recovery(writer, table, found, held).run()
        except UnknownTable as error:
            raise Damaged(f"{error}: its definition is lost{memory.REMEDY}") from None
        except (TigerError, OSError, MemoryError):
            raise
        except Vanished as error:
            raise Damaged(f"{error}{memory.REMEDY}") from None
        except Exception as error:  # there is no end to what bytes may say that nobody wrote
            raise Damaged(
                f"{writer.directory}/tables: table number {number} cannot be recovered "
                f"({type(error).__name__}: {error}){memory.REMEDY}"
            ) from error
        found.tables += 1


def _undo_answers(writer: Writer) -> None:
    """Take back the answers to requests that were not committed."""
    words = writer.control.words
    for slot in range(layout.CLIENTS_MAX):
        if words[layout.client_at(slot, layout.CLIENT_COMMIT)] > writer.commit:
            at = layout.client_at(slot, layout.CLIENT_ANSWER)
            request = (words[at] >> layout.CLIENT_STATUS_BITS) - 1
            # The one before was answered, and its client went on.
            writer.control.store(at, max(request, 0) << layout.CLIENT_STATUS_BITS)
            memory.fence()  # or a client would take the answer for one of a commit that is there
            writer.control.store(layout.client_at(slot, layout.CLIENT_COMMIT), writer.commit)


def _undo_changes(writer: Writer) -> None:
    """Let the changes in the ring that were not committed say nothing.

    They stay, for where they are others were: those would be told again.
    """
    words = writer.control.words
    changes = words[layout.CHANGES]
    for change in range(max(0, changes - layout.RING_MAX), changes):
        at = layout.ring_at(change)
        if words[at] > writer.commit:
            writer.control.store(at + 1, layout.NOTHING)
            memory.fence()
            writer.control.store(at, writer.commit)


class _Recovery:
    """One table's."""

    def __init__(self, writer: Writer, table: Table, found: Found, held: int | None) -> None:
        self.writer = writer
        self.held = held
        self.changed: list[tuple[int, int, bytes]] = []
        self.table = table
        self.found = found
        self.commit = writer.commit
        self.values: list[Version] = []
        self.ended: list[Version] = []
        self.counted: set[int] = set()
        self.listed: set[tuple[int, int]] = set()
        self.last_number = 0
        """The greatest number of a record."""

    def run(self) -> None:
        self._void_uncommitted()
        self._forget_uncommitted_segments()
        self.table.index.finish_move()
        assert self.table.index.current is not None
        for at in range(SLOTS_AT, len(self.table.index.current.words)):
            self._settle(at)
        self._mend_namespaces()
        self._mend_values()
        self._note_changes()
        self._raise_counters()
        self.found.to_clean += [(version.end, self.table, version.ref) for version in self.ended]
        self.found.ended += len(self.ended)
        self._drop_empty_chunks()

    def _forget_uncommitted_segments(self) -> None:
        """Remove generations of the index that were not published, or already left."""
        assert self.table.index.current is not None
        generation = self.table.index.current.words[layout.HEADER_NUMBER]
        kept = {generation, generation - 1 if self.table.index.previous else generation}
        for number, path in memory.numbered_files(self.table.folder, "index"):
            if number not in kept:
                path.unlink()

    def _void_uncommitted(self) -> None:
        """End what was never committed at its beginning: that commit number will come again.

        Such versions are the last ones that were appended.
        """
        for number in sorted(self.table.space.chunks, reverse=True):
            uncommitted = [v for v in self.table.versions_in(number) if v.begin > self.commit]
            for version in uncommitted:
                if version.end != version.begin:
                    self.table.lists.store(version.ref, layout.END, version.begin)
            first_used = self.table.space.chunks[number].words[layout.HEADER_STATE] > HEADER_SIZE
            if first_used and not uncommitted:
                break

    def _raise_counters(self) -> None:
        """Let no number that is in use be given again, though damage made a counter less."""
        for word, number in (
            (layout.TABLE_LAST_CHUNK, max(self.table.space.chunks, default=0)),
            (layout.TABLE_LAST_NAMESPACE, max(self.table.scopes, default=0)),
            (layout.TABLE_LAST_NUMBER, self.last_number),
        ):
            at = layout.entry_at(self.table.number, word)
            if self.table.control.words[at] < number:
                self.table.control.store(at, number)

    def _drop_empty_chunks(self) -> None:
        for number in list(self.table.space.chunks):
            self.table.space.drop_if_unneeded(number)
        self.writer.cleaner.touched(self.table)

    # --- Keys ---

    def _settle(self, at: int) -> None:
        """Let an entry of the index name the newest committed version of its key."""
        index = self.table.index.current
        assert index is not None
        word = index.words[at]
        if word <= MOVED:
            return
        newest = self.table.reader.version(word & REF_MASK)
        version: Version | None = newest
        while version is not None and version.begin > self.commit:
            self.found.undone += 1
            newer = version
            version = self.table.reader.version(newer.previous) if newer.previous else None
            if version is not None and version.begin >= newer.begin:
                raise Vanished(f"{newer.chunk.path}: versions out of order")
        if version is None:
            self.table.index.remove(newest)
            return
        if version.end > self.commit:
            self.table.lists.store(version.ref, layout.END, 0)
        settled = word & ~(REF_MASK | GONE) | version.ref | (GONE if version.end else 0)
        if settled != word:
            index.store(at, settled)
        self._count(version)
        if version.scope & VALUES:
            self.values.append(version)
        elif version.scope != NAMESPACES:
            self.last_number = max(self.last_number, version.number)
            self.found.records += version.end == 0 and bool(version.body)
            changed = max(version.begin, version.end)
            if self.held is not None and changed > self.held:
                self.changed.append((changed, version.scope, version.key))

    def _count(self, version: Version) -> None:
        """Count a version's bytes as needed, once."""
        if version.ref not in self.counted:
            self.counted.add(version.ref)
            number = version.ref >> layout.REF_OFFSET_BITS
            self.table.space.needed[number] += self.table.size_of(version)

    # --- Lists ---

    def _mend_namespaces(self) -> None:
        first_at = layout.entry_at(self.table.number, layout.TABLE_NAMESPACES)
        chain = list(self._committed(NAMESPACES, self.table.control.words[first_at], 0))
        self._relink(chain, 0)
        first = chain[0].ref if chain else 0
        if self.table.control.words[first_at] != first:
            self.table.control.store(first_at, first)
        begun: dict[str, int] = {}
        for version in chain:
            records, counted, count_at = self._settle_count(version)
            namespace = Namespace(
                version.key.decode(),
                version.ref,
                version.number,
                records,
                counted,
                count_at,
                version.body.decode(),
            )
            changed = max(version.end, version.begin if version.body else 0)
            if self.held is not None and changed > self.held:
                self.found.changed.append((changed, namespace.name, self.table.number, None))
            self.table.scopes[namespace.scope] = namespace
            self._mend_list(version, 0)
            if version.end:
                self.ended.append(version)
            else:
                self.table.adopt(namespace)
                begun[namespace.name] = version.begin
        for namespace in self.table.namespaces.values():
            if (
                namespace.parent
                and not begun.get(namespace.parent, self.commit) < begun[namespace.name]
            ):
                raise Vanished(f"{self.table.folder}: {namespace.name!r} has no parent before it")

    def _mend_values(self) -> None:
        live = {namespace.scope for namespace in self.table.namespaces.values()}
        for owner in self.values:
            if owner.scope & ~VALUES in live:
                self._mend_list(owner, owner.key[0])
                if not owner.first:
                    drop_value(self.table, owner.scope, owner.key)
        for version in self.ended:
            if version.scope in live:
                self._detach(version)

    def _note_changes(self) -> None:
        """Name what changed after the least commit that a reader holds."""
        for commit, scope, key in self.changed:
            name = self.table.scopes[scope].name
            self.found.changed.append((commit, name, self.table.number, key))

    def _detach(self, version: Version) -> None:
        """Clear a version's links in lists of values that it was unlinked from already."""
        for index, _ in self.table.values_in(version):
            if (index, version.ref) not in self.listed:
                self.table.lists.store(version.ref, OLDER - 2 * index, 0)
                self.table.lists.store(version.ref, NEWER - 2 * index, 0)

    def _settle_count(self, version: Version) -> tuple[int, int, int]:
        """Return the records, as of which commit, and where that is said; undo what came later."""
        words = version.chunk.words
        at, other = layout.COUNT_A, layout.COUNT_B
        if words[version.head + other] > words[version.head + at]:
            at, other = other, at
        if words[version.head + at] >> layout.COUNT_BITS > self.commit:
            self.table.lists.store(version.ref, at, words[version.head + other])
        word = words[version.head + at]
        return word & layout.COUNT_MAX, word >> layout.COUNT_BITS, at

    def _mend_list(self, owner: Version, index: int) -> None:
        scope = owner.number if owner.scope == NAMESPACES else owner.scope & ~VALUES
        chain = list(self._committed(scope, owner.first, index))
        self._relink(chain, index)
        first = chain[0].ref if chain else 0
        if owner.first != first:
            self.table.lists.store(owner.ref, FIRST, first)
        self.listed |= {(index, version.ref) for version in chain if version.end}
        if index == 0 and not owner.end:  # else they go with their namespace
            self.ended += [version for version in chain if version.end]

    def _committed(self, scope: int, ref: int, index: int) -> Iterator[Version]:
        """Yield a list without what was not committed, and with one copy of each version."""
        bound = (
            self.writer.control.words[layout.entry_at(self.table.number, layout.TABLE_BYTES)]
            // layout.HEAD_SIZE
        )
        while ref:
            version = self.table.reader.version(ref)
            if version.scope != scope:
                raise Damaged(
                    f"{version.chunk.path}: a link into another list; run `tigerd repair`"
                )
            ref = version.link(OLDER, index)
            if version.begin <= self.commit:
                yield self._one_copy(version)
            bound -= 1
            if bound < 0:
                raise Damaged(f"{self.table.folder}: a list without end; run `tigerd repair`")

    def _one_copy(self, version: Version) -> Version:
        """Return the copy that the index names, if a copy of the version was being made."""
        newest = self.table.reader.newest(version.scope, version.key)
        if newest is not None and newest[3].begin == version.begin:
            return newest[3]
        if version.end > self.commit:
            self.table.lists.store(version.ref, layout.END, 0)
        self._count(version)
        return version

    def _relink(self, chain: list[Version], index: int) -> None:
        for place, version in enumerate(chain):
            newer = chain[place - 1].ref if place else 0
            older = chain[place + 1].ref if place + 1 < len(chain) else 0
            if version.link(OLDER, index) != older:
                self.table.lists.store(version.ref, OLDER - 2 * index, older)
            if version.link(NEWER, index) != newer:
                self.table.lists.store(version.ref, NEWER - 2 * index, newer)
