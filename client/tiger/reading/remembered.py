"""The records that a process remembers having read: when one is still right, and when it goes.

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
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast
from weakref import WeakValueDictionary

from tiger.format import record
from tiger.format.record import Record, decode
from tiger.format.speedups import compiled
from tiger.reading.presence import LOOK_S, Presence
from tiger.system import time

_Recall = compiled("tiger.format.compiled", "Recall", None)

GENERATION_BYTES = 32 << 20
"""What the records of a generation take at most, decoded; a reader remembers two generations."""

RECORD_BYTES = GENERATION_BYTES // 8
"""A record that takes more is not remembered: it would drive out too much else."""

ENTRY_BYTES = 512
"""What is kept beside a record: its id, the place in the index and the word there, and room in a
dict. That a record was read once takes as much."""


class _Known(NamedTuple):
    """A record that is remembered."""

    place: int
    """Of its key in the index."""
    word: int
    """Which stood there when the record was read."""
    content: Any
    """The record, read-only; or what makes a copy of it."""
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
        """Count what was added to the younger generation; when it is full, begin another."""
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
    """What a view remembers of what was read in one time."""

    __slots__ = ("copied", "once", "shown")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.copied: dict[str, _Known] = {}
        self.shown: dict[str, _Known] = {}
        self.once: dict[str, int] = {}
        """The index words of records that were read once."""


class View:
    """What is remembered of a namespace in one table, and how to tell that it still stands."""

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
        """Begin another generation; what is not in the last one is forgotten."""
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

    # --- What is remembered, while the namespace's word stands ---

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

    # --- What was read: the index words it was found in, place and word there, the msgpack.
    # What stands in another generation of the index than the namespace is not kept. ---

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
    """Return what gives records that are remembered, or copies, while the words still stand.

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
