"""Begins with a dict of its module."""

import pytest

import tiger


@pytest.fixture(scope="session")
def tiger_seed() -> object:
    return {"plans": [{"id": "of-module"}]}


def test_it(tiger_store: tiger.Store) -> None:
    assert tiger_store.coupons.count() == 0
    assert [plan["id"] for plan in tiger_store.plans.list()] == ["of-module"]
