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

`tests/client/test_remembering.py` has each of these cases.

**When it goes.** What was read of late is in the younger of two generations. When that has grown to
`GENERATION_BYTES`, it becomes the elder one, and what was the elder is forgotten. A record that is
read from the elder comes into the younger. So what is used stays, and what is not used, or was
deleted, goes. What a hit costs does not depend on what else is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast
from weakref import WeakValueDictionary

from tiger import record
from tiger.record import Record, decode

GENERATION_BYTES = 32 << 20
"""What the records of a generation take at most, decoded; a reader remembers two generations."""

RECORD_BYTES = GENERATION_BYTES // 8
"""A record that takes more is not remembered: it would drive out too much else."""

ENTRY_BYTES = 512
"""What is kept beside a record: its id, the place in the index and the word there, and room in a
dict. That a record was read once takes as much."""

Copied = tuple[int, int, Callable[[], Record]]
"""Place and word in the index, and what makes a copy of the record."""

Shown = tuple[int, int, Record]
"""Place and word in the index, and the record, read-only."""


class Remembered:
    """All that one reader remembers, of whatever table and namespace."""

    def __init__(self, watched: Callable[[dict[str, Any]], Callable[[str], Any]]) -> None:
        """Begin with nothing; `watched` makes what gets a value of a dict (`Presence.watched`)."""
        self.watched: Callable[[dict[str, Any]], Callable[[str], Any]] = watched
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
            for reference in self._views.valuerefs():
                view = reference()
                if view is not None:
                    view.age()


class Generation:
    """What a view remembers of what was read in one time."""

    __slots__ = ("copied", "once", "shown", "sizes")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.copied: dict[str, Copied] = {}
        self.shown: dict[str, Shown] = {}
        self.once: dict[str, int] = {}
        """The index words of records that were read once."""
        self.sizes: dict[int, int] = {}
        """The bytes that the entries of `copied` and `shown` take, by their `id()`."""


class View:
    """What is remembered of a namespace in one table, and how to tell that it still stands."""

    __slots__ = (
        "__weakref__", "_elder", "_remembered", "_younger", "known", "parents", "place", "scope",
        "shown", "word", "words",
    )  # fmt: skip

    known: Callable[[str], Copied | None]
    shown: Callable[[str], Shown | None]

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
        self.known = self._remembered.watched(self._younger.copied)
        self.shown = self._remembered.watched(self._younger.shown)

    def goes_on(self, words: Any, place: int, word: int, scope: int) -> bool:
        """Go on with a namespace if it is the same one, whose version was copied elsewhere.

        The number of a namespace never comes back: no other one has its scope.
        """
        if self.scope != scope or self.words is not words or self.place != place:
            return False
        self.word = word
        return True

    # --- What is remembered, while the namespace's word stands ---

    def recall(self, name: str) -> Record | None:
        """Return a copy of a record that is remembered in the elder generation, as `known`."""
        known = self._elder.copied.get(name)
        if known is None or self.words[known[0]] != known[1]:
            return None
        self._younger.copied[name] = known
        self._charge(known, self._elder.sizes.get(id(known), RECORD_BYTES))
        return known[2]()

    def recall_shown(self, name: str) -> Record | None:
        """Return a read-only record that is remembered in the elder generation, as `shown`."""
        known = self._elder.shown.get(name)
        if known is None or self.words[known[0]] != known[1]:
            return None
        self._younger.shown[name] = known
        self._charge(known, self._elder.sizes.get(id(known), RECORD_BYTES))
        return known[2]

    def _charge(self, entry: Copied | Shown, size: int) -> None:
        """Count an entry that the younger generation has now."""
        self._younger.sizes[id(entry)] = size
        self._remembered.charge(size)

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
        known = self._younger.copied[name] = (place, word, copy)
        self._charge(known, size)
        return copy()

    def show(self, name: str, words: Any, place: int, word: int, body: bytes) -> Record:
        """Return a record read-only, and remember it."""
        content = decode(body)
        if words is not self.words:
            return cast(Record, record.freeze(content))
        size = ENTRY_BYTES + record.size_of(content)
        shown: Record = record.freeze(content)
        if size <= RECORD_BYTES:
            known = self._younger.shown[name] = (place, word, shown)
            self._charge(known, size)
        return shown


NOWHERE = View(Remembered(lambda found: found.get), (0,), 0, 1, 0)
"""The view of a namespace that is not there: it never stands."""
