"""Tests that wait for their end; with WRITES_ON they write meanwhile."""

import os
import time
from contextlib import suppress

import pytest

import tiger


@pytest.mark.parametrize("number", range(4))
def test_it(tiger_store: tiger.Store, tiger_store_session: tiger.Store, number: int) -> None:
    tiger_store.coupons.create({"id": "A"})
    with open(f"ready-{os.getpid()}", "w") as file:
        file.write("ready\n")
    if "WRITES_ON" not in os.environ:
        time.sleep(60)
    until = time.monotonic() + 4
    while time.monotonic() < until:
        with suppress(tiger.TigerError):
            with tiger.connect(tiger_store.directory) as store:
                store.namespace("late").coupons.create({})
            tiger_store.coupons.create({})
