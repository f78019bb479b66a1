"""Every third test fails."""

import pytest

import tiger


@pytest.mark.parametrize("number", range(20))
def test_it(
    tiger_store: tiger.Store,
    tiger_store_module: tiger.Store,
    tiger_store_session: tiger.Store,
    number: int,
) -> None:
    tiger_store.coupons.create({"id": "A"})
    assert number % 3
