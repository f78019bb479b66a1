"""What a table keeps of what it read, and what threads that read at once make of it."""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tiger.errors import NotFound
from tiger.format import record
from tiger.reading import cache
from tiger.reading.cache import NOWHERE, RecordCache
from tiger.reading.reads import TableReads
from tiger.store import Store


class Looks:
    """Counts the full reads of a table, by key."""

    def __init__(self, table: TableReads, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count: Counter[bytes] = Counter()
        self._look = table._table.newest_body
        monkeypatch.setattr(table._table, "newest_body", self.newest_body)

    def newest_body(self, scope: int, key: bytes, commit: int) -> Any:
        self.count[key] += 1
        return self._look(scope, key, commit)


def remembered_ids(table: TableReads) -> set[str]:
    view = table._records.view
    both = (view._younger, view._elder)
    return {id for one in both for ids in (one.copied, one.shown, one.once) for id in ids}


# --- Why a remembered record is right ---


def write(store: Store) -> None:
    store.topups.update({"id": "A", "n": 2})


def delete(store: Store) -> None:
    store.topups.delete("A")


def delete_and_write(store: Store) -> None:
    store.topups.delete("A")
    store.topups.insert({"id": "A", "n": 3})


def clear(store: Store) -> None:
    store.clear_namespace()


def clear_and_write(store: Store) -> None:
    store.clear_namespace()
    store.topups.insert({"id": "A", "n": 4})


def grow(store: Store) -> None:
    """Let the index grow, so that all words of the old one are moved."""
    generation = max(store.topups._table.indexes)
    for start in range(0, 10_000, 500):
        store.topups.insert_many({"id": f"{start + n}"} for n in range(500))
        assert store.topups.get("A") == store.topups.peek("A") == {"id": "A", "n": 1}
        if max(store.topups._table.indexes) > generation:
            return
    raise AssertionError("it did not grow")


def grow_and_write(store: Store) -> None:
    grow(store)
    write(store)


CHANGES = {
    write: {"id": "A", "n": 2},
    delete: None,
    delete_and_write: {"id": "A", "n": 3},
    clear: None,
    clear_and_write: {"id": "A", "n": 4},
    grow: {"id": "A", "n": 1},
    grow_and_write: {"id": "A", "n": 2},
}


@pytest.mark.parametrize("is_fork", [False, True], ids=["own", "inherited"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_remembered_record_is_as_fresh_as_one_read_anew(
    shared_store: Store, is_fork: bool, change: Callable[[Store], None]
) -> None:
    """Of a namespace's own, and of a fork that inherits it and changes then."""
    shared_store.topups.insert({"id": "A", "n": 1})
    child = f"child-of-{shared_store.current_namespace}"
    test = shared_store.begin_fork(child) if is_fork else shared_store
    for _ in range(3):
        assert test.topups.get("A") == test.topups.peek("A") == {"id": "A", "n": 1}
        assert test.topups.read_version("A") == ({"id": "A", "n": 1}, test.topups.version("A"))
    change(test)
    for _ in range(3):
        assert test.topups.get("A", None) == CHANGES[change]
        if CHANGES[change] is None:
            with pytest.raises(NotFound, match="A"):
                test.topups.peek("A")
            with pytest.raises(NotFound, match="A"):
                test.topups.read_version("A")
        else:
            assert test.topups.peek("A") == CHANGES[change]
            assert test.topups.read_version("A") == (CHANGES[change], test.topups.version("A"))
    test.clear_namespace()


@pytest.mark.parametrize("change", [write, delete_and_write, delete])
def test_a_version_is_that_of_the_record_that_is_given_whatever_others_write_meanwhile(
    shared_store: Store, change: Callable[[Store], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    topups = shared_store.topups
    topups.insert({"id": "A", "n": 1})
    topups.get("A")
    look = topups._table.newest_body

    def overtaken(scope: int, key: bytes, commit: int) -> Any:
        found = look(scope, key, commit)
        monkeypatch.setattr(topups._table, "newest_body", look)
        change(shared_store)
        return found

    monkeypatch.setattr(topups._table, "newest_body", overtaken)
    if CHANGES[change] is None:
        with pytest.raises(NotFound):
            topups.read_version("A")
    else:
        assert topups.read_version("A") == (CHANGES[change], topups.version("A"))


# --- When it goes ---


def test_used_records_stay_and_deleted_or_unused_ones_go(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record beside many short-lived ones is hardly looked for again.

    Only when the daemon moves it, out of a chunk that is garbage otherwise.
    """
    monkeypatch.setattr(cache, "GENERATION_BYTES", 100_000)
    coupons = shared_store.coupons
    coupons.insert_many([{"id": "hot", "list": [1]}, {"id": "cold"}])
    looks = Looks(coupons, monkeypatch)
    for _ in range(3):
        coupons.get("hot")
        coupons.get("cold")
    coupons.peek("hot")
    moves, last = 0, 0
    for number in range(400):
        name = f"c{number % 50}"  # so few that the index does not grow
        coupons.insert({"id": name, "text": "x" * 1000})
        for _ in range(3):
            assert coupons.get(name) == coupons.peek(name)
        assert coupons.delete(name)
        word = coupons._table.newest(coupons._records.view.scope, b"hot").word
        assert coupons.get("hot") == coupons.peek("hot") == {"id": "hot", "list": [1]}
        moves += word != last
        last = word
    assert looks.count[b"hot"] <= 3 + 3 * moves
    kept = remembered_ids(coupons)
    assert "hot" in kept
    assert "cold" not in kept
    assert len(kept) < 200


def test_ids_that_were_read_once_go_too(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "GENERATION_BYTES", 10 * cache.ID_BYTES)
    coupons = shared_store.coupons
    coupons.insert_many({"id": f"c{number}"} for number in range(100))
    for number in range(100):
        coupons.get(f"c{number}")
    assert 10 <= len(remembered_ids(coupons)) <= 22
    assert "c99" in remembered_ids(coupons)


def test_tables_and_namespaces_share_one_bound(
    second_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record that is no longer read goes, though only others are read."""
    monkeypatch.setattr(cache, "GENERATION_BYTES", 20_000)
    with second_store.sandbox() as test:
        for table in (second_store.coupons, test.plans):
            table.insert({"id": "A"})
            table.peek("A")
            while not remembered_ids(table):  # a read beside the daemon's cleaning is not kept
                table.peek("A")
        test.plans.insert_many({"id": f"p{number}"} for number in range(200))
        for number in range(200):
            test.plans.peek(f"p{number}")
        assert not remembered_ids(second_store.coupons)


NESTED = {"id": "A", "rows": [{"a": [], "b": {}, "c": [{}]} for _ in range(3000)]}
TEXTS = {
    "id": "A",
    "text": "\u00fc\u4e16\U0001f600" * 3000,
    "ascii": [f"t{n}" for n in range(3000)],
}
NUMBERS = {
    "id": "A",
    "numbers": [n * 1_000_003 for n in range(3000)],
    "f": [n / 7 for n in range(3000)],
}


@pytest.mark.parametrize("item", [NESTED, TEXTS, NUMBERS], ids=["containers", "texts", "numbers"])
@pytest.mark.parametrize("call", ["get", "peek"])
def test_all_bytes_of_a_record_are_counted(
    shared_store: Store, item: dict[str, Any], call: str
) -> None:
    reviews = shared_store.reviews  # nothing else writes there: its index does not grow
    reviews.insert(item)
    read = getattr(reviews, call)
    reviews.get("A")
    counted = shared_store._reader.remembered
    charged = 0
    while charged <= 0:  # a read is not kept while the daemon takes a chunk away, say
        gc.collect()
        tracemalloc.start()
        try:
            size, before = counted.size, tracemalloc.get_traced_memory()[0]
            read("A")
            gc.collect()
            taken = tracemalloc.get_traced_memory()[0] - before
            charged = counted.size - size
        finally:
            tracemalloc.stop()
    assert taken > 100_000
    assert 0.9 * taken < charged < 3 * taken  # what notes a copy is not traced


@pytest.mark.parametrize("call", ["get", "peek"])
def test_a_record_that_would_drive_out_all_others_is_not_kept(
    shared_store: Store, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "RECORD_BYTES", 100_000)
    reviews = shared_store.reviews  # nothing else writes there: its index does not grow
    for item, is_kept in (({**NESTED, "rows": NESTED["rows"][:50]}, True), (NESTED, False)):
        reviews.insert(item)
        read = getattr(reviews, call)
        for _ in range(3):
            assert read("A") == item
        looks = Looks(reviews, monkeypatch)
        assert read("A") == item
        assert looks.count[b"A"] == (not is_kept)
        monkeypatch.undo()
        monkeypatch.setattr(cache, "RECORD_BYTES", 100_000)


def test_a_peeked_record_is_read_only_at_every_level() -> None:
    content: dict[str, Any] = {"id": "A", "a": {"b": [{"c": [1]}]}}
    frozen = record.freeze(record.thaw(content))
    assert frozen == content
    for value in (frozen, frozen["a"], frozen["a"]["b"], frozen["a"]["b"][0]):
        with pytest.raises(TypeError, match="read-only"):
            value.clear()


# --- Threads ---


def test_two_threads_that_read_first_at_once_share_one_mapping(store: Store) -> None:
    """Else what is remembered of one generation of the index would never be of the other."""
    coupons = store.coupons
    coupons.insert({"id": "A"})
    reader = coupons._table
    for maps, mapped in ((reader._map_index, reader.indexes), (reader._map_chunk, reader.chunks)):
        coupons.get("A")
        ((number, first),) = mapped.items()
        assert maps(number) is first  # as of a thread that saw that it was not mapped
        assert mapped == {number: first}


@pytest.mark.parametrize("begin", [lambda store: store, lambda store: store.begin_fork("cus_1")])
def test_a_thread_that_looks_again_reads_what_it_has_found(
    shared_store: Store, begin: Callable[[Store], Store]
) -> None:
    """And not what another thread, which has just begun to look again, has put in its place."""

    class Overtaken(RecordCache):
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if name == "view":
                super().__setattr__(name, NOWHERE)

    shared_store.customers.insert({"id": "cus_1", "email": "a@b"})
    store = begin(shared_store)
    name = store.current_namespace
    store.customers.insert({"id": name, "email": "a@b"})
    customers = store.customers
    customers._records = Overtaken(customers._moment, customers._table, name.encode())
    assert customers.get(name) == {"id": name, "email": "a@b"}
    if store is not shared_store:
        store.clear_namespace()
