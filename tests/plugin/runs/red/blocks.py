"""Tests that fail in blocks which undo what was done in them."""

import asyncio

import pytest

import tiger
import tiger.aio


@pytest.fixture(scope="session")
def tiger_seed() -> object:
    return {"coupons": [{"id": "seed"}]}


def test_savepoint(tiger_store: tiger.Store) -> None:
    tiger_store.coupons.create({"id": "before"})
    with tiger_store.savepoint():
        tiger_store.coupons.delete("seed")
        assert False


def test_sandbox(tiger_store: tiger.Store) -> None:
    with tiger_store.sandbox() as store:
        store.coupons.create({"id": "of-sandbox"})
        assert False


def test_fork(tiger_store_module: tiger.Store) -> None:
    try:
        with tiger_store_module.fork() as store:
            store.coupons.create({"id": "of-fork"})
            raise KeyError
    except KeyError as error:
        raise ValueError from error


def test_awaited(tiger_store_aio: tiger.aio.AsyncStore) -> None:
    async def change() -> None:
        async with tiger_store_aio.savepoint():
            await tiger_store_aio.coupons.create({"id": "of-await"})
            assert False

    asyncio.run(change())


def test_expected(tiger_store: tiger.Store) -> None:
    with pytest.raises(KeyError), tiger_store.savepoint():
        tiger_store.coupons.create({"id": "of-expected"})
        raise KeyError
    assert False
