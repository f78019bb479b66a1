"""A test that kills the daemon, and goes on."""

import os

import pytest

import tiger
from tigerd.pytest.runs import Instance


@pytest.fixture(scope="session")
def tiger_seed() -> object:
    return {"coupons": [{"id": "seed"}]}


def test_it(
    tiger_store: tiger.Store, tiger_store_module: tiger.Store, tiger_instance: Instance
) -> None:
    tiger_store.coupons.create({"id": "before"})
    tiger_store_module.coupons.create({"id": "before"})
    pid = tiger_instance.pid
    os.kill(pid, 9)
    assert tiger_store.coupons.count() == 2
    tiger_store.coupons.create({"id": "after"})
    assert tiger_store.coupons.count() == 3
    assert tiger_store_module.coupons.count() == 2
    assert tiger_instance.pid != pid
    assert tiger_instance.socket.is_socket()
    with open("daemon", "w") as file:
        file.write(f"{tiger_instance.pid}")


def test_after(tiger_store: tiger.Store, tiger_instance: Instance) -> None:
    assert [c["id"] for c in tiger_store.coupons.list()] == ["seed"]
    os.kill(tiger_instance.pid, 9)
