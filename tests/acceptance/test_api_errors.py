"""The tree of errors: what a program may catch, and that each error says what to do."""

from __future__ import annotations

import inspect
import pickle

import pytest

import tiger

BASES = [
    ("NotFound", KeyError),
    ("AlreadyExists", Exception),
    ("Conflict", Exception),
    ("InvalidRecord", ValueError),
    ("InvalidCursor", ValueError),
    ("UnknownTable", Exception),
    ("StoreFull", Exception),
    ("DaemonUnavailable", ConnectionError),
    ("OutcomeUnknown", TimeoutError),
    ("LayoutMismatch", Exception),
]


@pytest.mark.parametrize(("name", "base"), BASES)
def test_every_error_is_a_tiger_error_and_what_python_users_catch(name: str, base: type) -> None:
    error = getattr(tiger, name)
    assert issubclass(error, tiger.TigerError)
    assert issubclass(error, base)
    assert issubclass(tiger.TigerError, Exception)


def test_an_error_says_its_message_as_it_is() -> None:
    """A plain KeyError would show the message in quotes."""
    for name, _ in BASES:
        assert str(getattr(tiger, name)("what happened")) == "what happened"


def test_an_error_survives_pickling(shared_store) -> None:
    """Test workers send their errors to another process."""
    with pytest.raises(tiger.NotFound) as caught:
        shared_store.coupons.get("nobody")
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is tiger.NotFound
    assert str(again) == str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda table: table.get("nobody"),
        lambda table: table["nobody"],
        lambda table: table.peek("nobody"),
        lambda table: table.version("nobody"),
        lambda table: table.patch("nobody", {}),
        lambda table: table.modify("nobody", dict),
    ],
    ids=["get", "getitem", "peek", "version", "patch", "modify"],
)
def test_not_found_names_the_id_the_table_and_the_namespace(shared_store, call) -> None:
    with pytest.raises(tiger.NotFound) as caught:
        call(shared_store.coupons)
    for part in ("nobody", "coupons", shared_store.current_namespace):
        assert part in str(caught.value)


def test_already_exists_names_the_id_and_the_remedy(shared_store) -> None:
    shared_store.coupons.insert({"id": "TWICE"})
    with pytest.raises(tiger.AlreadyExists, match=r"(?s)TWICE.*(insert|update)"):
        shared_store.coupons.create({"id": "TWICE"})


def test_conflict_names_the_id_and_the_remedy(shared_store) -> None:
    shared_store.coupons.insert({"id": "RACE"})
    version = shared_store.coupons.version("RACE")
    shared_store.coupons.insert({"id": "RACE"})
    with pytest.raises(tiger.Conflict, match=r"(?s)RACE.*(again|modify)"):
        shared_store.coupons.update({"id": "RACE"}, if_version=version)


def test_the_store_works_on_after_every_error(shared_store) -> None:
    coupons = shared_store.coupons
    coupons.insert({"id": "A"})
    for _ in range(3):
        with pytest.raises(tiger.AlreadyExists):
            coupons.create({"id": "A"})
        with pytest.raises(tiger.NotFound):
            coupons.patch("nobody", {"a": 1})
        with pytest.raises(tiger.InvalidRecord):
            coupons.insert({"id": ""})
        coupons.patch("A", {"touched": True})
    assert coupons.get("A") == {"id": "A", "touched": True}


def test_modify_refuses_an_async_function_and_says_what_to_do(shared_store) -> None:
    async def change(record: dict) -> dict:
        return record

    shared_store.coupons.insert({"id": "A"})
    with pytest.raises(tiger.InvalidRequest, match=r"(?s)'A' takes a plain function.*await"):
        shared_store.coupons.modify("A", change)
    assert shared_store.coupons.get("A") == {"id": "A"}


def test_every_error_says_when_it_is_raised() -> None:
    for name, kind in vars(tiger).items():
        if isinstance(kind, type) and issubclass(kind, tiger.TigerError):
            text = inspect.getdoc(kind) or ""
            assert kind is tiger.TigerError or "\n\nRaised " in text, name
