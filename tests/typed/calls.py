"""What a type checker says of the library's calls; `scripts/check` has mypy read this.

Each `type: ignore` stands where a slip must be found: mypy reports one that is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import assert_type

import tiger
from tiger.batch import BatchTable


def of_a_store(store: tiger.Store) -> None:
    assert_type(store.coupons, tiger.Table)
    assert_type(store.cards.find_by_customer("cus_1"), list[dict[str, Any]])
    assert_type(store.charges.find_by_payment_intent("pi_1"), list[dict[str, Any]])
    assert_type(store.webhook_endpoints.get("we_1"), dict[str, Any])
    assert_type(store.coupons.peek("A"), Mapping[str, Any])
    assert_type(store.table("parcels"), tiger.Table)
    assert_type(store.namespace("other").plans.count(product="prod_1"), int)
    store.nonsense()  # type: ignore[attr-defined]
    store.coupons.find_by_nonsense("x")  # type: ignore[attr-defined]
    store.coupons.find_by_customer("x")  # type: ignore[attr-defined]
    store.coupons.peek("A")["n"] = 1  # type: ignore[index]
    store.coupons.clear(True)  # type: ignore[call-arg]


def of_what_only_reads(view: tiger.Snapshot) -> None:
    assert_type(view.coupons.get("A", 5), Any)
    assert_type(view.charges.find_by_customer("cus_1"), list[dict[str, Any]])
    view.coupons.insert({"id": "A"})  # type: ignore[attr-defined]
    view.coupons.clear_namespace()  # type: ignore[attr-defined]
    view.batch()  # type: ignore[attr-defined]
    view.nonsense()  # type: ignore[attr-defined]
    view.coupons.find_by_nonsense("x")  # type: ignore[attr-defined]


def of_what_only_writes(batch: tiger.Batch) -> None:
    assert_type(batch.coupons, BatchTable)
    batch.coupons.get("A")  # type: ignore[attr-defined]
    batch.nonsense()  # type: ignore[attr-defined]


async def of_asyncio() -> None:
    async with tiger.aio.connect() as store:
        assert_type(store.charges.find_by_customer("cus_1"), list[dict[str, Any]])
        assert_type(await store.charges.insert({"id": "A"}), dict[str, Any])
        store.nonsense()  # type: ignore[attr-defined]
        store.coupons.find_by_nonsense("x")  # type: ignore[attr-defined]
