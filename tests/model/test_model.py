"""All calls of the store against a plain dict: hypothesis writes programs, the dict is right.

Everything is read through two connections, the one that writes and one that only reads, since a
client remembers what it has read. `created` values collide and come out of order; values that
Python holds equal (1, 1.0, True) are told apart, by comparing JSON texts.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)

import tiger

Record = dict[str, Any]

NAMESPACES = ("global", "one", "two")
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


def exactly(value: Any) -> str:
    """A text that is equal for equal values of equal types only, whatever the order of keys."""
    return json.dumps(value, sort_keys=True)


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

    def write(self, record: Record) -> None:
        """Inserts, or replaces in place."""
        name = record["id"]
        if name not in self.records:
            self.inserts += 1
            self.inserted[name] = self.inserts
        self.records[name] = copy.deepcopy(record)

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

ids = st.sampled_from(["a", "b", "c", "d", "e", "f", "é", " ", "x" * 255])
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
filter_values = st.dictionaries(st.sampled_from(FIELDS), values, min_size=1, max_size=2)
operations = st.one_of(
    st.tuples(st.just("insert"), tables, records()),
    st.tuples(st.just("update"), tables, records()),
    st.tuples(st.just("create"), tables, records()),
    st.tuples(st.just("patch"), tables, ids, changes),
    st.tuples(st.just("delete"), tables, ids),
    st.tuples(st.just("clear_namespace"), tables, namespaces),
)


class StoreMachine(RuleBasedStateMachine):
    """One instance, three namespaces, four tables, two connections, and the dict."""

    snapshots: Bundle[tuple[str, Any, Model, ExitStack]] = Bundle("snapshots")

    def __init__(self, writer: Any, reader: Any) -> None:
        super().__init__()
        self.stores = {name: writer.namespace(name) for name in NAMESPACES}
        self.readers = {name: reader.namespace(name) for name in NAMESPACES}
        for store in self.stores.values():
            store.clear_namespace()  # what the program before this one left
        self.model = empty_model()
        self.open_snapshots = ExitStack()
        self.commit = writer.ping()["commit"]

    def table(self, namespace: str, table: str) -> tuple[Any, ModelTable]:
        """The table to write to, and the model's."""
        return self.stores[namespace].table(table), self.model[namespace][table]

    def both(self, namespace: str, table: str) -> Iterator[Any]:
        """The table through the connection that writes, and through the one that reads."""
        yield self.stores[namespace].table(table)
        yield self.readers[namespace].table(table)

    # Writes

    @rule(namespace=namespaces, table=tables, record=records(), call=st.sampled_from("iu"))
    def insert_or_update(self, namespace: str, table: str, record: Record, call: str) -> None:
        real, model = self.table(namespace, table)
        written = real.insert(record) if call == "i" else real.update(record)
        assert exactly(written) == exactly(record)
        model.write(record)

    @rule(namespace=namespaces, table=tables, body=bodies())
    def insert_without_an_id(self, namespace: str, table: str, body: Record) -> None:
        real, model = self.table(namespace, table)
        written = real.insert(body)
        assert exactly({**body, "id": written["id"]}) == exactly(written)
        assert written["id"] not in model.records
        model.write(written)

    @rule(namespace=namespaces, table=tables, record=records())
    def create(self, namespace: str, table: str, record: Record) -> None:
        real, model = self.table(namespace, table)
        if record["id"] in model.records:
            with pytest.raises(tiger.AlreadyExists):
                real.create(record)
        else:
            assert exactly(real.create(record)) == exactly(record)
            model.write(record)

    @rule(namespace=namespaces, table=tables, name=ids, changes=changes)
    def patch(self, namespace: str, table: str, name: str, changes: Record) -> None:
        real, model = self.table(namespace, table)
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
        if is_current:
            real.update(record, if_version=version)
            model.write(record)
        else:
            with pytest.raises(tiger.Conflict):
                real.update(record, if_version=version - 1)

    @rule(namespace=namespaces, table=tables, name=ids)
    def delete(self, namespace: str, table: str, name: str) -> None:
        real, model = self.table(namespace, table)
        assert real.delete(name) is model.delete(name)

    @rule(
        namespace=namespaces,
        table=tables,
        many=st.lists(records(), max_size=12, unique_by=lambda record: record["id"]),
    )
    def insert_many(self, namespace: str, table: str, many: list[Record]) -> None:
        real, model = self.table(namespace, table)
        assert real.insert_many(many) == len(many)
        for record in many:
            model.write(record)

    @rule(namespace=namespaces, table=tables, through=namespaces)
    def clear_namespace_of_a_table(self, namespace: str, table: str, through: str) -> None:
        self.stores[through].table(table).clear_namespace(namespace)
        self.model[namespace][table].clear()

    @rule(namespace=namespaces, through=namespaces)
    def clear_namespace(self, namespace: str, through: str) -> None:
        if namespace == through:
            self.stores[through].clear_namespace()
        else:
            self.stores[through].clear_namespace(namespace)
        for model in self.model[namespace].values():
            model.clear()

    @rule(table=tables, through=namespaces)
    def clear(self, table: str, through: str) -> None:
        self.stores[through].table(table).clear()
        for namespace in NAMESPACES:
            self.model[namespace][table].clear()

    @rule(namespace=namespaces, todo=st.lists(operations, max_size=8), fails=st.booleans())
    def batch(self, namespace: str, todo: list[tuple[Any, ...]], fails: bool) -> None:
        """Applied at once, or, where the block raises or a write of it cannot be, not at all."""
        after = copy.deepcopy(self.model)
        error = self.apply_to_model(after, namespace, todo)
        expected = error or (RuntimeError if fails else None)
        before = self.stores[namespace].ping()["commit"]
        if expected is None:
            self.apply_to_batch(namespace, todo, fails=False)
            self.model = after
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
        model: Model, namespace: str, todo: list[tuple[Any, ...]]
    ) -> type[Exception] | None:
        """Changes the model; the error of the first write that cannot be done, if there is one."""
        for call, table, *arguments in todo:
            records = model[namespace][table]
            if call == "clear_namespace":
                model[arguments[0]][table].clear()
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
        return None

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


CI = settings(
    max_examples=80,
    stateful_step_count=50,
    deadline=None,  # the first write of an instance makes files; the hundredth does not
    derandomize=True,  # the same programs in every run: a failure belongs to the change at hand
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def test_the_store_does_what_a_dict_would(directory: str, store: Any, tigerd: Any) -> None:
    store.define("gadgets", **GADGETS)
    with tiger.connect(directory) as reader:
        run_state_machine_as_test(lambda: StoreMachine(store, reader), settings=CI)
    assert tigerd("check", directory=directory).returncode == 0
