"""Looks at the environment within a test with an account, and after it."""

import os

import tiger


def test_inside(tiger_store: tiger.Store) -> None:
    assert os.environ["TIGERD_DIR"] == str(tiger_store.directory)
    assert os.environ["TIGERD_NAMESPACE"] == tiger_store.current_namespace


def test_after() -> None:
    assert os.environ["TIGERD_NAMESPACE"].startswith("outside-main-")
