"""Two tests that write; the second may be red."""

import os

import pytest

import tiger


@pytest.mark.tigerd(seed={"plans": [{"id": "seed"}]})
def test_green(tiger_store: tiger.Store) -> None:
    tiger_store.coupons.create({"id": "of-green"})


@pytest.mark.tigerd(seed={"plans": [{"id": "seed"}]})
def test_red(tiger_store: tiger.Store, tiger_store_module: tiger.Store) -> None:
    tiger_store_module.coupons.create({"id": "of-module"})
    tiger_store.coupons.create({"id": "of-red"})
    assert os.environ["IS_RED"] == "False"
