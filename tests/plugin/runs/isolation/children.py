"""Processes of every kind that a test starts."""

import multiprocessing
import os
import subprocess
import sys

import pytest

import tiger

PROGRAM = "import tiger; s = tiger.connect(); s.coupons.create({'id': 'C'}); s.close()"


def child() -> None:
    with tiger.connect() as store:
        store.coupons.create({"id": "C"})


def test_subprocess(tiger_store: tiger.Store) -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
    assert tiger_store.coupons.get("C") == {"id": "C"}


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_multiprocessing(tiger_store: tiger.Store, method: str) -> None:
    process = multiprocessing.get_context(method).Process(target=child)  # type: ignore[attr-defined]
    process.start()
    process.join()
    assert process.exitcode == 0
    assert tiger_store.coupons.get("C") == {"id": "C"}


def test_the_newest_account_is_found(
    tiger_store_session: tiger.Store, tiger_store_module: tiger.Store
) -> None:
    assert os.environ["TIGERD_NAMESPACE"] == tiger_store_module.current_namespace


def test_command_line(tiger_store: tiger.Store) -> None:
    put = [sys.executable, "-m", "tigerd", "put", "coupons"]
    subprocess.run(put, input=b'{"id": "D"}', check=True)
    assert tiger_store.coupons.count() == 1
