"""A test that fails the first time."""

import pytest

import tiger


@pytest.mark.flaky(reruns=1)
def test_it(
    tiger_store: tiger.Store, tiger_store_module: tiger.Store, request: pytest.FixtureRequest
) -> None:
    assert tiger_store.coupons.count() == 0
    tiger_store.coupons.create({"id": "A"})
    assert request.node.execution_count == 2
