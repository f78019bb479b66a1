"""Tests whose fixtures fail."""

from collections.abc import Iterator

import pytest

import tiger


@pytest.fixture(scope="session")
def tiger_seed() -> object:
    return {"coupons": [{"id": "seed-1"}]}


@pytest.fixture
def fails_first(tiger_store: tiger.Store) -> None:
    tiger_store.coupons.create({"id": "of-setup"})
    raise ValueError("setup")


def test_setup(fails_first: None) -> None:
    pass


@pytest.fixture
def fails_last(tiger_store: tiger.Store, tiger_store_module: tiger.Store) -> Iterator[None]:
    yield
    tiger_store_module.coupons.create({"id": "of-teardown"})
    raise ValueError("teardown")


def test_teardown(fails_last: None, tiger_store: tiger.Store) -> None:
    tiger_store.coupons.create({"id": "of-test"})


@pytest.fixture
def fails_after_it() -> Iterator[None]:
    yield
    raise ValueError("teardown")


def test_outer(fails_after_it: None, tiger_store: tiger.Store) -> None:
    tiger_store.coupons.create({"id": "of-test"})


@pytest.fixture(scope="module")
def module_fails_last(tiger_store_module: tiger.Store) -> Iterator[None]:
    yield
    raise ValueError("teardown")


def test_module(module_fails_last: None) -> None:
    pass
