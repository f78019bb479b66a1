"""One record, by its id: remembered from an earlier read, or found in shared memory.

**Why a remembered record is right.** Each key has a place in the index, and the word there is its
*entry*. The entry of a record changes with every write of it: a new version has a new ref, and a
delete sets a bit. The entry of a namespace changes when it is cleared. So a remembered record
*stands* while both entries are unchanged since it was read: checking the two is exactly as fresh as
a full read. An entry never returns to an earlier value: a ref names one version for ever, and when
the index grows, the entries of the old generation become `MOVED`. All entries that one `View` looks
at are in one generation, that of its namespace's entry.

*In a fork*, an inherited record is remembered with the empty place that its key would get in the
fork. It stands as long as that place is empty and the fork exists, because the parent is sealed
then. No key of a fork gets a place before an empty one (`Index.put`), and an index that grows moves
the entries of the forks first (`Table._reserve_keys`), so no key of a fork comes into the next
generation while its namespace's entry still stands.

`tests/rooms/reading/test_remembering.py` has each of these cases.

**Which records are remembered, and for how long.** For `get`, a record is kept as a function that
makes copies; for `peek`, as a read-only record. For each of these two a view has three calls:
`recall_copy` and `recall_shown` look in the younger of two generations, which has the recent reads;
`copy_from_elder` and `shown_from_elder` look in the other, and move a found record into the
younger; `keep_copy` and `keep_shown` add a record that was just read. When the younger generation
has grown to `GENERATION_BYTES`, it becomes the elder, and the previous elder is forgotten. So
records in use stay, and unused or deleted ones go. The cost of a hit does not depend on the other
remembered records.

At a pinned moment nothing is remembered: a version read there need not be the newest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast
from weakref import WeakValueDictionary

from tiger.format import memory, record
from tiger.format.layout import COMMIT, EMPTY, GONE, NAMESPACES, REF_MASK
from tiger.format.memory import Vanished
from tiger.format.record import Record, decode
from tiger.format.speedups import compiled
from tiger.format.version import Version
from tiger.reading.lineage import Lineage, find_lineage
from tiger.reading.presence import LOOK_S, Presence
from tiger.reading.table_reader import TableReader
from tiger.system import time

if TYPE_CHECKING:
    from tiger.reading.moments import Moment

Result = TypeVar("Result")

_CompiledRecall = compiled("tiger.format.compiled", "Recall", None)

GENERATION_BYTES = 32 << 20
"""Bytes that the records of a generation take at most, decoded; a reader has two generations."""

RECORD_BYTES = GENERATION_BYTES // 8
"""A larger record is not remembered, because it would displace too many others."""

ID_BYTES = 512
"""Bytes kept beside a record: its id, the place in the index and the entry there, and room in a
dict. That a record was read once takes as much."""


class _Kept(NamedTuple):
    """A record that is remembered."""

    place: int
    """Of its key in the index."""
    entry: int
    """Which stood there when the record was read."""
    content: Any
    """The record, read-only; or a function that returns a copy of it."""
    size: int
    """The bytes that all of this takes."""


Kept: type[_Kept] = compiled("tiger.format.compiled", "Kept", _Kept)


class Remembered:
    """The remembered records of one reader, of all tables and namespaces."""

    def __init__(self, presence: Presence) -> None:
        """Begin empty; `presence` is checked while records are remembered."""
        self.presence: Presence = presence
        self.size: int = 0
        """Bytes that the younger generation takes."""
        self._views: WeakValueDictionary[int, View] = WeakValueDictionary()

    def add(self, view: View) -> None:
        """Let a view have its share."""
        self._views[id(view)] = view

    def charge(self, size: int) -> None:
        """Count bytes that were added to the younger generation; when it is full, begin another."""
        self.size += size
        if self.size > GENERATION_BYTES:
            self.size = 0
            for view in self._all_views():
                view.age()

    def forget(self) -> None:
        """Forget everything, and keep no index mapped."""
        for view in self._all_views():
            view.end()

    def _all_views(self) -> list[View]:
        return [view for reference in self._views.valuerefs() if (view := reference()) is not None]


class Generation:
    """The records of a view in one generation, by their ids."""

    __slots__ = ("copied", "once", "shown")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.copied: dict[str, _Kept] = {}
        """With functions that return copies."""
        self.shown: dict[str, _Kept] = {}
        """With read-only records."""
        self.once: dict[str, int] = {}
        """The entries of records that were read once."""


class View:
    """The remembered records of a namespace in one table, and the check that they still stand."""

    __slots__ = (
        "__weakref__", "_elder", "_remembered", "_younger", "entry", "index", "parents", "place",
        "recall_copy", "recall_shown", "scope",
    )  # fmt: skip

    recall_copy: Callable[[str], Record | None]
    """Returns a copy of a record in the younger generation, or None if it does not stand."""
    recall_shown: Callable[[str], Record | None]
    """The same, of the record itself, read-only."""

    def __init__(
        self,
        remembered: Remembered,
        index: Any,
        place: int,
        entry: int,
        scope: int,
        parents: Sequence[int] = (),
    ) -> None:
        """Begin with a namespace found in an index, and nothing read of it."""
        self._remembered = remembered
        self.index: Any = index
        """The words of the generation of the index that the namespace was found in."""
        self.place: int = place
        """Of the namespace in the index."""
        self.entry: int = entry
        """Which stood there."""
        self.scope: int = scope
        """Of the keys of the namespace's own records; `parents` has those of its ancestors."""
        self.parents: Sequence[int] = parents
        self._younger: Generation = Generation()
        self.age()
        remembered.add(self)

    def stands(self) -> bool:
        """Tell whether the namespace is unchanged; if so, a record's entry decides."""
        is_same: bool = self.index[self.place] == self.entry
        return is_same

    def age(self) -> None:
        """Begin another generation; records before the last one are forgotten."""
        self._elder, self._younger = self._younger, Generation()
        self._begin()

    def end(self) -> None:
        """Recall nothing from the younger generation any more."""
        self.recall_copy = self.recall_shown = _nothing

    def _begin(self) -> None:
        presence = self._remembered.presence
        self.recall_copy = _recall_from(self._younger.copied, self, presence, copies=True)
        self.recall_shown = _recall_from(self._younger.shown, self, presence, copies=False)

    def goes_on(self, index: Any, place: int, entry: int, scope: int) -> bool:
        """Continue with a namespace if it is the same one, whose version was copied elsewhere.

        The number of a namespace is never used again, so no other one has its scope.
        """
        if self.scope != scope or self.index is not index or self.place != place:
            return False
        self.entry = entry
        self._begin()
        return True

    # --- From the elder generation, while the view stands ---

    def copy_from_elder(self, id: str) -> Record | None:
        """Return a copy of a record that stands, which is young again."""
        kept = self._from_elder(id, self._elder.copied, self._younger.copied)
        return None if kept is None else kept.content()

    def shown_from_elder(self, id: str) -> Record | None:
        """Return a read-only record that stands, which is young again."""
        kept = self._from_elder(id, self._elder.shown, self._younger.shown)
        return None if kept is None else kept.content

    def _from_elder(
        self, id: str, elder: dict[str, _Kept], younger: dict[str, _Kept]
    ) -> _Kept | None:
        kept = elder.get(id)
        if kept is None or self.index[kept.place] != kept.entry:
            return None
        younger[id] = kept
        self._remembered.charge(kept.size)
        return kept

    # --- A record just read: the index it was found in, place and entry there, the msgpack.
    # One in another generation of the index than the namespace is not kept. ---

    def keep_copy(self, id: str, index: Any, place: int, entry: int, body: bytes) -> Record:
        """Return a record as the caller's own, and remember it if it is read for the second time.

        After the first read only the fact is kept: many records are read only once, and the second
        read pays for the faster ones after it.
        """
        content = decode(body)
        if index is not self.index:
            return content
        if self._younger.once.get(id) != entry and self._elder.once.get(id) != entry:
            self._younger.once[id] = entry
            self._remembered.charge(ID_BYTES)
            return content
        size = record.size_of(content)
        if size > RECORD_BYTES:
            return content
        copy, more = record.copier(content)
        size += more + ID_BYTES
        self._younger.copied[id] = Kept(place, entry, copy, size)
        self._remembered.charge(size)
        return copy()

    def keep_shown(self, id: str, index: Any, place: int, entry: int, body: bytes) -> Record:
        """Return a record read-only, and remember it."""
        content = decode(body)
        if index is not self.index:
            return cast(Record, record.freeze(content))
        size = ID_BYTES + record.size_of(content)
        shown: Record = record.freeze(content)
        if size <= RECORD_BYTES:
            self._younger.shown[id] = Kept(place, entry, shown, size)
            self._remembered.charge(size)
        return shown


