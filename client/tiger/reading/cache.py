"""One record, by its id: remembered from an earlier read, or found in shared memory.

Why a remembered record is right, and when it goes, is said in `tiger.reading.remembered`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar, cast

from tiger.format import memory, record
from tiger.format.layout import COMMIT, EMPTY, GONE, NAMESPACES, REF_MASK
from tiger.format.memory import Vanished
from tiger.format.record import Record, decode
from tiger.format.version import Version
from tiger.reading.lineage import Lineage, find_lineage
from tiger.reading.moments import Moment
from tiger.reading.remembered import NOWHERE, View
from tiger.reading.table_reader import TableReader

Result = TypeVar("Result")

Body = tuple[Any, int, int, bytes]
"""Words of an index, place and word there, the msgpack; without body the record is hidden."""


Recall = Callable[[View, str], "Result | None"]
Keep = Callable[[View, str, Any, int, int, bytes], "Result | None"]


class Lookup(Protocol):
    """What gives single records of one table and namespace at one moment; None for no record."""

    view: View
    """What is remembered; its `known` and `shown` are looked at first."""

    def get(self, id: str) -> Record | None:
        """Return a record as a dict of the caller's own."""

    def peek(self, id: str) -> Mapping[str, Any] | None:
        """Return a record, deeply read-only."""

    def with_version(self, id: str) -> tuple[Record, int] | None:
        """Return a record and the commit that wrote it."""

    def find(self, id: str) -> Version | None:
        """Return the version itself."""


class DirectLookup:
    """Records that are looked for in shared memory each time: those of a pinned commit."""

    view = NOWHERE

    def __init__(self, moment: Moment, table: TableReader, namespace: bytes) -> None:
        """Prepare to read; nothing is opened yet."""
        self._moment = moment
        self._table = table
        self._namespace = namespace

    def get(self, id: str) -> Record | None:
        """As `Lookup.get`."""
        version = self.find(id)
        return decode(version.body) if version is not None else None

    def peek(self, id: str) -> Mapping[str, Any] | None:
        """As `Lookup.peek`."""
        content = self.get(id)
        return cast(Mapping[str, Any], record.freeze(content)) if content is not None else None

    def with_version(self, id: str) -> tuple[Record, int] | None:
        """As `Lookup.with_version`."""
        version = self.find(id)
        return (decode(version.body), version.begin) if version is not None else None

    def find(self, id: str) -> Version | None:
        """As `Lookup.find`."""
        return self._moment.read(lambda commit: self._find(id, commit))

    def _find(self, id: str, commit: int) -> Version | None:
        lineage = find_lineage(self._table, self._namespace, commit)
        if lineage is None:
            return None
        try:
            key = id.encode()
        except (AttributeError, UnicodeEncodeError):
            key = record.encode_name(id, "id")  # says what is wrong with it
        return lineage.find(key)


class RecordCache:
    """Records at the latest commit; a version that was read is not decoded again.

    `tiger.reading.remembered` has what is remembered. This finds the namespace, recalls what still
    stands, and looks in shared memory for the rest.
    """

    def __init__(self, moment: Moment, table: TableReader, namespace: bytes) -> None:
        """Prepare to read; nothing is opened yet."""
        self._found = DirectLookup(moment, table, namespace)
        self._reader = moment.reader
        self._control = moment.reader.words
        self._table = table
        self._namespace = namespace
        self.view: View = NOWHERE

    def get(self, id: str) -> Record | None:
        """As `Lookup.get`; remembers it if it is the newest version."""
        return self._read(id, View.recall, View.copy)

    def peek(self, id: str) -> Mapping[str, Any] | None:
        """As `Lookup.peek`; remembers it if it is the newest version."""
        return self._read(id, View.recall_shown, View.show)

    def with_version(self, id: str) -> tuple[Record, int] | None:
        """As `Lookup.with_version`: what is remembered has no version, so it is read."""
        return self._read(id, _recall_nothing, self._with_version)

    def find(self, id: str) -> Version | None:
        """As `Lookup.find`."""
        return self._found.find(id)

    def _with_version(
        self, view: View, id: str, words: Any, place: int, word: int, body: bytes
    ) -> tuple[Record, int] | None:
        """Return a record that was found and its version; None if it is gone by now.

        As long as the index names the same ref, that is the version that was found.
        """
        if word != EMPTY:
            version = self._table.version(word & REF_MASK)
            memory.fence()
            if words[place] == word:
                return decode(version.body), version.begin
        return self._found.with_version(id)

    def _read(self, id: str, recall: Recall[Result], keep: Keep[Result]) -> Result | None:
        """Return a record as `keep` does, which remembers it if it is the newest version.

        There is no look at the horizon here: a version that is the newest, has begun and has not
        ended is the record; and if there is none, and the namespace is still the same after the
        look, there was none at that moment. All else is read the long way.
        """
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
            if found is None or not found[3]:
                return None
            return keep(view, id, *found)
        except Vanished:
            pass
        except (AttributeError, UnicodeEncodeError):
            record.encode_name(id, "id")  # says what is wrong with it
        except ValueError:
            self._reader.check_open()
            raise
        version = self._found.find(id)
        # The latest commit's, and yet not surely the newest version: so it is not remembered.
        return keep(NOWHERE, id, None, 0, 0, version.body) if version is not None else None

    def _inherited(self, view: View, key: bytes, commit: int) -> Body | None:
        """Return what a fork inherits of a key that it does not have itself."""
        vacancy = self._table.vacancy(view.scope, key) or (None, 0)
        for scope in view.parents:
            found = self._table.newest_body(scope, key, commit)
            if found is not None:
                break
        memory.fence()
        if view.words[view.place] != view.word:
            raise Vanished("the fork has ended, and its parent may have changed")
        return (*vacancy, EMPTY, found[3]) if found is not None else None

    def _look_again(self, commit: int) -> View:
        """Find the namespace, and forget what was read of another one."""
        known, self.view = self.view, NOWHERE
        self._reader.look()
        found = self._table.newest(NAMESPACES, self._namespace)
        if found is None or found.version.begin > commit or found.word & GONE:
            raise Vanished("the namespace is not there")
        memory.fence()  # what began with it is not looked for before it
        index, place, word, version = found
        if not known.goes_on(index.words, place, word, version.number):
            lineage = Lineage(self._table, version, commit)
            parents = [space.number for space in lineage.spaces[1:]]
            remembered = self._reader.remembered
            known = View(remembered, index.words, place, word, version.number, parents)
        self.view = known
        return known  # and not what another thread may have put there by now


def _recall_nothing(view: View, id: str) -> None:
    """Recall nothing: what was read before is remembered without its version."""
