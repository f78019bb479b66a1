"""Tests of hypothesis, with one account for all examples and with one for each."""

from hypothesis import given, settings
from hypothesis import strategies as st

import tiger


@given(st.integers())
def test_refused(tiger_store: tiger.Store, number: int) -> None:
    pass


@settings(max_examples=5, deadline=None, database=None)
@given(st.integers())
def test_forked(tiger_store_module: tiger.Store, number: int) -> None:
    with tiger_store_module.sandbox() as store:
        assert store.coupons.count() == 0
        store.coupons.create({"id": "A"})
