"""Tests that change the dict that was their seed."""

import pytest

import tiger

SEED = {"coupons": [{"id": "A"}]}


@pytest.fixture(scope="session")
def tiger_seed() -> object:
    return SEED


@pytest.mark.parametrize("number", range(2))
def test_it(tiger_store: tiger.Store, number: int) -> None:
    assert tiger_store.coupons.count() == 1
    SEED["coupons"].append({"id": f"more-{number}"})
