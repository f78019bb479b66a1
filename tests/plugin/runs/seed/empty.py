"""A test that begins with nothing."""

import pytest
from holding import held

import tiger


@pytest.mark.tigerd(seed="seed.json")
def test_it(tiger_store: tiger.Store) -> None:
    assert held(tiger_store) == {}
    tiger_store.coupons.create({})
