"""What a table keeps of what it read, and what threads that read at once make of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tiger import table
from tiger.store import Store
from tiger.table import NOWHERE, Table

ROOM = 10_000


def read_twice(coupons: Table, *names: str) -> None:
    for name in names * 3:
        assert coupons.get(name) == coupons.peek(name)


def remembered(coupons: Table) -> set[str]:
    """The ids that are remembered; what they take is what was charged."""
    view = coupons._view
    assert view.sizes.keys() == view.seen.keys() >= view.shown.keys()
    assert view.room + sum(view.sizes.values()) == ROOM
    assert view.room >= 0
    return set(view.seen)


def test_a_record_that_grows_or_shrinks_is_charged_for_what_it_is(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "REMEMBERED_BYTES", ROOM)
    coupons = shared_store.coupons
    for name in "abc":
        coupons.insert({"id": name})
    read_twice(coupons, *"abc")
    assert remembered(coupons) == set("abc")
    for size, kept in ((4000, "ab"), (3000, "abc"), (20, "abc"), (ROOM, "")):
        for name in "abc":
            coupons.update({"id": name, "text": "x" * size})
        read_twice(coupons, *"abc")
        assert remembered(coupons) == set(kept), size


def test_a_full_list_of_ids_read_once_is_begun_again(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where threads have put more into it than it is for."""
    shared_store.coupons.insert_many({"id": f"c{number}"} for number in range(10))
    for number in range(9):
        shared_store.coupons.get(f"c{number}")
    monkeypatch.setattr(table, "READ_ONCE_MAX", 4)
    shared_store.coupons.get("c9")
    assert list(shared_store.coupons._view.once) == ["c9"]


def test_two_threads_that_read_first_at_once_share_one_mapping(
    store: Store,
) -> None:
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

    class Overtaken(Table):
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if name == "_view":
                super().__setattr__(name, NOWHERE)

    shared_store.customers.insert({"id": "cus_1", "email": "a@b"})
    store = begin(shared_store)
    name = store.current_namespace
    store.customers.insert({"id": name, "email": "a@b"})
    customers = Overtaken(store._reader, store._resource("customers"), name, store)
    assert customers.get(name) == {"id": name, "email": "a@b"}
    if store is not shared_store:
        store.clear_namespace()
