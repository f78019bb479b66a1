"""A seed of mappings that are no dicts, or no list."""

import os
from types import MappingProxyType

import pytest

import tiger

RECORDS = {
    "tuple": ({"id": "t"},),
    "generator": (item for item in [{"id": "t"}]),
    "values": {"t": {"id": "t"}}.values(),
    "proxies": [MappingProxyType({"id": "t"})],
}
SEED = MappingProxyType({"coupons": RECORDS[os.environ["KIND"]]})


@pytest.mark.tigerd(seed=SEED)
@pytest.mark.parametrize("number", range(2))
def test_it(tiger_store: tiger.Store, number: int) -> None:
    assert [coupon["id"] for coupon in tiger_store.coupons] == ["t"]
