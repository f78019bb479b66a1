"""A test that runs a suite itself."""

import os
from pathlib import Path

import pytest

import tiger


@pytest.mark.parametrize("how", ["subprocess", "inprocess"])
def test_outer(tiger_store: tiger.Store, pytester: pytest.Pytester, how: str) -> None:
    tiger_store.coupons.create({"id": "A"})
    pytester.makepyfile(test_inner=Path(__file__).with_name("inner.py").read_text())
    namespace = os.environ["TIGERD_NAMESPACE"]
    run = pytester.runpytest_subprocess if how == "subprocess" else pytester.inline_run
    os.environ["OUTER_DIRECTORY"] = str(tiger_store.directory)
    assert run().ret == 0
    assert os.environ["TIGERD_NAMESPACE"] == namespace
    assert list(tiger_store.namespaces()) == [namespace]
    assert tiger_store.ping()["pid"]
