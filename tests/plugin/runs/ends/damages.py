"""A test that damages the instance of its run."""

import os

import tiger


def test_it(tiger_store: tiger.Store) -> None:
    tiger_store.coupons.insert({"id": "A"})
    with open(os.path.join(os.environ["TIGERD_DIR"], "control"), "r+b") as file:
        file.write(bytes(64))


def test_next() -> None:
    pass
