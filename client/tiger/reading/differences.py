"""The changes in a namespace between two moments, in all tables, read from shared memory.

The cost is that of the records written in the namespace itself, not of those a fork inherits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from tiger.format.record import Record, decode
from tiger.reading.lineage import Lineage
from tiger.reading.table_reader import TableReader
from tiger.shown import shown

CREATED = "created"
UPDATED = "updated"
DELETED = "deleted"

SHOWN_MAX = 30
"""The number of differences that are shown, the newest ones."""
WIDTH_MAX = 160
"""The longest line, in characters."""


class Difference(NamedTuple):
    """One record that differs.

    It has `table`, `id`, and `commit`, the number of the last commit that changed it. `before` is
    None for a new record, and `after` is None for a deleted one. As a string it is one line.
    """

    commit: int
    table: str
    id: str
    before: Record | None
    after: Record | None

    @property
    def what(self) -> str:
        """`created`, `updated` or `deleted`."""
        if self.before is None:
            return CREATED
        return DELETED if self.after is None else UPDATED

    def __str__(self) -> str:
        if self.before is not None and self.after is not None:
            detail = ", ".join(_fields(self.before, self.after))
        else:
            detail = ", ".join(_values(self.after or self.before or {}))
        line = shown(f"{self.what} {self.table} {self.id}{': ' if detail else ''}{detail}")
        return line if len(line) <= WIDTH_MAX else f"{line[: WIDTH_MAX - 1]}…"


def _values(content: Record) -> Iterator[str]:
    for name, value in content.items():
        if name not in ("id", "object") and value not in (None, {}, []):
            yield f"{name}={value!r}"


def _fields(before: Record, after: Record) -> Iterator[str]:
    missing = object()
    for name in {**before, **after}:
        old, new = before.get(name, missing), after.get(name, missing)
        if old is missing:
            yield f"{name}={new!r} is new"
        elif new is missing:
            yield f"{name}={old!r} is gone"
        elif old != new:
            yield f"{name} {old!r} → {new!r}"


class Differences:
    """All changes, oldest first: an iterable of `Difference` objects, with a `len`.

    As a string it has a line for each of the newest 30.
    """

    def __init__(self, found: Iterable[Difference]) -> None:
        """Sort differences by commit."""
        self._all = sorted(found, key=lambda difference: difference.commit)

    def __iter__(self) -> Iterator[Difference]:
        """Yield each record that differs.

        Raises nothing.
        """
        return iter(self._all)

    def __len__(self) -> int:
        """Return how many records differ.

        Raises nothing.
        """
        return len(self._all)

    def __repr__(self) -> str:
        return f"<Differences: {len(self)}>"

    def __str__(self) -> str:
        """Show the newest, one on each line."""
        lines = [str(difference) for difference in self._all[-SHOWN_MAX:]]
        if len(self) > SHOWN_MAX:
            lines.insert(0, f"({len(self) - SHOWN_MAX} earlier ones are left out)")
        return "\n".join(lines) or "(nothing changed)"

    @property
    def created(self) -> dict[str, list[Record]]:
        """The new records by table."""
        return self._by_table((d.table, d.after) for d in self._all if d.what == CREATED)

    @property
    def deleted(self) -> dict[str, list[Record]]:
        """The deleted records as they were, by table."""
        return self._by_table((d.table, d.before) for d in self._all if d.what == DELETED)

    @property
    def updated(self) -> dict[str, list[tuple[Record, Record]]]:
        """The changed records by table, each as a pair: before and after."""
        found: dict[str, list[tuple[Record, Record]]] = {}
        for difference in self._all:
            if difference.before is not None and difference.after is not None:
                found.setdefault(difference.table, []).append((difference.before, difference.after))
        return found

    @staticmethod
    def _by_table(records: Iterable[tuple[str, Record | None]]) -> dict[str, list[Record]]:
        found: dict[str, list[Record]] = {}
        for table, content in records:
            if content is not None:
                found.setdefault(table, []).append(content)
        return found

    def _check(self, expected: Mapping[str, Mapping[str, int]]) -> None:
        """Raise AssertionError unless exactly the expected numbers of records changed.

        `expected` has a mapping of tables to numbers for each of `created`, `updated` and
        `deleted`; tables without a number must not have changed.
        """
        __tracebackhide__ = True
        counts: dict[tuple[str, str], int] = {}
        for difference in self._all:
            place = (difference.what, difference.table)
            counts[place] = counts.get(place, 0) + 1
        wanted = {
            (what, table): number
            for what, tables in expected.items()
            for table, number in tables.items()
            if number
        }
        wrong = [
            f"{what} {table}: {counts.get((what, table), 0)}, not {wanted.get((what, table), 0)}"
            for what, table in sorted(counts.keys() | wanted.keys())
            if counts.get((what, table)) != wanted.get((what, table))
        ]
        if wrong:
            raise AssertionError("\n".join([*wrong, "", "what changed, newest last:", str(self)]))


def compare(
    table: TableReader, name: str, before: Lineage | None, after: Lineage | None, commit: int
) -> Iterator[Difference]:
    """Yield the differences in a table, named `name`; `commit` is that of `after`."""
    for key in _changed_keys(table, before, after, commit):
        old = before.find(key) if before is not None else None
        new = after.find(key) if after is not None else None
        if (old.body if old else None) == (new.body if new else None):
            continue
        if new is not None:
            at = new.begin
        else:
            assert old is not None
            assert before is not None
            ends = [end for end in (old.end, before.namespaces[0].end) if 0 < end <= commit]
            at = _hidden_at(table, after, key, commit) or min(ends, default=commit)
        yield Difference(
            at,
            name,
            key.decode(),
            decode(old.body) if old is not None else None,
            decode(new.body) if new is not None else None,
        )


def _changed_keys(
    table: TableReader, before: Lineage | None, after: Lineage | None, commit: int
) -> set[bytes]:
    """Return the keys that may differ: those of the namespaces that are not in both lineages."""
    keys: set[bytes] = set()
    if after is not None:
        for namespace in after.namespaces:
            if before is not None and namespace.number == before.scope:
                since = before.commit
                for version in table.walk(namespace.number, namespace.first, since):
                    if 0 < version.end <= commit:
                        keys.add(version.key)
                for version in table.walk(namespace.number, namespace.first, commit):
                    if version.begin > since:
                        keys.add(version.key)
                return keys
            keys.update(v.key for v in table.walk(namespace.number, namespace.first, commit))
    if before is not None:
        keys.update(version.key for version in before.walk(before.firsts()))
    return keys


def _hidden_at(table: TableReader, after: Lineage | None, key: bytes, commit: int) -> int | None:
    """Return the commit at which a fork hid a record that it had inherited."""
    if after is not None:
        for namespace in after.namespaces:
            version = table.find(namespace.number, key, commit)
            if version is not None and not version.body:
                return version.begin
    return None
