"""A test that the environment does not lead to its account."""

import os

import tiger


def test_it(tiger_store: tiger.Store) -> None:
    assert os.environ["TIGERD_NAMESPACE"].startswith("outside-main-")
    assert tiger_store.environment["TIGERD_NAMESPACE"] == tiger_store.current_namespace
