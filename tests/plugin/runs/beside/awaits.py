"""Tests of asyncio, each in a loop of its own."""

import pytest

import tiger
import tiger.aio


@pytest.mark.asyncio
async def test_it(tiger_store_aio: tiger.aio.AsyncStore, tiger_store: tiger.Store) -> None:
    await tiger_store_aio.coupons.create({"id": "A"})
    assert "A" in tiger_store.coupons
    assert tiger_store_aio.current_namespace == tiger_store.current_namespace


@pytest.mark.asyncio
async def test_another_loop(tiger_store_aio: tiger.aio.AsyncStore) -> None:
    assert tiger_store_aio.coupons.count() == 0
    await tiger_store_aio.coupons.create({"id": "A"})
