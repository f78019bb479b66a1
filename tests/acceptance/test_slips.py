"""Slips: wrong names and wrong kinds of arguments, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tiger

WRONG = [None, 5, [1], b"x", {"n": 1}]

CALLS: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "get": (lambda s, x: s.coupons.get(x), "id .*not a string"),
    "peek": (lambda s, x: s.coupons.peek(x), "id .*not a string"),
    "delete": (lambda s, x: s.coupons.delete(x), "id .*not a string"),
    "patch": (lambda s, x: s.coupons.patch(x, {}), "id .*not a string"),
    "modify": (lambda s, x: s.coupons.modify("A", x), "function of a record.*patch"),
    "insert_many": (lambda s, x: s.coupons.insert_many(x), "list of records|not a record"),
    "wait_for": (lambda s, x: s.coupons.wait_for(x or 0, timeout_s=0), "function of a record"),
    "find_by": (lambda s, x: s.coupons.find_by(x, 1), "name of a field"),
    "find_active_by_code": (lambda s, x: s.promotion_codes.find_active_by_code(x), "use a string"),
    "get_by_type": (lambda s, x: s.webhook_deliveries.get_by_type(x), "use a string"),
    "delete_by_subscription": (
        lambda s, x: s.subscription_items.delete_by_subscription(x),
        "use its id",
    ),
    "rollback": (lambda s, x: s.rollback(x), "store.mark"),
    "assert_changes": (lambda s, x: s.assert_changes(created={"coupons": x}), "how many records"),
    "begin_fork": (lambda s, x: s.begin_fork(x), "namespace .*not a string"),
    "namespace": (lambda s, x: s.namespace(x), "namespace .*not a string"),
    "table": (lambda s, x: s.table(x), "no table"),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_kind_of_argument_is_named_with_what_to_use(shared_store, call: str) -> None:
    shared_store.coupons.insert({"id": "A"})
    make, words = CALLS[call]
    commit = shared_store.ping()["commit"]
    for value in WRONG:
        if call == "assert_changes" and value == 5:
            continue  # a number of records is what it takes
        with pytest.raises(tiger.TigerError, match=f"(?s){words}"):
            make(shared_store, value)
    assert shared_store.ping()["commit"] == commit


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        (lambda s: s.coupon, "Did you mean 'coupons'"),
        (lambda s: s.sandbx, "Did you mean 'sandbox'"),
        (lambda s: s.table("custmers"), "Did you mean 'customers'"),
        (lambda s: s.coupons.isert, "Did you mean 'insert'"),
        (lambda s: s.cards.find_by_custmer, r"find_by\('custmer', value\).*there are find_by_cust"),
        (lambda s: s.coupons.find_by_name, r"find_by\('name', value\)"),
    ],
)
def test_a_wrong_name_is_answered_with_the_likeliest_right_one(shared_store, slip, meant) -> None:
    with pytest.raises(AttributeError, match=meant):
        slip(shared_store)
