"""Starts a process with the environment of another account."""

import os
import subprocess
import sys

import tiger

PROGRAM = "import tiger; s = tiger.connect(); s.coupons.create({'id': 'C'}); s.close()"


def test_it(tiger_store: tiger.Store, tiger_store_module: tiger.Store) -> None:
    assert tiger_store_module.environment == {
        "TIGERD_DIR": str(tiger_store.directory),
        "TIGERD_NAMESPACE": tiger_store_module.current_namespace,
    }
    environment = os.environ | tiger_store_module.environment
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment, check=True)
    assert (tiger_store.coupons.count(), tiger_store_module.coupons.count()) == (0, 1)
