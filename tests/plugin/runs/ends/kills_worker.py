"""A test that is killed, and others that see what becomes of its account."""

import os
import time
from pathlib import Path

import pytest

import tiger


@pytest.fixture(scope="session")
def tiger_seed() -> object:
    return {"coupons": [{"id": "seed"}]}


def test_killed(tiger_store: tiger.Store, tiger_store_module: tiger.Store) -> None:
    for store in (tiger_store, tiger_store_module):
        store.coupons.create({"id": "of-the-dead"})
    with open("dead", "w") as file:
        file.write(tiger_store.current_namespace)
    os.kill(os.getpid(), 9)


@pytest.mark.parametrize("number", range(12))
def test_others(tiger_store: tiger.Store, tiger_store_module: tiger.Store, number: int) -> None:
    assert [c["id"] for c in tiger_store.coupons.list()] == ["seed"]
    assert "of-the-dead" not in [c["id"] for c in tiger_store_module.coupons.list()]
    deadline = time.monotonic() + 30
    while Path("places.txt").read_text().count("\n") < 3:
        assert time.monotonic() < deadline
    with tiger.connect(tiger_store.directory) as store:
        while True:
            if os.path.exists("dead"):
                names = {name.rsplit("-", 1)[0] for name in store.namespaces()}
                if ("test_killed" in names) == (os.environ["IS_KEPT"] == "True"):
                    break
            assert time.monotonic() < deadline
