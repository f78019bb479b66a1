"""All calls of the store against a plain dict: hypothesis writes programs, the dict is right.

A fork is a copy of the dict, a rollback an older copy of it.

Everything is read through two connections, the one that writes and one that only reads, since a
client remembers what it has read. `created` values collide and come out of order; values that
Python holds equal (1, 1.0, True) are told apart, by comparing JSON texts.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

import tiger
from tests.support.records import exactly

Record = dict[str, Any]

NAMESPACES = ("global", "one", "two", "three")
TABLES = ("coupons", "plans", "subscription_schedules", "gadgets")
GADGETS = {"prefix": "gad", "url": "/v1/gadgets", "indexes": ("colour", "status")}
ACTIVE = {
    "coupons": ("valid", [True]),
    "plans": ("active", [True]),
    "subscription_schedules": ("status", ["not_started", "active"]),
}
FINDERS = {
    "coupons": [],
    "plans": ["product"],
    "subscription_schedules": ["customer", "status"],
    "gadgets": ["colour", "status"],
}
FIELDS = ("valid", "active", "status", "product", "customer", "colour", "note")


# The model


def is_same(left: Any, right: Any) -> bool:
    """Whether a filter for one value finds the other: by type, but -0.0 is 0.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(is_same(left[k], right[k]) for k in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(is_same, left, right))
    return bool(left == right)


def created_of(record: Record) -> float:
    """The first part of a record's place."""
    created = record.get("created")
    return created if isinstance(created, (int, float)) and not isinstance(created, bool) else 0


