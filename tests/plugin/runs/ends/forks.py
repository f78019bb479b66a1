"""A test whose child ends its copy of the run."""

import os

import pytest

import tiger


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_it(tiger_store: tiger.Store, tiger_store_session: tiger.Store) -> None:
    for store in (tiger_store, tiger_store_session):
        store.coupons.create({"id": "A"})
    child = os.fork()
    if child == 0:
        pytest.exit("the child is done", returncode=7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    for store in (tiger_store, tiger_store_session):
        assert store.coupons.count() == 1
        store.coupons.create({"id": "B"})
