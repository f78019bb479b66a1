"""Kills the daemon of the instance that it was told to use."""

import os

import tiger
from tigerd.pytest.runs import Instance


def test_it(tiger_store: tiger.Store, tiger_instance: Instance) -> None:
    tiger_store.coupons.create({"id": "A"})
    os.kill(tiger_instance.pid, 9)
    assert tiger_store.coupons.count() == 1
    tiger_store.coupons.create({"id": "B"})
