"""One record, by its id: remembered from an earlier read, or found in shared memory.

**Why a remembered record is right.** The index word of a key changes with every write of that key:
a new version has a new ref, and a delete sets a bit. The word of a namespace changes when it is
cleared. So while both words are what they were when the record was read, the version read is the
newest: a look at the two words is a read of the record, exactly as fresh as a full one. A word
never comes to be what it was before: a ref names one version for ever, and when the index grows,
the words of the generation that is left become `MOVED`. All words that one `View` looks at are of
one generation, that of its namespace's word.

*In a fork*, a record that is inherited is remembered with the empty place that its key would get
in the fork. It is right while that place is empty and the fork is there, for then the parent is
sealed. No key of a fork gets a place before an empty one (`Index.put`), and an index that grows
moves the words of the forks first (`Table._reserve_keys`), so no key of a fork comes into the next
generation while its namespace's word still stands.

`tests/rooms/reading/test_remembering.py` has each of these cases.

**When it goes.** What was read of late is in the younger of two generations. When that has grown to
`GENERATION_BYTES`, it becomes the elder one, and what was the elder is forgotten. A record that is
read from the elder comes into the younger. So what is used stays, and what is not used, or was
deleted, goes. What a hit costs does not depend on what else is remembered.

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

_Recall = compiled("tiger.format.compiled", "Recall", None)

GENERATION_BYTES = 32 << 20
"""Bytes that the records of a generation take at most, decoded; a reader has two generations."""

RECORD_BYTES = GENERATION_BYTES // 8
"""A record that takes more is not remembered: it would drive out too much else."""

ENTRY_BYTES = 512
"""Bytes kept beside a record: its id, the place in the index and the word there, and room in a
dict. That a record was read once takes as much."""


class _Known(NamedTuple):
    """A record that is remembered."""

    place: int
    """Of its key in the index."""
    word: int
    """Which stood there when the record was read."""
    content: Any
    """The record, read-only; or a function that returns a copy of it."""
    size: int
    """The bytes that all of this takes."""


Known: type[_Known] = compiled("tiger.format.compiled", "Known", _Known)


class Remembered:
    """All that one reader remembers, of whatever table and namespace."""

    def __init__(self, presence: Presence) -> None:
        """Begin with nothing; the instance's presence is looked at while it is remembered."""
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
        """Remember nothing any more, and keep no index mapped."""
        for view in self._all_views():
            view.end()

    def _all_views(self) -> list[View]:
        return [view for reference in self._views.valuerefs() if (view := reference()) is not None]


class Generation:
    """The records that a view remembers of one time."""

    __slots__ = ("copied", "once", "shown")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.copied: dict[str, _Known] = {}
        self.shown: dict[str, _Known] = {}
        self.once: dict[str, int] = {}
        """The index words of records that were read once."""


class View:
    """The remembered records of a namespace in one table, and how to tell that they still stand."""

    __slots__ = (
        "__weakref__", "_elder", "_remembered", "_younger", "known", "parents", "place", "scope",
        "shown", "word", "words",
    )  # fmt: skip

    known: Callable[[str], Record | None]
    """Returns a copy of a record that was read before and still stands, or None."""
    shown: Callable[[str], Record | None]
    """The same of the record itself, read-only."""

    def __init__(
        self,
        remembered: Remembered,
        words: Any,
        place: int,
        word: int,
        scope: int,
        parents: Sequence[int] = (),
    ) -> None:
        """Begin with a namespace found in an index, and nothing read of it."""
        self._remembered = remembered
        self.words: Any = words
        self.place: int = place
        self.word: int = word
        self.scope: int = scope
        """Of the keys of the namespace's own records; `parents` has those of its ancestors."""
        self.parents: Sequence[int] = parents
        self._younger: Generation = Generation()
        self.age()
        remembered.add(self)

    def age(self) -> None:
        """Begin another generation; records before the last one are forgotten."""
        self._elder, self._younger = self._younger, Generation()
        self._begin()

    def end(self) -> None:
        """Stand no more."""
        self.known = self.shown = _nothing

    def _begin(self) -> None:
        presence = self._remembered.presence
        self.known = _recall(self, self._younger.copied, presence, copies=True)
        self.shown = _recall(self, self._younger.shown, presence, copies=False)

    def goes_on(self, words: Any, place: int, word: int, scope: int) -> bool:
        """Go on with a namespace if it is the same one, whose version was copied elsewhere.

        The number of a namespace never comes back: no other one has its scope.
        """
        if self.scope != scope or self.words is not words or self.place != place:
            return False
        self.word = word
        self._begin()
        return True

    # --- Remembered records, while the namespace's word stands ---

    def recall(self, name: str) -> Record | None:
        """Return a copy of a record that is remembered in the elder generation, as `known`."""
        known = self._from_elder(name, self._elder.copied, self._younger.copied)
        return None if known is None else known.content()

    def recall_shown(self, name: str) -> Record | None:
        """Return a read-only record that is remembered in the elder generation, as `shown`."""
        known = self._from_elder(name, self._elder.shown, self._younger.shown)
        return None if known is None else known.content

    def _from_elder(
        self, name: str, elder: dict[str, _Known], younger: dict[str, _Known]
    ) -> _Known | None:
        known = elder.get(name)
        if known is None or self.words[known.place] != known.word:
            return None
        younger[name] = known
        self._remembered.charge(known.size)
        return known

    # --- A record just read: the index words it was found in, place and word there, the msgpack.
    # One in another generation of the index than the namespace is not kept. ---

    def copy(self, name: str, words: Any, place: int, word: int, body: bytes) -> Record:
        """Return a record as the caller's own, and remember it if it is read for the second time.

        Of the first time only that is kept: many a record is read once, and the second read pays
        for the faster ones after it.
        """
        if words is not self.words:
            return decode(body)
        if self._younger.once.get(name) != word and self._elder.once.get(name) != word:
            self._younger.once[name] = word
            self._remembered.charge(ENTRY_BYTES)
            return decode(body)
        content = decode(body)
        size = record.size_of(content)
        if size > RECORD_BYTES:
            return content
        copy, more = record.copier(content)
        size += more + ENTRY_BYTES
        self._younger.copied[name] = Known(place, word, copy, size)
        self._remembered.charge(size)
        return copy()

    def show(self, name: str, words: Any, place: int, word: int, body: bytes) -> Record:
        """Return a record read-only, and remember it."""
        content = decode(body)
        if words is not self.words:
            return cast(Record, record.freeze(content))
        size = ENTRY_BYTES + record.size_of(content)
        shown: Record = record.freeze(content)
        if size <= RECORD_BYTES:
            self._younger.shown[name] = Known(place, word, shown, size)
            self._remembered.charge(size)
        return shown


