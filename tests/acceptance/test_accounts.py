"""What a store in an account refuses: a sandbox, a fork, a test's namespace, beside others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import tiger

REMEDY = r"(?s)clear_namespace\(\).*clear\(everywhere=True\)"


@pytest.fixture
def sandbox(store: Any) -> Any:
    store.coupons.insert({"id": "theirs"})
    with store.sandbox() as test:
        test.coupons.insert({"id": "mine"})
        yield test


def clear_in_batch(test: Any, **options: Any) -> None:
    with test.batch() as batch:
        batch.coupons.clear(**options)


def clear_awaited(test: Any, **options: Any) -> None:
    async def main() -> None:
        settings = {"namespace": test.current_namespace}
        async with tiger.aio.connect(test.directory, **settings) as again:
            await again.coupons.clear(**options)

    asyncio.run(main())


def clear_of_another_connection(test: Any, **options: Any) -> None:
    """As in a process that a test starts, which finds the account in TIGERD_NAMESPACE."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIGERD_NAMESPACE", test.current_namespace)
        with tiger.connect(test.directory) as again:
            again.coupons.clear(**options)


CLEARS = {
    "store": lambda test, **options: test.coupons.clear(**options),
    "batch": clear_in_batch,
    "aio": clear_awaited,
    "another connection": clear_of_another_connection,
}


@pytest.mark.parametrize("clear", CLEARS.values(), ids=CLEARS)
def test_clear_in_an_account_is_refused_and_names_what_was_meant(store, sandbox, clear) -> None:
    with pytest.raises(tiger.InvalidRequest, match=REMEDY):
        clear(sandbox)
    assert store.coupons.count() == sandbox.coupons.count() == 1

    clear(sandbox, everywhere=True)
    assert store.coupons.count() == sandbox.coupons.count() == 0


def test_forks_are_accounts_too(store) -> None:
    store.coupons.insert({"id": "theirs"})
    with store.fork() as child, pytest.raises(tiger.InvalidRequest, match=REMEDY):
        child.coupons.clear()
    child = store.begin_fork("of-a-name")
    with pytest.raises(tiger.InvalidRequest, match=REMEDY):
        child.coupons.clear()
    child.clear_namespace()
    store.coupons.clear()
    assert store.namespaces() == {}


@pytest.mark.parametrize("clear", [CLEARS["store"], clear_in_batch])
def test_the_words_are_for_accounts_only(store, clear) -> None:
    place = store.namespace("test-1")
    place.coupons.insert({"id": "A"})
    clear(place)
    assert store.namespaces() == {}


def test_one_namespace_of_one_table_is_by_default_the_stores_own(store, sandbox) -> None:
    sandbox.plans.insert({"id": "gold"})
    assert sandbox.coupons.list_namespace() == [{"id": "mine"}]
    sandbox.coupons.clear_namespace()
    assert sandbox.coupons.list_namespace() == []
    with sandbox.batch() as batch:
        batch.plans.clear_namespace()
    assert store.namespaces() == {"global": 1}
