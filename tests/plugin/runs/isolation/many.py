"""Four hundred tests that begin with what they should, and write."""

import pytest
from holding import held

import tiger


def fill(store: tiger.Store, number: int) -> None:
    store.coupons.create({"id": f"of-{number}"})
    store.coupons.create({"id": "the-same"})
    store.plans.create({"amount": number})


@pytest.mark.parametrize("number", range(200))
def test_empty(tiger_store: tiger.Store, number: int) -> None:
    assert held(tiger_store) == {}
    assert tiger_store.coupons.count() == 0
    fill(tiger_store, number)
    assert tiger_store.coupons.count() == 2


@pytest.mark.tigerd(seed="seed.json")
@pytest.mark.parametrize("number", range(200))
def test_seeded(tiger_store: tiger.Store, number: int) -> None:
    assert held(tiger_store) == {"coupons": 1, "plans": 2}
    assert tiger_store.coupons.list().data == [{"id": "summer", "percent_off": 20}]
    assert [plan["amount"] for plan in tiger_store.plans.list().data] == [1, 2]
    fill(tiger_store, number)
    tiger_store.coupons.delete("summer")
    assert tiger_store.coupons.count() == 2