def _recall(
    view: View, found: Mapping[str, _Known], presence: Presence, *, copies: bool
) -> Callable[[str], Record | None]:
    """Return a function that gives remembered records, or copies, while the words still stand.

    It also looks, about once a second, whether the instance is still there.
    """
    words, own_place, own_word = view.words, view.place, view.word
    if _Recall is not None and type(words) is memoryview:
        compiled_recall: Callable[[str], Record | None] = _Recall(
            found, words, own_place, own_word, presence.look, LOOK_S, copies
        ).get
        return compiled_recall

    def recall(id: str) -> Record | None:
        if time.monotonic() >= presence.look_at:
            presence.check()
        if words[own_place] != own_word or (known := found.get(id)) is None:
            return None
        if words[known.place] != known.word:
            return None
        content: Record = known.content() if copies else known.content
        return content

    return recall


def _nothing(_: str) -> None:
    """Remember nothing."""


class _Nowhere(View):
    """The view of a namespace that is not there: it never stands."""

    def __init__(self) -> None:
        """Begin with words that say so."""
        self.words, self.place, self.word, self.scope, self.parents = (0,), 0, 1, 0, ()
        self.end()


NOWHERE: View = _Nowhere()


Recall = Callable[[View, str], "Result | None"]
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
        """The remembered records; its `known` and `shown` are looked at first."""

    def get(self, id: str) -> Record | None:
        """Return a record as a dict of the caller's own."""
        return self._read(id, View.recall, View.copy)

    def peek(self, id: str) -> Mapping[str, Any] | None:
        """Return a record, deeply read-only."""
        return self._read(id, View.recall_shown, View.show)

    def with_version(self, id: str) -> tuple[Record, int] | None:
        """Return a record and the commit that wrote it."""
        if self._is_latest:
            return self._read(id, _recall_nothing, self._with_version)
        version = self.find(id)
        return (decode(version.body), version.begin) if version is not None else None

    def _with_version(
        self, view: View, id: str, words: Any, place: int, word: int, body: bytes
    ) -> tuple[Record, int] | None:
        """Return a record that was found and its version; None if it is gone by now.

        As long as the index names the same ref, that is the version that was found.
        """
        version: Version | None = None
        if word != EMPTY:
            version = self._table.version(word & REF_MASK)
            memory.fence()
        if word == EMPTY or words[place] != word:
            version = self.find(id)
        return (decode(version.body), version.begin) if version is not None else None

    def _read(self, id: str, recall: Recall[Result], keep: Keep[Result]) -> Result | None:
        """Return a record as `keep` does, which remembers it if it is the newest version.

        There is no look at the horizon here: a version that is the newest, has begun and has not
        ended is the record; and if there is none, and the namespace is still the same after the
        look, there was none at that moment. All else is read the long way.
        """
        if not self._is_latest:
            return self._read_long(id, keep)
        try:
            commit = self._control[COMMIT]
            view = self.view
            if view.words[view.place] != view.word:
                view = self._look_again(commit)
            elif (content := recall(view, id)) is not None:
                return content
            found = self._table.newest_body(view.scope, id.encode(), commit)
            if found is None and view.parents:
                found = self._inherited(view, id.encode(), commit)
            elif found is None:
                memory.fence()
                if view.words[view.place] == view.word:
                    return None
                raise Vanished("the namespace has changed")
            if found is None:
                return None
            words, place, word, body = found
            return keep(view, id, words, place, word, body) if body else None
        except (Vanished, AttributeError, UnicodeEncodeError):  # the long way says what is wrong
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
            key = record.encode_name(id, "id")  # says what is wrong with it

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
        if view.words[view.place] != view.word:
            raise Vanished("the fork has ended, and its parent may have changed")
        return (*vacancy, EMPTY, found[-1]) if found is not None else None

    def _look_again(self, commit: int) -> View:
        """Find the namespace, and forget the records of another one."""
        known, self.view = self.view, NOWHERE
        self._reader.look()
        found = self._table.newest(NAMESPACES, self._namespace)
        if found is None or found.version.begin > commit or found.word & GONE:
            raise Vanished("the namespace is not there")
        memory.fence()  # what began with it is not looked for before it
        index, place, word, version = found
        if not known.goes_on(index.words, place, word, version.number):
            lineage = Lineage(self._table, version, commit)
            parents = [ancestor.number for ancestor in lineage.namespaces[1:]]
            remembered = self._reader.remembered
            known = View(remembered, index.words, place, word, version.number, parents)
        self.view = known
        return known  # and not what another thread may have put there by now


def _recall_nothing(view: View, id: str) -> None:
    """Recall nothing: records are remembered without their versions."""
