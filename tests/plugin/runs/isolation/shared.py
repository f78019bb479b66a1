"""Tests that share the accounts of their module, and of their worker."""

import os

from holding import held

import tiger


def test_first(
    tiger_store_module: tiger.Store, tiger_store_session: tiger.Store, tiger_store: tiger.Store
) -> None:
    names = {
        store.current_namespace for store in (tiger_store_module, tiger_store_session, tiger_store)
    }
    assert len(names) == 3
    assert held(tiger_store_module) == {}
    for store in (tiger_store_module, tiger_store_session):
        store.coupons.create({})


def test_second(
    tiger_store_module: tiger.Store, tiger_store_session: tiger.Store, tiger_store: tiger.Store
) -> None:
    assert tiger_store_module.coupons.count() == 1
    assert tiger_store_session.coupons.count() == int(
        os.environ["SECOND"] if __file__.endswith("b.py") else 1
    )
    assert held(tiger_store) == {}
