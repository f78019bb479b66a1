"""Tests that change an account, and are red."""

import os
import signal

import pytest

import tiger
from tigerd.pytest.runs import Instance

SEED = {"coupons": [{"id": f"seed-{n}", "percent_off": 1} for n in range(5)]}


@pytest.fixture(scope="session")
def tiger_seed() -> object:
    return SEED


def change(store: tiger.Store) -> None:
    store.coupons.create({"id": "new", "percent_off": 20})
    store.coupons.patch("seed-1", {"percent_off": 2})
    store.coupons.delete("seed-2")
    store.plans.create({"id": "last"})


def test_seeded(tiger_store: tiger.Store) -> None:
    change(tiger_store)
    assert False


@pytest.mark.tigerd(seed=None)
def test_plain(tiger_store: tiger.Store) -> None:
    tiger_store.coupons.create({"id": "seed-1", "percent_off": 1})
    tiger_store.coupons.create({"id": "gone", "percent_off": 1})
    tiger_store.coupons.patch("seed-1", {"percent_off": 2})
    tiger_store.coupons.delete("gone")
    assert False


def test_many(tiger_store: tiger.Store) -> None:
    for number in range(50):
        tiger_store.coupons.create({"id": f"many-{number}", "text": "x" * 5000})
    assert False


def test_nothing(tiger_store: tiger.Store) -> None:
    assert False


def test_without_daemon(tiger_store: tiger.Store, tiger_instance: Instance) -> None:
    change(tiger_store)
    os.kill(tiger_instance.pid, signal.SIGKILL)
    assert False


def test_passes(tiger_store: tiger.Store) -> None:
    tiger_store.coupons.create({"id": "of-a-green-test"})


@pytest.mark.xfail
def test_expected(tiger_store: tiger.Store) -> None:
    tiger_store.coupons.create({"id": "of-an-expected-failure"})
    assert False