def _recall_from(
    younger: Mapping[str, _Kept], view: View, presence: Presence, *, copies: bool
) -> Callable[[str], Record | None]:
    """Return a function that gives records, or copies of them, while they and the view stand.

    It also looks, about once a second, whether the instance is still there.
    """
    index, view_place, view_entry = view.index, view.place, view.entry
    if _CompiledRecall is not None and type(index) is memoryview:
        compiled_recall: Callable[[str], Record | None] = _CompiledRecall(
            younger, index, view_place, view_entry, presence.look, LOOK_S, copies
        ).get
        return compiled_recall

    def recall(id: str) -> Record | None:
        if time.monotonic() >= presence.look_at:
            presence.check()
        if index[view_place] != view_entry or (kept := younger.get(id)) is None:
            return None
        if index[kept.place] != kept.entry:
            return None
        content: Record = kept.content() if copies else kept.content
        return content

    return recall


def _nothing(_: str) -> None:
    """Recall nothing."""


class _Nowhere(View):
    """The view of a namespace that does not exist: it never stands."""

    def __init__(self) -> None:
        """Begin with an entry that is not in the index."""
        self.index, self.place, self.entry, self.scope, self.parents = (0,), 0, 1, 0, ()
        self.end()


NOWHERE: View = _Nowhere()


