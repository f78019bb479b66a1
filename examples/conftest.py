"""What the tests share: the seed, the shop, and other processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tiger
from crowd import Crowd
from fakes import FakeBilling, define_tables, fake
from shop.front import Services, Shop

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def tiger_seed(tiger_instance) -> Path:
    """What every account begins with. The seed has tables of our own, which must be there first."""
    with tiger.connect(tiger_instance.directory) as store:
        define_tables(store)
    return HERE / "shop.json"


@pytest.fixture
def services(tiger_store: tiger.Store) -> Services:
    """The fakes, in this test's account."""
    return fake(tiger_store)


@pytest.fixture
def shop(services: Services) -> Shop:
    """The shop, in this test's account."""
    return Shop(services)


@pytest.fixture
def billing(tiger_store: tiger.Store) -> FakeBilling:
    """The fake billing service, for what happens without the shop."""
    return FakeBilling(tiger_store)


@pytest.fixture
def start_worker(tiger_store: tiger.Store) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start `python -m shop.worker`. The environment tells it of the account."""
    started = []

    def start() -> subprocess.Popen[bytes]:
        environment = {**os.environ, "SHOP_SERVICES": "fakes:connect"}
        command = [sys.executable, "-m", "shop.worker"]
        started.append(subprocess.Popen(command, cwd=HERE, env=environment))
        return started[-1]

    yield start
    for process in started:
        process.terminate()
    for process in started:
        process.wait()


@pytest.fixture(scope="session")
def crowd() -> Iterator[Crowd]:
    """Processes that do the same at the same moment."""
    crowd = Crowd()
    yield crowd
    crowd.close()
