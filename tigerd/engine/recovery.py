"""Bringing an instance back to its last commit, at whatever point its daemon died.

The commit number decides. Only the last request, or one step of cleaning, can be half done, so
nothing else is looked at, however large the instance is:

- A step of cleaning names its version in the control segment, and is made again.
- The versions that a request appended are behind the settled part of their chunks. They are taken
  back newest first, so each list and each key gets back what it had before.
- A version that a request ends is in the ring of ended versions before its end is stored.

Everything else that the daemon needs to know is in shared memory, or is found while it serves. Each
store leaves readers with what they saw before, and can be made again: recovery may be killed too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tiger.errors import Damaged, TigerError, UnknownTable
from tiger.format import layout, memory
from tiger.format.layout import COPIED, NAMESPACES, REF_MASK, TAKEN
from tiger.format.memory import Vanished
from tiger.format.resources import DEFINITIONS, RESOURCES
from tiger.format.version import Version
from tigerd.engine import retiring, segments, walks
from tigerd.engine.cleaner import named_by
from tigerd.engine.namespaces import Namespace
from tigerd.engine.table import WritableTable
from tigerd.engine.writer import Writer


@dataclass
class Recovered:
    """The result of a recovery, for the log."""

    tables: int = 0
    undone: int = 0
    """Versions that were never committed."""
    ended: int = 0
    """Versions that wait to be removed, as far as they are known."""


def recover(writer: Writer) -> Recovered:
    """Bring every table back to the commit number; `Damaged` if something cannot be read."""
    recovered = Recovered()
    _undo_answers(writer)
    numbers = [DEFINITIONS.number, *(resource.number for resource in RESOURCES)]
    for number in (*numbers, *range(layout.FIRST_DEFINED, layout.TABLES_MAX)):
        if writer.control.words[layout.entry_at(number, layout.TABLE_DIRECTORY)]:
            with _explained(writer, f"table number {number} cannot be recovered"):
                _open(writer, number)
            recovered.tables += 1
    with _explained(writer, "the request that was under way cannot be taken back"):
        _finish_cleaning(writer)
        for table in writer.tables.values():
            recovered.undone += _take_back_versions(table)
        _take_back_ends(writer)
        for table in writer.tables.values():
            _settle(table)
        _undo_changes(writer)
        recovered.ended = writer.cleaner.requeue()
    return recovered


@contextmanager
def _explained(writer: Writer, what: str) -> Iterator[None]:
    """Raise every error that damage may lead to as `Damaged`."""
    try:
        yield
    except UnknownTable as error:
        raise Damaged(f"{error}: its definition is lost{memory.REMEDY}") from None
    except (TigerError, OSError, MemoryError):
        raise
    except Vanished as error:
        raise Damaged(f"{error}{memory.REMEDY}") from None
    except Exception as error:  # damaged bytes may say anything
        raise Damaged(
            f"{writer.directory}: {what} ({type(error).__name__}: {error}){memory.REMEDY}"
        ) from error


def _undo_answers(writer: Writer) -> None:
    """Take back the answers to requests that were not committed."""
    words = writer.control.words
    for slot in range(layout.CLIENTS_MAX):
        if words[layout.client_at(slot, layout.CLIENT_COMMIT)] > writer.commit:
            at = layout.client_at(slot, layout.CLIENT_ANSWER)
            request = (words[at] >> layout.CLIENT_STATUS_BITS) - 1
            # The request before it was answered, and its client went on.
            writer.control.store(at, max(request, 0) << layout.CLIENT_STATUS_BITS)
            memory.fence()  # or a client would take the answer for one of a visible commit
            writer.control.store(layout.client_at(slot, layout.CLIENT_COMMIT), writer.commit)


def _undo_changes(writer: Writer) -> None:
    """Blank the changes in the ring that were not committed.

    They stay in the ring: it had older changes in these places, which cannot come back.
    """
    words = writer.control.words
    changes = first = words[layout.CHANGES]
    oldest = max(0, changes - layout.RING_MAX)
    while first > oldest and words[layout.ring_at(first - 1)] > writer.commit:
        first -= 1
    for change in range(first, changes):
        at = layout.ring_at(change)
        writer.control.store(at + 1, layout.NOTHING)
        memory.fence()
        writer.control.store(at, writer.commit)


# --- A table, before anything is taken back ---


def _open(writer: Writer, number: int) -> None:
    """Map a table, and learn its namespaces, also those whose beginning is taken back later."""
    table = writer.table(number)
    _forget_unpublished_indexes(table)
    table.index.settle_moving()
    commit = writer.commit
    begun: dict[str, int] = {}
    first = table.control.words[layout.entry_at(number, layout.TABLE_NAMESPACES)]
    for version in walks.chain(table, NAMESPACES, first):
        namespace = _namespace_of(table, version, commit)
        table.namespaces.by_scope[namespace.scope] = namespace
        if version.is_visible(commit):
            table.namespaces.adopt(namespace)
            begun[namespace.name] = version.begin
    for namespace in table.namespaces.values():
        if namespace.parent and not begun.get(namespace.parent, commit) < begun[namespace.name]:
            raise Vanished(f"{table.folder}: {namespace.name!r} has no parent before it")
    if table.index.previous is not None:
        table.move_forks()


def _forget_unpublished_indexes(table: WritableTable) -> None:
    """Remove generations of the index that were not published, or already left."""
    assert table.index.current is not None
    generation = table.index.current.words[layout.HEADER_NUMBER]
    kept = {generation, generation - 1 if table.index.previous else generation}
    for number, path in segments.numbered_files(table.folder, "index"):
        if number not in kept:
            path.unlink()


def _namespace_of(table: WritableTable, version: Version, commit: int) -> Namespace:
    """Return a namespace as the daemon knows it; a count of a later commit is undone."""
    words = version.chunk.words
    at, other = layout.COUNT_A, layout.COUNT_B
    if words[version.head + other] > words[version.head + at]:
        at, other = other, at
    if words[version.head + at] >> layout.COUNT_BITS > commit and version.begin <= commit:
        table.lists.store(version.ref, at, words[version.head + other])
    counted, records = divmod(words[version.head + at], layout.COUNT_MAX + 1)
    name, parent = version.key.decode(), version.body.decode()
    return Namespace(name, version.ref, version.number, records, counted, at, parent)


# --- The request or the step of cleaning that was under way ---


def _finish_cleaning(writer: Writer) -> None:
    """Make the step of cleaning again that was under way."""
    control = writer.control
    retired, copied = control.words[layout.RETIRING], control.words[layout.COPYING]
    if retired:
        table = writer.tables[retired >> 48]
        next(retiring.retire(table, retired & REF_MASK), None)
        control.store(layout.RETIRING, 0)
    if copied:
        table, copy = writer.tables[copied >> 48], control.words[layout.COPY]
        if table.space.has(copy):  # else it was announced and not begun
            version, twin = table.reader.version(copied & REF_MASK), table.reader.version(copy)
            if (twin.scope, twin.key, twin.begin) != (version.scope, version.key, version.begin):
                raise Vanished(f"{table.folder}: {copy:#x} is not a copy of {version.ref:#x}")
            found = table.reader.newest(version.scope, version.key)
            retiring.finish_copy(table, version, copy, found)
        control.store(layout.COPYING, 0)


def _take_back_versions(table: WritableTable) -> int:
    """Take back the versions that were never committed, newest first; return how many."""
    commit = table.control.words[layout.COMMIT]
    count = 0
    for number, offset in sorted(table.space.unsettled(), reverse=True):
        for version in reversed(list(walks.versions_in(table, number, offset))):
            if version.scope != NAMESPACES:
                _raise_counter(table, layout.TABLE_LAST_NUMBER, version.number)
            if version.begin > commit:
                retiring.take_back(table, version)
                if version.scope == NAMESPACES:
                    table.namespaces.by_scope.pop(version.number, None)
                count += 1
    return count


def _take_back_ends(writer: Writer) -> None:
    """Restore the versions whose end was not committed; the last entries of the ring name them."""
    words = writer.control.words
    count = words[layout.ENDED]
    known = count - layout.ENDED_MAX + 1
    oldest = max(words[layout.CLEANED], known)
    for entry in range(count - 1, oldest - 1, -1):
        at = layout.ended_at(entry)
        if not words[at]:
            continue  # was taken back
        table, ref = named_by(writer.tables, words[at])
        if table is None or TAKEN <= table.lists.word(ref, layout.END) <= writer.commit:
            return
        retiring.take_end_back(table, table.reader.version(ref))
        writer.control.store(at, 0)
    if known > words[layout.CLEANED]:
        _search_ends(writer)


def _search_ends(writer: Writer) -> None:
    """Search all lists for ends that were never committed: one request had more than the ring."""
    for table in writer.tables.values():
        for version in walks.listed(table):
            if writer.commit < version.end < COPIED:
                retiring.take_end_back(table, version)


def _settle(table: WritableTable) -> None:
    """Note that nothing is under way any more, and drop chunks in which nothing is needed."""
    _raise_counter(table, layout.TABLE_LAST_CHUNK, max(table.space.chunks, default=0))
    _raise_counter(table, layout.TABLE_LAST_NAMESPACE, max(table.namespaces.by_scope, default=0))
    _raise_counter(table, layout.TABLE_LAST_NUMBER, table.space.last_number)
    _forget_numbers(table)
    table.space.settle()
    for number in list(table.space.chunks):
        table.space.recount(number)


def _forget_numbers(table: WritableTable) -> None:
    """Make the numbers of removed records available again."""
    at = layout.entry_at(table.number, layout.TABLE_LAST_NUMBER)
    most = (table.control.words[layout.COMMIT] + 1 << layout.NUMBER_BITS) - 1
    if table.control.words[at] > most:
        table.control.store(at, most)


def _raise_counter(table: WritableTable, word: int, number: int) -> None:
    """Keep numbers in use from being given again, where damage has lowered a counter."""
    at = layout.entry_at(table.number, word)
    if table.control.words[at] < number:
        table.control.store(at, number)
