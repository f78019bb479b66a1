"""Tests that see the one seed."""

import pytest

import tiger
from tigerd.pytest.runs import Instance


@pytest.mark.parametrize("number", range(5))
def test_it(tiger_store: tiger.Store, tiger_instance: Instance, number: int) -> None:
    coupons = list(tiger_store.coupons.list(limit=100).auto_paging_iter())
    assert [coupon["percent_off"] for coupon in coupons] == list(range(100))
    with tiger.connect(tiger_instance.directory) as store:
        seeds = [name for name in store.namespaces() if name.startswith("seed")]
        assert len(seeds) == 1
        # created in one commit, by one of the four
        [_only] = {d.commit for d in store.namespace(seeds[0]).changes()}
    with open("ids", "a") as file:
        file.write(" ".join(sorted(coupon["id"] for coupon in coupons)) + "\n")
