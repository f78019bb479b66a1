"""One table as the daemon changes it: versions into chunks, links between them, keys to refs.

Nothing here commits. No method changes what readers see at the current commit; its changes become
visible when the commit number is stored (tigerd.engine.writer).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from tiger.format import layout
from tiger.format.layout import FIRST, NAMESPACES, NEWER, OLDER, VALUES
from tiger.format.resources import Resource
from tiger.format.speedups import compiled
from tiger.format.version import Version
from tiger.reading.reader import Reader
from tiger.reading.table_reader import Found, TableReader
from tigerd.engine import walks
from tigerd.engine.encoding import Encoding
from tigerd.engine.facts import ValueKey, facts_of
from tigerd.engine.index import Index
from tigerd.engine.lists import First, ListName, Lists, Order
from tigerd.engine.namespaces import Namespace, Namespaces
from tigerd.engine.plan import Effect
from tigerd.engine.segments import WritableSegment, make_folder
from tigerd.engine.space import Space

NAMESPACES_LIST: ListName = (NAMESPACES, 0, b"")
_put = compiled("tigerd.engine.compiled", "put")

OWNERS_KNOWN = 4096
"""Owners of lists of values whose refs are remembered."""


class WritableTable:
    """A table's segments, and adding to them; `tigerd.engine.retiring` removes from them."""

    def __init__(
        self, reader: Reader, control: WritableSegment, resource: Resource, forks: Counter[str]
    ) -> None:
        """Take over the table's segments; `tigerd.engine.recovery` makes its namespaces known.

        `forks` counts the forks of each namespace, over all tables.
        """
        self.resource = resource
        self.number = resource.number
        self.folder = reader.directory / "tables" / resource.table
        self.control = control
        self.reader: TableReader = reader.table(resource.number, resource.table)
        self.space = Space(control, self.folder, self.number)
        self.reader.chunks = self.space.chunks
        self.reader.keeps_chunks = True
        self.index = Index(control, self.folder, self.number, self.reader)
        self.lists = Lists(self.space, partial(walks.first_members, self))
        self.namespaces = Namespaces(forks)
        self.owners: dict[tuple[int, bytes], int] = {}
        """Refs of owners of lists of values, by scope and key: those that were used lately."""
        self.fields = resource.indexes
        self.encoding = Encoding(len(self.fields))
        self._name = f"table {resource.table}"
        at = layout.entry_at(self.number, layout.TABLE_BYTES)
        control.store(at, self.space.size + self.index.size)

    # --- Segments ---

    def segments(self) -> list[WritableSegment]:
        """Return all that it has mapped."""
        indexes = (self.index.current, self.index.previous)
        return [*self.space.chunks.values(), *(index for index in indexes if index is not None)]

    def write_again(self, lost: Sequence[WritableSegment]) -> None:
        """Write the files of the `lost` segments again, so that readers find them.

        Raises `StoreFull` or `InstanceError`; what was not written can be tried again.
        """
        if not lost:
            return
        for folder in (self.folder.parent, self.folder):
            make_folder(folder, parents=False)
        for segment in lost:
            if segment in self.space.chunks.values():
                self.space.write_again(segment)
            elif segment in (self.index.current, self.index.previous):
                self.index.renew()

    # --- What there is ---

    def find(self, namespace: Namespace, key: bytes) -> Found | None:
        """Return where the newest version of a record is; it may be gone."""
        return self._newest(namespace.scope, key)

    def _newest(self, scope: int, key: bytes) -> Found | None:
        return self.reader.newest(scope, key) if self.index.may_have(scope, key) else None

    def inherited(self, namespace: Namespace, key: bytes) -> Version | None:
        """Return the record that a fork has, or would have, from its ancestors."""
        while namespace.parent:
            namespace = self.namespaces[namespace.parent]
            found = self._newest(namespace.scope, key)
            if found is not None and not found.word & layout.GONE:
                return found.version if found.version.body else None
        return None

    def values_in(self, version: Version) -> list[ValueKey]:
        """Return the lists of values that a version is in; one that hides a record is in none."""
        if not version.body:
            return []
        _, _, values = facts_of(version.body, self.fields)
        return values

    # --- Room ---

    def reserve(self, begun: set[str], effects: Sequence[Effect]) -> None:
        """Make room for records and the namespaces that begin with them, or raise `StoreFull`."""
        if self.index.current is None:
            make_folder(self.folder)
        # What they take at most, counted roughly: mostly there is room for that.
        count = len(begun)
        most = count * layout.KEY_MAX
        for effect in effects:
            count += 1 + len(effect.values)
            most += len(effect.key) + len(effect.body or b"")
            for _, value in effect.values:
                most += len(value)
        if begun:
            self._check_scopes(len(begun))
        if most + count * self.encoding.overhead > self.space.room():
            self.space.reserve(self._sizes(begun, effects))
        self._reserve_keys(count)

    def _sizes(self, begun: set[str], effects: Sequence[Effect]) -> list[int]:
        """Return the sizes of versions in the order in which they will be appended.

        Some may turn out to be there already: then what is appended finds the room that was made
        for it, or room before that.
        """
        size, sizes = self.encoding.size, []
        known: set[tuple[str, bytes]] = set()
        for effect in effects:
            if effect.namespace in begun:
                begun.discard(effect.namespace)
                sizes.append(size(len(effect.namespace.encode()), 0))
            for _, value in effect.values:
                if (effect.namespace, value) not in known:
                    known.add((effect.namespace, value))
                    sizes.append(size(len(value), 0))
            sizes.append(size(len(effect.key), len(effect.body or b"")))
        return sizes

    def reserve_fork(self, parent: str, child: str) -> None:
        """Make room for a fork, or raise `StoreFull`."""
        self._check_scopes(1)
        self.space.reserve([self.encoding.size(len(child.encode()), len(parent.encode()))])
        self._reserve_keys(1)

    def _check_scopes(self, count: int) -> None:
        last = self.control.words[layout.entry_at(self.number, layout.TABLE_LAST_NAMESPACE)]
        layout.SCOPES.check(last + count, self._name)

    def _reserve_keys(self, count: int) -> None:
        if self.index.reserve(count):
            self.move_forks()

    def move_forks(self) -> None:
        """Move the forks into the larger index: readers rely on it that these go first.

        See `tiger.reading.cache.View`.
        """
        for namespace in self.namespaces.values():
            if namespace.parent:
                self.index.move_entry(NAMESPACES, namespace.name.encode())

    # --- Versions ---

    def _append(
        self,
        scope: int,
        key: bytes,
        body: bytes,
        order: Order,
        begin: int,
        previous: int,
        words: list[int],
    ) -> int:
        """Append a version that nothing refers to yet, and return its ref."""
        data = self.encoding.encode(scope, key, body, order, begin, previous, words)
        return self.space.append(data, self.encoding.mutable_count)

    def first_of(self, owner: int) -> First:
        """Return where the first ref of the list is that a version owns."""
        chunk, head = self.space.find(owner)
        return First(chunk, head + FIRST)

    def first_namespace(self) -> First:
        """Return where the first ref of the list of namespaces is."""
        return First(self.control, layout.entry_at(self.number, layout.TABLE_NAMESPACES))

    # --- Namespaces ---

    def namespace(self, name: str, commit: int) -> Namespace:
        """Return a namespace, which begins at this commit if it was not there."""
        return self.namespaces.get(name) or self._begin(name, None, commit)

    def fork(self, parent: str, child: str, commit: int) -> int:
        """Begin a namespace that inherits what another one holds; return its ref."""
        return self._begin(child, self.namespaces[parent], commit).ref

    def _begin(self, name: str, parent: Namespace | None, commit: int) -> Namespace:
        key = name.encode()
        found = self._newest(NAMESPACES, key)
        number = self._next(layout.TABLE_LAST_NAMESPACE)
        first = self.first_namespace()
        words = self.encoding.words()
        older = words[OLDER] = first.ref
        records = parent.records if parent else 0
        words[layout.COUNT_A] = commit << layout.COUNT_BITS | records
        previous = found.version.ref if found is not None else 0
        origin = parent.name if parent else ""
        order = (0.0, 0, number)
        ref = self._append(NAMESPACES, key, origin.encode(), order, commit, previous, words)
        self.lists.link(0, first, 0, older, ref)
        self.index.put(NAMESPACES, key, ref, found)
        return self.namespaces.begin(name, ref, number, parent, commit)

    def _next(self, word: int) -> int:
        at = layout.entry_at(self.number, word)
        number = self.control.words[at] + 1
        self.control.store(at, number)
        return number

    def count(self, name: str, change: int, commit: int) -> None:
        """Store the number of a namespace's records as of this commit, beside the one before."""
        namespace = self.namespaces[name]
        if namespace.counted != commit:
            namespace.counted = commit
            namespace.count_at = layout.COUNT_A + layout.COUNT_B - namespace.count_at
        # What damage made wrong is kept within what the word can hold.
        namespace.records = min(max(namespace.records + change, 0), layout.COUNT_MAX)
        word = commit << layout.COUNT_BITS | namespace.records
        self.lists.store(namespace.ref, namespace.count_at, word)

    def end_namespace(self, name: str, commit: int) -> None:
        """End a namespace with all its records: two stores, however many there are."""
        known = self.namespaces.forget(name)
        self.index.mark_gone(NAMESPACES, name.encode(), known.ref)
        self.lists.store(known.ref, layout.END, commit)

    # --- Records ---

    def _next_number(self, commit: int) -> int:
        """Return the number of a record that a commit inserts.

        It follows from that commit alone, though a kill lost numbers that were given before.
        """
        first = commit << layout.NUMBER_BITS
        at = layout.entry_at(self.number, layout.TABLE_LAST_NUMBER)
        last = self.control.words[at]
        number = last + 1 if last >= first else first
        self.control.store(at, number)
        return number

    def put(self, effect: Effect, commit: int) -> int:
        """Put a version of a record beside the one before, or where its order says; return its ref.

        An effect without a number gets the next one. `count` is to be called after all of a commit.
        """
        namespace = self.namespace(effect.namespace, commit)
        scope, found, old = namespace.scope, effect.found, effect.old
        order = (*effect.created, effect.number or self._next_number(commit))
        beside = old if old is not None and old.order == order else None
        kept = self._values_beside(beside)
        ref: int | None = _put(self, namespace, effect, order, beside, kept, commit)
        if ref is not None:
            return ref
        words = self.encoding.words()
        places = []
        for index, value in ((0, b""), *effect.values):
            owner = self._owner(VALUES | scope, value, commit) if index else namespace.ref
            first = self.first_of(owner)
            if beside is not None and (index == 0 or kept.get(index) == value):
                newer, older = self.lists.neighbours(beside.ref, index)[0], beside.ref
            else:
                newer, older = self.lists.place((scope, index, value), first, order)
            words[OLDER - 2 * index] = older
            words[NEWER - 2 * index] = newer
            places.append((index, first, newer, older))
        previous = found.version.ref if found is not None else 0
        assert effect.body is not None
        ref = self._append(scope, effect.key, effect.body, order, commit, previous, words)
        for place in places:
            self.lists.link(*place, ref)
        self.index.put(scope, effect.key, ref, found, is_fork=bool(namespace.parent))
        if old is not None:
            self.lists.store(old.ref, layout.END, commit)
        return ref

    def _owner(self, scope: int, key: bytes, commit: int) -> int:
        """Return the version that owns the list of a value, made if there is none."""
        ref = self.owners.get((scope, key))
        if ref is None:
            found = self._newest(scope, key)
            if found is not None:
                ref = found.version.ref
            else:
                ref = self._append(scope, key, b"", (0.0, 0, 0), commit, 0, self.encoding.words())
                self.index.put(scope, key, ref, None)
            self.know_owner(scope, key, ref)
        return ref

    def know_owner(self, scope: int, key: bytes, ref: int) -> None:
        """Remember which version owns the list of a value."""
        if len(self.owners) >= OWNERS_KNOWN:
            self.owners.clear()
        self.owners[(scope, key)] = ref

    def _values_beside(self, old: Version | None) -> dict[int, bytes]:
        return dict(self.values_in(old)) if old is not None and self.fields else {}

    def end(self, found: Found, commit: int) -> None:
        """End a record; `count` is to be called after all of a commit."""
        version = found.version
        self.index.mark_gone(version.scope, version.key, version.ref)
        self.lists.store(version.ref, layout.END, commit)
