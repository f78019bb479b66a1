"""Uses accounts of a test, of a module and, once, of a process that is killed."""

import os

import pytest

import tiger
from tigerd.pytest.runs import Instance


@pytest.fixture(scope="session")
def tiger_seed() -> object:
    return {"coupons": [{"percent_off": 1}]}


@pytest.mark.parametrize("number", range(6))
def test_it(
    tiger_store: tiger.Store, tiger_store_module: tiger.Store, tiger_instance: Instance, number: int
) -> None:
    assert tiger_store.coupons.count() == 1
    tiger_store.plans.create({})
    tiger_store_module.plans.create({})
    assert number != 3


def test_killed(tiger_store: tiger.Store) -> None:
    if os.environ.get("PYTEST_XDIST_WORKER"):
        os.kill(os.getpid(), 9)