class ModelTable:
    """One table of one namespace: records by id, and when each id was first inserted."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.inserted: dict[str, int] = {}
        self.inserts = 0
        self.has_begun = False
        """Whether it had a record since it was cleared."""

    def write(self, record: Record) -> None:
        """Inserts, or replaces in place."""
        name = record["id"]
        if name not in self.records:
            self.inserts += 1
            self.inserted[name] = self.inserts
        self.records[name] = copy.deepcopy(record)
        self.has_begun = True

    def delete(self, name: str) -> bool:
        """Whether it was there."""
        return self.records.pop(name, None) is not None

    def patched(self, name: str, changes: Record) -> Record:
        """The record with the changes; None takes a key away."""
        merged = {**self.records[name], **changes}
        return {key: value for key, value in merged.items() if changes.get(key, 0) is not None}

    def clear(self) -> None:
        """No records; inserts go on being counted."""
        self.records.clear()
        self.has_begun = False

    def take(self, other: ModelTable) -> None:
        """Becomes an exact copy."""
        self.records = copy.deepcopy(other.records)
        self.inserted = dict(other.inserted)
        self.inserts = max(self.inserts, other.inserts)
        self.has_begun = other.has_begun

    def listed(self, filters: Record | None = None) -> list[Record]:
        """All records that match, in the order of `list`."""
        found = [
            record
            for record in self.records.values()
            if all(
                field in record and is_same(record[field], value)
                for field, value in (filters or {}).items()
            )
        ]
        place = {
            record["id"]: (created_of(record), self.inserted[record["id"]]) for record in found
        }
        return sorted(found, key=lambda record: place[record["id"]], reverse=True)

    def active(self, table: str) -> list[Record]:
        """What `find_active` gives."""
        field, values = ACTIVE[table]
        return [
            record
            for record in self.listed()
            if field in record and any(is_same(record[field], value) for value in values)
        ]


Model = dict[str, dict[str, ModelTable]]


def empty_model() -> Model:
    """Every namespace with every table."""
    return {namespace: {table: ModelTable() for table in TABLES} for namespace in NAMESPACES}


# What the programs are made of

IDS = ("a", "b", "c", "d", "e", "f", "é", " ", "x" * 255)
ids = st.sampled_from(IDS)
created = st.sampled_from([1, 2, 3, 3.0, 2.5, 0, -1, 10**12, None, "text", -0.0])
values = st.sampled_from(
    [
        *(True, False, None, 0, 1, 1.0, 0.0, -0.0, "", "1", "true"),
        *("x", "y", "active", "not_started", "z" * 300, 2**63, -(2**63)),
        "long" * 3_000,  # a few of these make the daemon clean up
        *([], {}, [1], [1.0], {"k": 1, "j": [True]}, {"j": [True], "k": 1}),
    ]
)
fields = st.dictionaries(st.sampled_from(FIELDS), values, max_size=4)


@st.composite
def bodies(draw: st.DrawFn) -> Record:
    """A record without its id."""
    body = draw(fields)
    if draw(st.booleans()) or draw(st.booleans()):
        body["created"] = draw(created)
    return body


@st.composite
def records(draw: st.DrawFn) -> Record:
    """A record with its id, anywhere among its keys."""
    body, name = draw(bodies()), draw(ids)
    return {**body, "id": name} if draw(st.booleans()) else {"id": name, **body}


changes = st.dictionaries(st.sampled_from([*FIELDS, "created"]), values | st.none(), max_size=3)
namespaces = st.sampled_from(NAMESPACES)
tables = st.sampled_from(TABLES)
limits = st.sampled_from([1, 2, 3, 10, 100, 1_000])
scalars = values.filter(lambda value: not isinstance(value, (list, dict)))
filter_values = st.dictionaries(st.sampled_from(FIELDS), scalars, min_size=1, max_size=2)
operations = st.one_of(
    st.tuples(st.just("insert"), tables, records()),
    st.tuples(st.just("update"), tables, records()),
    st.tuples(st.just("create"), tables, records()),
    st.tuples(st.just("patch"), tables, ids, changes),
    st.tuples(st.just("delete"), tables, ids),
    st.tuples(st.just("clear_namespace"), tables, namespaces),
)


touches = st.tuples(st.integers(0, 29), st.none() | bodies())


class StoreMachine(RuleBasedStateMachine):
    """One instance, three namespaces, four tables, two connections, and the dict."""

    snapshots: Bundle[tuple[str, Any, Model, ExitStack]] = Bundle("snapshots")
    marks: Bundle[tuple[str, Any, dict[str, ModelTable]]] = Bundle("marks")

    def __init__(self, writer: Any, reader: Any) -> None:
        super().__init__()
        self.stores = {name: writer.namespace(name) for name in NAMESPACES}
        self.readers = {name: reader.namespace(name) for name in NAMESPACES}
        for name in NAMESPACES * len(NAMESPACES):  # what the program before this one left
            with suppress(tiger.Sealed):  # forks go before their parents
                writer.clear_namespace(name)
        self.model = empty_model()
        self.origins: dict[tuple[str, str], str] = {}
        """What the tables of namespaces that are forks were forked from."""
        self.open_snapshots = ExitStack()
        self.commit = writer.ping()["commit"]

    def table(self, namespace: str, table: str) -> tuple[Any, ModelTable]:
        """The table to write to, and the model's."""
        return self.stores[namespace].table(table), self.model[namespace][table]

    def both(self, namespace: str, table: str) -> Iterator[Any]:
        """The table through the connection that writes, and through the one that reads."""
        yield self.stores[namespace].table(table)
        yield self.readers[namespace].table(table)

    def is_refused(self, namespace: str, write: Callable[[], object]) -> bool:
        """Whether the namespace has forks, so that a write to it is refused and changes nothing."""
        if namespace not in self.origins.values():
            return False
        with pytest.raises(tiger.Sealed):
            write()
        return True

    def forget(self, namespace: str, table: str) -> None:
        """A table of a namespace was cleared: it is no fork any more either."""
        self.model[namespace][table].clear()
        self.origins.pop((namespace, table), None)

    # Writes

    @rule(namespace=namespaces, table=tables, record=records(), call=st.sampled_from("iu"))
    def insert_or_update(self, namespace: str, table: str, record: Record, call: str) -> None:
        real, model = self.table(namespace, table)
        write = real.insert if call == "i" else real.update
        if self.is_refused(namespace, lambda: write(record)):
            return
        written = write(record)
        assert exactly(written) == exactly(record)
        model.write(record)

    @rule(namespace=namespaces, table=tables, body=bodies())
    def insert_without_an_id(self, namespace: str, table: str, body: Record) -> None:
        real, model = self.table(namespace, table)
        if self.is_refused(namespace, lambda: real.insert(body)):
            return
        written = real.insert(body)
        assert exactly({**body, "id": written["id"]}) == exactly(written)
        assert written["id"] not in model.records
        model.write(written)

    @rule(namespace=namespaces, table=tables, record=records())
    def create(self, namespace: str, table: str, record: Record) -> None:
        real, model = self.table(namespace, table)
        if self.is_refused(namespace, lambda: real.create(record)):
            return
        if record["id"] in model.records:
            with pytest.raises(tiger.AlreadyExists):
                real.create(record)
        else:
            assert exactly(real.create(record)) == exactly(record)
            model.write(record)

    @rule(namespace=namespaces, table=tables, name=ids, changes=changes)
    def patch(self, namespace: str, table: str, name: str, changes: Record) -> None:
        real, model = self.table(namespace, table)
        if self.is_refused(namespace, lambda: real.patch(name, changes)):
            return
        if name in model.records:
            expected = model.patched(name, changes)
            assert exactly(real.patch(name, changes)) == exactly(expected)
            model.write(expected)
        else:
            with pytest.raises(tiger.NotFound):
                real.patch(name, changes)

    @rule(namespace=namespaces, table=tables, name=ids, field=st.sampled_from(FIELDS), value=values)
    def modify(self, namespace: str, table: str, name: str, field: str, value: Any) -> None:
        real, model = self.table(namespace, table)
        if name in model.records:
            if self.is_refused(namespace, lambda: real.modify(name, dict)):
                return
            expected = {**model.records[name], field: value}
            real.modify(name, lambda record: {**record, field: value})
            model.write(expected)
        else:
            with pytest.raises(tiger.NotFound):
                real.modify(name, dict)

    @rule(namespace=namespaces, table=tables, record=records(), is_current=st.booleans())
    def update_if_version(
        self, namespace: str, table: str, record: Record, is_current: bool
    ) -> None:
        real, model = self.table(namespace, table)
        if record["id"] not in model.records:
            return
        version = real.version(record["id"])
        if self.is_refused(namespace, lambda: real.update(record, if_version=version)):
            return
        if is_current:
            real.update(record, if_version=version)
            model.write(record)
        else:
            with pytest.raises(tiger.Conflict):
                real.update(record, if_version=version - 1)

    @rule(namespace=namespaces, table=tables, name=ids)
    def delete(self, namespace: str, table: str, name: str) -> None:
        real, model = self.table(namespace, table)
        if not self.is_refused(namespace, lambda: real.delete(name)):
            assert real.delete(name) is model.delete(name)

    @rule(
        namespace=namespaces,
        table=tables,
        many=st.lists(records(), max_size=12, unique_by=lambda record: record["id"]),
    )
    def insert_many(self, namespace: str, table: str, many: list[Record]) -> None:
        real, model = self.table(namespace, table)
        if many and self.is_refused(namespace, lambda: real.insert_many(many)):
            return
        assert real.insert_many(many) == len(many)
        for record in many:
            model.write(record)

    @rule(namespace=namespaces, table=tables, through=namespaces)
    def clear_namespace_of_a_table(self, namespace: str, table: str, through: str) -> None:
        real = self.stores[through].table(table)
        if not self.is_refused(namespace, lambda: real.clear_namespace(namespace)):
            real.clear_namespace(namespace)
            self.forget(namespace, table)

    @rule(namespace=namespaces, through=namespaces)
    def clear_namespace(self, namespace: str, through: str) -> None:
        name = None if namespace == through else namespace
        if not self.is_refused(namespace, lambda: self.stores[through].clear_namespace(name)):
            self.stores[through].clear_namespace(name)
            for table in TABLES:
                self.forget(namespace, table)

    @rule(table=tables, through=namespaces)
    def clear(self, table: str, through: str) -> None:
        real = self.stores[through].table(table)
        begun = [name for name in NAMESPACES if self.model[name][table].has_begun]
        sealed = [name for name in begun if name in self.origins.values()]
        if sealed:
            assert self.is_refused(sealed[0], real.clear)
            return
        real.clear()
        for namespace in NAMESPACES:
            self.forget(namespace, table)

    @rule(namespace=namespaces, todo=st.lists(operations, max_size=8), fails=st.booleans())
    def batch(self, namespace: str, todo: list[tuple[Any, ...]], fails: bool) -> None:
        """Applied at once, or, where the block raises or a write of it cannot be, not at all."""
        after = copy.deepcopy(self.model)
        error = self.apply_to_model(after, namespace, todo, set(self.origins.values()))
        expected = error or (RuntimeError if fails else None)
        before = self.stores[namespace].ping()["commit"]
        if expected is None:
            self.apply_to_batch(namespace, todo, fails=False)
            self.model = after
            for call, table, *arguments in todo:
                if call == "clear_namespace":
                    self.origins.pop((arguments[0], table), None)
        else:
            with pytest.raises((expected, RuntimeError)):
                self.apply_to_batch(namespace, todo, fails)
            assert self.stores[namespace].ping()["commit"] == before

    def apply_to_batch(self, namespace: str, todo: list[tuple[Any, ...]], fails: bool) -> None:
        with self.stores[namespace].batch() as batch:
            for call, table, *arguments in todo:
                getattr(batch.table(table), call)(*arguments)
            if fails:
                raise RuntimeError("the block raised")

    @staticmethod
    def apply_to_model(
        model: Model, namespace: str, todo: list[tuple[Any, ...]], sealed: set[str]
    ) -> type[Exception] | None:
        """Changes the model; the error of the first write that cannot be done, if there is one."""
        had_begun = {name: table.has_begun for name, table in model[namespace].items()}
        for call, table, *arguments in todo:
            records = model[namespace][table]
            if (arguments[0] if call == "clear_namespace" else namespace) in sealed:
                return tiger.Sealed
            if call == "clear_namespace":
                model[arguments[0]][table].clear()
                had_begun[table] &= arguments[0] != namespace
            elif call == "delete":
                records.delete(arguments[0])
            elif call == "patch":
                if arguments[0] not in records.records:
                    return tiger.NotFound
                records.write(records.patched(*arguments))
            else:
                if call == "create" and arguments[0]["id"] in records.records:
                    return tiger.AlreadyExists
                records.write(arguments[0])
        for name, written in model[namespace].items():
            written.has_begun = had_begun[name] or bool(written.records)
        return None

    # Forks and marks

    @rule(parent=namespaces, child=namespaces)
    def fork(self, parent: str, child: str) -> None:
        begun = [name for name in TABLES if self.model[parent][name].has_begun]
        if any(table.has_begun for table in self.model[child].values()):
            with pytest.raises(tiger.AlreadyExists):
                self.stores[parent].begin_fork(child)
        else:
            self.stores[parent].begin_fork(child)
            for name in begun:
                self.model[child][name].take(self.model[parent][name])
                self.origins[child, name] = parent
                for record in self.model[parent][name].records:
                    version = self.stores[parent].table(name).version(record)
                    assert self.readers[child].table(name).version(record) == version

    @rule(target=marks, namespace=namespaces)
    def mark(self, namespace: str) -> tuple[str, Any, dict[str, ModelTable]]:
        mark = self.stores[namespace].mark()
        self.open_snapshots.callback(mark.release)
        return namespace, mark, copy.deepcopy(self.model[namespace])

    @rule(mark=consumes(marks))
    def rollback(self, mark: tuple[str, Any, dict[str, ModelTable]]) -> None:
        namespace, moment, tables = mark
        model = self.model[namespace]
        another = next(name for name in NAMESPACES if name != namespace)
        with pytest.raises(tiger.InvalidRequest):
            self.stores[another].rollback(moment)
        try:
            self.stores[namespace].rollback(moment)
        except tiger.Sealed:
            assert namespace in self.origins.values()
            return
        if namespace in self.origins.values():  # then there was nothing to undo
            for name in TABLES:
                assert exactly(model[name].records) == exactly(tables[name].records)
            return
        for name, old in tables.items():
            had_begun = model[name].has_begun
            model[name].take(old)
            if not old.has_begun:
                self.forget(namespace, name)
            model[name].has_begun = old.has_begun and (had_begun or bool(old.records))
        with pytest.raises(tiger.InvalidRequest):
            self.stores[namespace].rollback(moment)
        self.compare(self.readers[namespace], model)

    @rule(mark=marks, elsewhere=st.booleans())
    def changes_since_a_mark(
        self, mark: tuple[str, Any, dict[str, ModelTable]], elsewhere: bool
    ) -> None:
        namespace, moment, tables = mark
        store = (self.readers if elsewhere else self.stores)[namespace]
        self.compare_changes(store.changes(moment), tables, self.model[namespace])

    @rule(namespace=namespaces)
    def changes_since_the_beginning(self, namespace: str) -> None:
        before = {
            name: self.model[self.origins[namespace, name]][name]
            if (namespace, name) in self.origins
            else ModelTable()
            for name in TABLES
        }
        found = self.readers[namespace].changes()
        self.compare_changes(found, before, self.model[namespace])

    @staticmethod
    def compare_changes(
        found: Any, before: dict[str, ModelTable], after: dict[str, ModelTable]
    ) -> None:
        """What `changes` gives is what is not the same in two copies."""
        expected = {}
        for name in TABLES:
            old, new = before[name].records, after[name].records
            for identity in {*old, *new}:
                texts = json.dumps(old.get(identity)), json.dumps(new.get(identity))
                if texts[0] != texts[1]:
                    expected[name, identity] = texts
        assert {
            (change.table, change.id): (json.dumps(change.before), json.dumps(change.after))
            for change in found
        } == expected
        assert len(found) == len(expected)

    # Reads

    @rule(namespace=namespaces, table=tables, name=ids)
    def get(self, namespace: str, table: str, name: str) -> None:
        expected = self.model[namespace][table].records.get(name)
        for real in self.both(namespace, table):
            assert exactly(real.get(name, None)) == exactly(expected)
            assert (name in real) is (expected is not None)
            if expected is None:
                with pytest.raises(tiger.NotFound):
                    real.get(name)
                with pytest.raises(tiger.NotFound):
                    real.peek(name)
            else:
                assert exactly(real.get(name)) == exactly(real[name]) == exactly(expected)
                assert exactly(real.peek(name)) == exactly(expected)
                assert real.version(name) <= self.commit

    @rule(
        namespace=namespaces,
        table=tables,
        limit=limits,
        filters=filter_values | st.just({}),
        direction=st.sampled_from(["first", "starting_after", "ending_before"]),
        data=st.data(),
    )
    def list_a_page(
        self,
        namespace: str,
        table: str,
        limit: int,
        filters: Record,
        direction: str,
        data: st.DataObject,
    ) -> None:
        expected = self.model[namespace][table].listed(filters)
        arguments: Record = {"limit": limit, **filters}
        has_more = len(expected) > limit
        if direction != "first" and expected:
            cursor = data.draw(st.sampled_from(expected))["id"]
            place = [record["id"] for record in expected].index(cursor)
            arguments[direction] = cursor
            if direction == "starting_after":
                has_more = len(expected) - place - 1 > limit
                expected = expected[place + 1 :]
            else:
                has_more = place > limit
                expected = expected[max(0, place - limit) : place]
        for real in self.both(namespace, table):
            page = real.list(**arguments)
            assert exactly(page.data) == exactly(expected[: min(limit, 100)])
            assert page.has_more is has_more

    @rule(namespace=namespaces, table=tables, name=ids, direction=st.sampled_from("sb"))
    def list_from_an_unknown_cursor(
        self, namespace: str, table: str, name: str, direction: str
    ) -> None:
        if name in self.model[namespace][table].records:
            return
        arguments = {"starting_after" if direction == "s" else "ending_before": name}
        for real in self.both(namespace, table):
            with pytest.raises(tiger.InvalidCursor):
                real.list(**arguments)

    @rule(namespace=namespaces, table=tables, limit=limits, filters=filter_values | st.just({}))
    def page_through(self, namespace: str, table: str, limit: int, filters: Record) -> None:
        expected = self.model[namespace][table].listed(filters)
        for real in self.both(namespace, table):
            paged = real.list(limit=limit, **filters).auto_paging_iter()
            assert exactly(list(paged)) == exactly(expected)
            assert real.count(**filters) == len(expected)

    @rule(namespace=namespaces, table=tables, value=values)
    def find(self, namespace: str, table: str, value: Any) -> None:
        model = self.model[namespace][table]
        for real in self.both(namespace, table):
            for field in FINDERS[table]:
                expected = model.listed({field: value})
                assert exactly(getattr(real, f"find_by_{field}")(value)) == exactly(expected)
            for field in FIELDS:
                expected = model.listed({field: value})
                assert exactly(real.find_by(field, value)) == exactly(expected)
            if table in ACTIVE:
                assert exactly(real.find_active()) == exactly(model.active(table))

    @rule(namespace=namespaces, table=tables, through=namespaces)
    def list_namespace(self, namespace: str, table: str, through: str) -> None:
        expected = self.model[namespace][table].listed()
        for real in self.both(through, table):
            listed = real.list_namespace(namespace)
            assert sorted(map(exactly, listed)) == sorted(map(exactly, expected))
        for real in self.both(namespace, table):
            assert exactly(list(real)) == exactly(expected)

    # Snapshots

    @rule(target=snapshots, namespace=namespaces, elsewhere=st.booleans())
    def open_snapshot(self, namespace: str, elsewhere: bool) -> tuple[str, Any, Model, ExitStack]:
        stack = ExitStack()
        self.open_snapshots.callback(stack.close)
        stores = self.readers if elsewhere else self.stores
        view = stack.enter_context(stores[namespace].snapshot())
        return namespace, view, copy.deepcopy(self.model), stack

    @rule(snapshot=snapshots)
    def read_snapshot(self, snapshot: tuple[str, Any, Model, ExitStack]) -> None:
        namespace, view, model, _ = snapshot
        self.compare(view, model[namespace])

    @rule(snapshot=consumes(snapshots))
    def close_snapshot(self, snapshot: tuple[str, Any, Model, ExitStack]) -> None:
        self.read_snapshot(snapshot)
        snapshot[3].close()

    # At every step, and at the end

    @invariant()
    def counts_are_right_and_commits_never_go_back(self) -> None:
        for namespace in NAMESPACES:
            for table in TABLES:
                expected = len(self.model[namespace][table].records)
                for real in self.both(namespace, table):
                    assert real.count() == len(real) == expected
        commit = self.stores["global"].ping()["commit"]
        assert commit >= self.commit
        self.commit = commit

    @rule()
    def the_namespaces_are_counted(self) -> None:
        expected = {
            namespace: sum(len(table.records) for table in self.model[namespace].values())
            for namespace in NAMESPACES
        }
        for store in (self.stores["global"], self.readers["global"]):
            found = {name: count for name, count in store.namespaces().items() if count}
            assert found == {name: count for name, count in expected.items() if count}

    @staticmethod
    def compare(store: Any, model: dict[str, ModelTable]) -> None:
        """Everything in a namespace, through every kind of read."""
        for name in TABLES:
            table, expected = store.table(name), model[name].listed()
            assert exactly(list(table)) == exactly(expected)
            assert exactly(table.list(limit=100).data) == exactly(expected[:100])
            assert table.count() == len(expected)
            for record in expected:
                assert exactly(table.get(record["id"])) == exactly(record)
            if name in ACTIVE:
                assert exactly(table.find_active()) == exactly(model[name].active(name))
            for field in FINDERS[name]:
                for value in ("x", "active", 1, True, None):
                    found = getattr(table, f"find_by_{field}")(value)
                    assert exactly(found) == exactly(model[name].listed({field: value}))

    def teardown(self) -> None:
        """Both connections agree with the model in everything."""
        self.open_snapshots.close()
        for namespace in NAMESPACES:
            self.compare(self.stores[namespace], self.model[namespace])
            self.compare(self.readers[namespace], self.model[namespace])


