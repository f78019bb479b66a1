"""What a program may want of an error is an attribute of it; nobody has to read the message."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import tiger
from tiger.store import Store


def get(store: Store) -> None:
    store.coupons.get("A")


def patch(store: Store) -> None:
    store.coupons.patch("A", {"n": 1})


def create(store: Store) -> None:
    store.coupons.insert({"id": "A"})
    store.coupons.create({"id": "A"})


def create_in_a_batch(store: Store) -> None:
    store.coupons.insert({"id": "A"})
    with store.batch() as batch:
        batch.prices.insert({"id": "other"})
        batch.coupons.create({"id": "A"})


def update(store: Store) -> None:
    store.coupons.insert({"id": "A"})
    version = store.coupons.version("A")
    store.coupons.insert({"id": "A"})
    store.coupons.update({"id": "A"}, if_version=version)


def page(store: Store) -> None:
    store.coupons.list(starting_after="A")


def wait(store: Store) -> None:
    store.coupons.wait_for(id="A", timeout_s=0)


RECORD = {"table": "coupons", "id": "A"}

CASES: list[tuple[Callable[[Store], None], type[tiger.TigerError], dict[str, Any]]] = [
    (get, tiger.NotFound, RECORD),
    (patch, tiger.NotFound, RECORD),
    (create, tiger.AlreadyExists, RECORD),
    (create_in_a_batch, tiger.AlreadyExists, RECORD),
    (update, tiger.Conflict, RECORD),
    (page, tiger.InvalidCursor, RECORD),
    (wait, tiger.TimedOut, {"table": "coupons", "timeout_s": 0}),
]


@pytest.mark.parametrize(("call", "kind", "facts"), CASES, ids=[case[0].__name__ for case in CASES])
def test_an_error_says_of_which_record_it_is(
    shared_store: Store, call: Callable[[Store], None], kind: type[tiger.TigerError], facts: Any
) -> None:
    with pytest.raises(kind) as caught:
        call(shared_store)
    found = dict(caught.value.facts)
    assert found.pop("namespace") == shared_store.current_namespace
    if kind is tiger.Conflict:
        assert found.pop("version") == shared_store.coupons.version("A")
    assert found == facts
    assert getattr(caught.value, "table") == "coupons"  # noqa: B009 - as a program reads it


def test_facts_are_pickled_with_the_error(shared_store: Store) -> None:
    """As by a pool that sends a worker's error to the process that asked."""
    with pytest.raises(tiger.NotFound) as caught:
        shared_store.coupons.get("A")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.facts) == (str(caught.value), caught.value.facts)


def test_a_sealed_namespace_is_named_with_its_forks(shared_store: Store) -> None:
    shared_store.coupons.insert({"id": "A"})
    with shared_store.fork(), shared_store.fork(), pytest.raises(tiger.Sealed) as caught:
        shared_store.coupons.insert({"id": "B"})
    assert caught.value.namespace == shared_store.current_namespace
    assert caught.value.forks == 2


def test_a_table_that_is_not_there_is_named(shared_store: Store) -> None:
    with pytest.raises(tiger.UnknownTable) as caught:
        shared_store.table("cupons")
    assert caught.value.table == "cupons"


def test_no_daemon_is_missed_in_a_directory(directory: str) -> None:
    with pytest.raises(tiger.DaemonUnavailable) as caught:
        tiger.connect(directory, autostart=False)
    assert caught.value.directory == Path(directory)


def test_where_no_room_is_an_error_has_the_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tiger import shortage

    free = shortage.os.statvfs(tmp_path)
    error = shortage.making_error(
        tmp_path / "file", 1 << 62, OSError(28, "No space left on device")
    )
    assert isinstance(error, tiger.StoreFull)
    assert error.needed == 1 << 62
    assert error.free == free.f_frsize * free.f_bavail


def kinds() -> Iterator[type[tiger.TigerError]]:
    for value in vars(tiger).values():
        if isinstance(value, type) and issubclass(value, tiger.TigerError):
            yield value


@pytest.mark.parametrize("kind", [*kinds()], ids=lambda kind: kind.__name__)
def test_a_fact_that_is_not_known_is_none(kind: type[tiger.TigerError]) -> None:
    error = kind("a message")
    assert error.facts == {}
    assert str(error) == "a message"
    for name in kind.declared():
        assert getattr(error, name) is None
        assert f"`{name}`" in str(kind.__doc__), f"{kind.__name__} does not say what {name} is"