FromElder = Callable[[View, str], "Result | None"]
Keep = Callable[[View, str, Any, int, int, bytes], "Result | None"]


class RecordCache:
    """Single records of one table and namespace; None for no record.

    At the latest commit, a version that was read is not decoded again.
    """

    def __init__(self, moment: Moment, table: TableReader, namespace: bytes) -> None:
        """Prepare to read; nothing is opened yet."""
        self._moment = moment
        self._is_latest = moment.is_latest
        self._reader = moment.reader
        self._control = moment.reader.words
        self._table = table
        self._namespace = namespace
        self.view: View = NOWHERE
        """The remembered records; its `recall_copy` and `recall_shown` come first."""

    def get(self, id: str) -> Record | None:
        """Return a record as a dict of the caller's own."""
        return self._read(id, View.copy_from_elder, View.keep_copy)

    def peek(self, id: str) -> Mapping[str, Any] | None:
        """Return a record, deeply read-only."""
        return self._read(id, View.shown_from_elder, View.keep_shown)

    def with_version(self, id: str) -> tuple[Record, int] | None:
        """Return a record and the commit that wrote it."""
        if self._is_latest:
            return self._read(id, _no_version_in_elder, self._keep_no_version)
        version = self.find(id)
        return (decode(version.body), version.begin) if version is not None else None

    def _keep_no_version(
        self, view: View, id: str, index: Any, place: int, entry: int, body: bytes
    ) -> tuple[Record, int] | None:
        """Return a record that was found and its version; None if it is gone by now.

        As long as the index names the same ref, that is the version that was found.
        """
        version: Version | None = None
        if entry != EMPTY:
            version = self._table.version(entry & REF_MASK)
            memory.fence()
        if entry == EMPTY or index[place] != entry:
            version = self.find(id)
        return (decode(version.body), version.begin) if version is not None else None

    def _read(self, id: str, from_elder: FromElder[Result], keep: Keep[Result]) -> Result | None:
        """Return a record as `keep` does, which remembers it if it is the newest version.

        It does not check the horizon: a version that is the newest, has begun and has not ended is
        the record; and if there is none, and the namespace is unchanged after the look, there was
        none at that moment. All other cases take the long way.
        """
        if not self._is_latest:
            return self._read_long(id, keep)
        try:
            commit = self._control[COMMIT]
            view = self.view
            if not view.stands():
                view = self._look_again(commit)
            elif (content := from_elder(view, id)) is not None:
                return content
            found = self._table.newest_body(view.scope, id.encode(), commit)
            if found is None and view.parents:
                found = self._inherited(view, id.encode(), commit)
            elif found is None:
                memory.fence()
                if view.stands():
                    return None
                raise Vanished("the namespace has changed")
            if found is None:
                return None
            index, place, entry, body = found
            return keep(view, id, index, place, entry, body) if body else None
        except (Vanished, AttributeError, UnicodeEncodeError):  # the long way tells why
            pass
        except ValueError:
            self._reader.check_open()
            raise
        return self._read_long(id, keep)

    def _read_long(self, id: str, keep: Keep[Result]) -> Result | None:
        """Return a record that need not be the newest version, so it is not remembered."""
        version = self.find(id)
        return keep(NOWHERE, id, None, 0, EMPTY, version.body) if version is not None else None

    def find(self, id: str) -> Version | None:
        """Return the version itself, the long way: by its namespace and those it inherits from."""
        try:
            key = id.encode()
        except (AttributeError, UnicodeEncodeError):
            key = record.encode_name(id, "id")  # raises for an invalid one

        def read(commit: int) -> Version | None:
            lineage = find_lineage(self._table, self._namespace, commit)
            return lineage.find(key) if lineage is not None else None

        return self._moment.read(read)

    def _inherited(self, view: View, key: bytes, commit: int) -> tuple[Any, int, int, bytes] | None:
        """Return the inherited version of a key that a fork does not have, as `newest_body`."""
        vacancy = self._table.vacancy(view.scope, key) or (None, 0)
        for scope in view.parents:
            found = self._table.newest_body(scope, key, commit)
            if found is not None:
                break
        memory.fence()
        if not view.stands():
            raise Vanished("the fork has ended, and its parent may have changed")
        return (*vacancy, EMPTY, found[-1]) if found is not None else None

    def _look_again(self, commit: int) -> View:
        """Find the namespace, and forget the records of another one."""
        view, self.view = self.view, NOWHERE
        self._reader.look()
        found = self._table.newest(NAMESPACES, self._namespace)
        if found is None or found.version.begin > commit or found.word & GONE:
            raise Vanished("the namespace is not there")
        memory.fence()  # what began with it is not looked for before it
        segment, place, entry, version = found
        if not view.goes_on(segment.words, place, entry, version.number):
            lineage = Lineage(self._table, version, commit)
            parents = [ancestor.number for ancestor in lineage.namespaces[1:]]
            remembered = self._reader.remembered
            view = View(remembered, segment.words, place, entry, version.number, parents)
        self.view = view
        return view  # and not what another thread may have put there by now


def _no_version_in_elder(view: View, id: str) -> None:
    """Find nothing: records are remembered without their versions."""
