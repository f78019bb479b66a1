"""A test of the inner suite."""

import os

from holding import held

import tiger
from tigerd.pytest.runs import Instance


def test_inner(tiger_store: tiger.Store, tiger_instance: Instance) -> None:
    assert held(tiger_store) == {}
    assert os.environ["TIGERD_NAMESPACE"] == tiger_store.current_namespace
    assert str(tiger_instance.directory) == os.environ["OUTER_DIRECTORY"]
