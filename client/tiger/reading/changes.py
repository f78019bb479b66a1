"""Following an instance's changes, from the ring in its control segment.

The daemon puts a change into the ring before the commit that it belongs to, so a change counts once
the commit number has reached it. This is the only reader of the ring; it takes no lock and asks
nobody. So the daemon may overtake a slow reader, which then counts the changes that it missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tiger.format import layout, memory
from tiger.format.memory import Vanished
from tiger.format.resources import DEFINITIONS, Resource
from tiger.format.version import Version
from tiger.reading.moments import Latest
from tiger.reading.namespace import resources_of
from tiger.reading.reader import Reader
from tiger.reading.table_reader import TableReader
from tiger.system import os, time

KINDS = {
    layout.CREATED: "created",
    layout.UPDATED: "updated",
    layout.DELETED: "deleted",
    layout.CLEARED: "cleared",
    layout.FORKED: "forked",
}

YIELDS = 200
"""The number of looks that only yield the processor; each later one waits longer."""
FIRST_PAUSE_S = 50e-6
LAST_PAUSE_S = 0.02


class Change(NamedTuple):
    """One change of one record, or of one table in one namespace.

    `what` is "created", "updated" or "deleted" for a record, "cleared" or "forked" for a table.
    `namespace` and `id` are None if the version was removed before it could be read; a change of a
    whole table has no `id`.
    """

    commit: int
    what: str
    table: str
    namespace: str | None
    id: str | None


class Commit(NamedTuple):
    """A commit that changed a namespace: its `number`, and `changes`, a list of `Change`.

    `missed` counts changes, in any namespace, that were overwritten before this watcher could read
    them.
    """

    number: int
    changes: list[Change]
    missed: int = 0


class _Entry(NamedTuple):
    commit: int
    kind: int
    table: int
    ref: int


class Changes:
    """The changes of an instance from now on; for one thread at a time."""

    def __init__(self, reader: Reader) -> None:
        """Begin after the latest commit."""
        self.missed: int = 0
        """Changes that were overwritten before they were read."""
        self._reader = reader
        self._words = reader.words
        self._resources = self._all_resources()
        self._namespaces: dict[tuple[int, int], str] = {}
        commit = self._words[layout.COMMIT]
        self.commit: int = commit
        """Changes up to this commit were returned."""
        memory.fence()
        self._next = self._words[layout.CHANGES]
        memory.fence()
        while self._next and self._words[layout.ring_at(self._next - 1)] > commit:
            self._next -= 1

    def wait(self, deadline: float | None = None) -> list[Change]:
        """Return the next changes, or an empty result if there are none before the deadline.

        `deadline` is in seconds, as `time.monotonic` counts them; None waits for ever. Blocks, and
        does not ask the daemon: it looks at shared memory, at least 50 times a second. Raises
        `InstanceError` if the instance was removed or replaced.
        """
        looks = 0
        pause_s = FIRST_PAUSE_S
        while not (changes := self.take()):
            now = time.monotonic()
            if deadline is not None and now >= deadline:
                return []
            looks += 1
            if looks < YIELDS:
                os.sched_yield()
            else:
                left_s = pause_s if deadline is None else min(pause_s, deadline - now)
                time.sleep(max(0.0, left_s))
                pause_s = min(1.5 * pause_s, LAST_PAUSE_S)
        return changes

    def take(self) -> list[Change]:
        """Return the changes that were committed since the last call.

        Does not block; the cost is that of the changes. Raises `InstanceError` if the instance was
        removed or replaced.
        """
        self._reader.look()
        entries = list(self._entries())
        # A namespace's name is in its clear too, and after that perhaps nowhere else.
        for entry in entries:
            if entry.kind == layout.CLEARED:
                self._remember(entry.table, self._version(entry))
        return [self._describe(entry) for entry in entries]

    def _entries(self) -> Iterator[_Entry]:
        """Yield the committed entries of the ring, and count those that were overwritten."""
        # The commit first: what recovery makes nothing of began after any commit seen here.
        commit: int = self._words[layout.COMMIT]
        self.commit = commit
        memory.fence()
        while self._next < self._words[layout.CHANGES]:
            memory.fence()  # an entry is loaded after it is known to be there
            at = layout.ring_at(self._next)
            began, word = self._words[at], self._words[at + 1]
            memory.fence()  # and what may have overwritten it is looked for after that
            oldest = self._words[layout.CHANGES] - layout.RING_MAX + 1
            if self._next < oldest:
                self.missed += oldest - self._next
                self._next = oldest
                continue
            if began > commit:
                return
            self._next += 1
            if word != layout.NOTHING:
                yield _Entry(began, word >> 56, word >> 48 & 0xFF, word & layout.REF_MASK)

    # --- The subject of a change ---

    def _describe(self, entry: _Entry) -> Change:
        version = self._version(entry)
        namespace = identity = None
        if version is not None and version.scope == layout.NAMESPACES:
            namespace = version.key.decode()
            if entry.kind == layout.CLEARED:
                self._namespaces.pop((entry.table, version.number), None)
        elif version is not None:
            namespace = self._namespace(entry, version.scope)
            identity = version.key.decode()
        table = self._resource(entry.table).table
        return Change(entry.commit, KINDS[entry.kind], table, namespace, identity)

    def _all_resources(self) -> dict[int, Resource]:
        resources = (*resources_of(Latest(self._reader)), DEFINITIONS)
        return {resource.number: resource for resource in resources}

    def _resource(self, number: int) -> Resource:
        if number not in self._resources:
            self._resources = self._all_resources()
        return self._resources[number]

    def _table(self, number: int) -> TableReader:
        return self._reader.table(number, self._resource(number).table)

    def _version(self, entry: _Entry) -> Version | None:
        try:
            return self._table(entry.table).version(entry.ref)
        except Vanished:
            return None

    def _namespace(self, entry: _Entry, scope: int) -> str | None:
        """Return the name of the namespace that has that number in a table."""
        if (entry.table, scope) not in self._namespaces:
            try:
                for version in self._table(entry.table).namespaces(entry.commit):
                    self._remember(entry.table, version)
                    if version.number == scope:
                        break
            except Vanished:
                pass
        return self._namespaces.get((entry.table, scope))

    def _remember(self, table: int, version: Version | None) -> None:
        if version is not None:
            self._namespaces[table, version.number] = version.key.decode()


def commits_of(changes: Changes, namespace: str) -> list[Commit]:
    """Return the commits since the last call that changed a namespace."""
    found: dict[int, list[Change]] = {}
    for change in changes.take():
        if change.namespace == namespace:
            found.setdefault(change.commit, []).append(change)
    commits = []
    for number, group in found.items():
        commits.append(Commit(number, group, changes.missed))
        changes.missed = 0
    return commits
