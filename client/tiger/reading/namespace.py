"""The reads of a namespace: questions about all its tables at once, at one moment.

A table's own reads are in `tiger.reading.reads`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tiger.errors import InvalidRequest, UnknownTable
from tiger.format import record
from tiger.format.resources import (
    BY_NAME,
    DEFINITIONS,
    DEFINITIONS_NAMESPACE,
    RESOURCES,
    Resource,
    defined_resource,
)
from tiger.reading.differences import Difference, Differences, compare
from tiger.reading.lineage import Lineage, find_lineage
from tiger.reading.marks import Mark, commit_of
from tiger.reading.moments import Moment
from tiger.reading.reads import TableReads

AnyTable = TypeVar("AnyTable", bound=TableReads)
Same = TypeVar("Same", bound="NamespaceReads[Any]")


class NamespaceReads(Generic[AnyTable]):
    """A namespace that can be read, as of one moment, and its tables."""

    def __init__(
        self, moment: Moment, namespace: str, new_table: Callable[[Resource], AnyTable]
    ) -> None:
        """Prepare to read; nothing is opened yet. `new_table` makes the namespace's tables."""
        record.encode_name(namespace, "namespace")
        self._reader = moment.reader
        self._moment = moment
        self._namespace = namespace
        self._new_table = new_table
        self._known_tables: dict[str, AnyTable] = {}
        self._origin: str | None = None
        """The namespace that this one was forked from, where that is known."""
        self.left_out: frozenset[str] = frozenset()
        """Tables that `changes` leaves out, those of a layer on top; none at first.

        Stores and snapshots made from this one have the same.
        """

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.directory}, namespace {self._namespace!r}>"

    @property
    def directory(self) -> Path:
        """The directory of the instance."""
        return self._reader.directory

    @property
    def instance(self) -> int:
        """A number that no other instance has; processes that share an instance see the same."""
        return self._reader.instance

    @property
    def current_namespace(self) -> str:
        """The namespace that calls use unless they name another."""
        return self._namespace

    # --- Tables ---

    def table(self, name: str) -> AnyTable:
        """Return a table, the same object each time. Raises `UnknownTable`.

        A table that is not built in is looked up the first time, which raises as every read.
        """
        known = self._known_tables.get(name) if isinstance(name, str) else None
        if known is None:
            resource = self._resource(name)
            known = self._known_tables.get(resource.table) or self._new_table(resource)
            self._known_tables[resource.table] = self._known_tables[name] = known
        return known

    def _named(self, name: str) -> AnyTable:
        """Return a table by its name, as `store.coupons`."""
        if name.startswith("_"):
            raise AttributeError(name)
        table = self.__dict__[name] = self.table(name)
        return table

    if not TYPE_CHECKING:  # for which only what is declared is there
        __getattr__ = _named

    def _forget_tables(self) -> None:
        for name in self._known_tables:
            self.__dict__.pop(name, None)
        self._known_tables.clear()

    def __dir__(self) -> list[str]:
        """Name the tables too."""
        return [*super().__dir__(), *self.tables()]

    def tables(self) -> list[str]:
        """Return the names of the existing tables, the built-in ones first.

        Raises as every read.
        """
        defined = sorted(content["id"] for content in definitions(self._moment))
        return [resource.table for resource in RESOURCES] + defined

    def _resource(self, name: str) -> Resource:
        known = BY_NAME.get(name) if isinstance(name, str) else None
        if known is not None:
            return known
        try:
            return defined_resource(definitions(self._moment)[name])
        except InvalidRequest:  # the store is closed, or the snapshot has ended
            raise
        except (LookupError, ValueError):
            from tiger.nearest import hint  # noqa: PLC0415 - only slips need it

            calls = [call for call in dir(type(self)) if not call.startswith("_")]
            raise UnknownTable(
                f"no table {name!r:.80}: `tigerd tables` lists them, store.define() makes one"
                f"{hint(name, [*BY_NAME, *calls])}",
                table=name if isinstance(name, str) else None,
            ) from None

    # --- Namespaces ---

    def namespaces(self) -> dict[str, int]:
        """Return the namespaces that hold records, and the number of records in each.

        The result is `{name: number}`, in alphabetical order. The cost depends on the number of
        tables and namespaces, not of records. Raises as every read.
        """
        resources = resources_of(self._moment)

        def read(commit: int) -> dict[str, int]:
            counts: dict[str, int] = {}
            for resource in resources:
                table = self._reader.table(resource.number, resource.table)
                for version in table.namespaces(commit):
                    name = version.key.decode()
                    counts[name] = counts.get(name, 0) + Lineage(table, version, commit).count()
            return {name: counts[name] for name in sorted(counts) if counts[name]}

        return self._moment.read(read)

    def _leaving_out(self, other: Same) -> Same:
        """Return another namespace's reads, whose `changes` leave out the same tables."""
        other.left_out = self.left_out
        return other

    # --- Changes ---

    def changes(self, since: Mark | None = None) -> Differences:
        """Return the changes in this namespace since a mark, in all tables except `left_out`.

        `left_out` is a set of names, empty unless a layer such as tigerstripe has tables of its
        own. Without a mark, the changes are those since the namespace began, empty or as a fork.
        The cost is that of the records written in the namespace since then. Raises `InvalidRequest`
        if the mark is of another namespace or instance, was rolled back or released, or is later
        than the snapshot whose `changes` is called.
        """
        return self._compare(since, self.left_out)

    def _compare(self, since: Mark | None, left_out: frozenset[str]) -> Differences:
        start = commit_of(since, self._reader, self._namespace) if since is not None else None
        resources = [
            resource for resource in resources_of(self._moment) if resource.table not in left_out
        ]

        def read(commit: int) -> Differences:
            if start is not None and start > commit:
                raise InvalidRequest(f"{since!r} is later than this snapshot, of commit {commit}")
            return Differences(
                difference
                for resource in resources
                for difference in self._changes_of(resource, start, commit)
            )

        found = self._moment.read(read)
        if since is not None:
            commit_of(since, self._reader, self._namespace)  # it was held until here
        return found

    def _changes_of(self, resource: Resource, start: int | None, commit: int) -> list[Difference]:
        table = self._reader.table(resource.number, resource.table)
        name = self._namespace.encode()
        after = find_lineage(table, name, commit)
        if start is not None:
            before = find_lineage(table, name, start)
        elif self._origin is not None:
            before = find_lineage(table, self._origin.encode(), commit)
        else:
            before = after.parent() if after is not None else None
        return list(compare(table, resource.table, before, after, commit))

    def assert_changes(
        self,
        since: Mark | None = None,
        *,
        created: Mapping[str, int] | None = None,
        updated: Mapping[str, int] | None = None,
        deleted: Mapping[str, int] | None = None,
    ) -> None:
        """Raise AssertionError, with a list of the changes, unless exactly these numbers changed.

        `created={"events": 2}` means that two events are new and nothing else changed. Tables in
        `left_out` count only if they are named. Raises `UnknownTable` for a name that no table has.
        """
        __tracebackhide__ = True
        expected = {
            what: self._counts(what, tables)
            for what, tables in (("created", created), ("updated", updated), ("deleted", deleted))
        }
        self._compare(since, self.left_out.difference(*expected.values()))._check(expected)

    def _counts(self, what: str, tables: Any) -> dict[str, int]:
        """Return how many records are expected of each table, by its own name."""
        is_mapping = tables is None or isinstance(tables, Mapping)
        if not is_mapping or any(type(number) is not int for number in (tables or {}).values()):
            raise InvalidRequest(
                f"{what}={tables!r:.80}: use a dict of tables and how many records of each, as "
                f"{what}={{'coupons': 1}}"
            )
        # An unknown name would never be noticed.
        return {self._resource(name).table: number for name, number in (tables or {}).items()}


def definitions(moment: Moment) -> TableReads:
    """Return the table of the tables that users defined."""
    return TableReads(moment, DEFINITIONS, DEFINITIONS_NAMESPACE)


def resources_of(moment: Moment) -> list[Resource]:
    """Return all tables of an instance: the built-in ones, then those that users defined."""
    return [*RESOURCES, *map(defined_resource, definitions(moment))]
