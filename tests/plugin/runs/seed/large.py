"""Tests that begin with 3000 records."""

import pytest

import tiger


@pytest.mark.tigerd(seed="seed.json")
@pytest.mark.parametrize("number", range(3))
def test_it(tiger_store: tiger.Store, number: int) -> None:
    assert tiger_store.plans.count() == 3000
    before = tiger_store.ping()["commit"]
    assert before < 20  # not a commit for each record
    tiger_store.plans.delete(next(iter(tiger_store.plans.list()))["id"])
    assert tiger_store.plans.count() == 2999
