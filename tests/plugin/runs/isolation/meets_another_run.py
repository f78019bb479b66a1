"""A test that waits for the same test of another run."""

import os
import time
from pathlib import Path

import tiger
from tigerd.pytest.runs import Instance


def test_it(tiger_store: tiger.Store, tiger_instance: Instance) -> None:
    tiger_store.coupons.create({"id": "A"})
    Path(f"run-{os.environ['RUN']}").touch()
    deadline = time.monotonic() + 30
    while not (Path("run-1").exists() and Path("run-2").exists()):
        assert time.monotonic() < deadline
    with tiger.connect(tiger_instance.directory) as store:
        assert list(store.namespaces()) == [tiger_store.current_namespace]