class ForkMachine(StoreMachine):
    """The same, from forks on: the namespace "one" is a fork of "global", "two" a fork of "one"."""

    @initialize(
        target=StoreMachine.marks,
        many=st.lists(st.tuples(tables, records()), min_size=8, max_size=30),
        own=st.lists(touches, min_size=1, max_size=6),
        more=st.lists(touches, max_size=6),
        depth=st.sampled_from([1, 1, 2]),
        marked=st.sampled_from(["one", "two"]),
    )
    def begin(
        self, many: list[Any], own: list[Any], more: list[Any], depth: int, marked: str
    ) -> tuple[str, Any, dict[str, ModelTable]]:
        for table, record in many:
            self.insert_or_update("global", table, record, "i")
        self.fork("global", "one")
        self.touch("one", many, own)
        if depth == 2:
            self.fork("one", "two")
            self.touch("two", many, more)
        self.begun = self.mark(marked)
        return self.begun

    def teardown(self) -> None:
        """Forks are read from every cursor; what was done since their beginning is undone."""
        for namespace in ("one", "two"):
            for table in TABLES:
                self.look_from_everywhere(namespace, table)
        namespace, mark, _ = self.begun
        with suppress(tiger.InvalidRequest):  # it was rolled back already
            mark._commit_in(mark._moment.reader, namespace)
            self.changes_since_a_mark(self.begun, True)
            self.rollback(self.begun)
        super().teardown()

    def touch(self, namespace: str, many: list[Any], touched: list[Any]) -> None:
        """Delete or overwrite what a fork inherits."""
        for place, body in touched:
            table, record = many[place % len(many)]
            if body is None:
                self.delete(namespace, table, record["id"])
            else:
                self.insert_or_update(namespace, table, {**body, "id": record["id"]}, "i")

    def look_from_everywhere(self, namespace: str, table: str) -> None:
        real = self.readers[namespace].table(table)
        expected = self.model[namespace][table].listed()
        for place, record in enumerate(expected):
            after = real.list(limit=100, starting_after=record["id"])
            before = real.list(limit=2, ending_before=record["id"])
            assert exactly(after.data) == exactly(expected[place + 1 :])
            assert exactly(before.data) == exactly(expected[max(0, place - 2) : place])
        for name in {*IDS} - self.model[namespace][table].records.keys():
            assert name not in real
            assert real.get(name, None) is None
            with pytest.raises(tiger.InvalidCursor):
                real.list(starting_after=name)


CI = settings(
    max_examples=80,
    stateful_step_count=50,
    deadline=None,  # the first write of an instance makes files; the hundredth does not
    derandomize=True,  # the same programs in every run: a failure belongs to the change at hand
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def test_a_fork_does_what_a_copy_would(directory: str, store: Any, tigerd: Any) -> None:
    store.define("gadgets", **GADGETS)
    with tiger.connect(directory) as reader:
        forks = settings(CI, max_examples=50)
        run_state_machine_as_test(lambda: ForkMachine(store, reader), settings=forks)
    assert tigerd("check", directory=directory).returncode == 0


def test_the_store_does_what_a_dict_would(directory: str, store: Any, tigerd: Any) -> None:
    store.define("gadgets", **GADGETS)
    with tiger.connect(directory) as reader:
        run_state_machine_as_test(lambda: StoreMachine(store, reader), settings=CI)
    assert tigerd("check", directory=directory).returncode == 0
