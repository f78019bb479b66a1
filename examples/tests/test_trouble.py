"""Faults on request: a busy API, and lost answers."""

from __future__ import annotations

import pytest
import stripe

from shop import orders
from shop.cart import Cart
from shop.checkout import check_out

ANN = "ann@example.com"
SESSIONS = "POST /v1/checkout/sessions"


@pytest.mark.parametrize(
    ("status", "error"), [(429, stripe.RateLimitError), (500, stripe.APIError)]
)
def test_when_stripe_is_in_trouble_the_goods_are_put_back(tiger_stripe, status, error):
    tiger_stripe.fail_next(SESSIONS, status=status)
    with pytest.raises(error):
        check_out("order_1", ANN, Cart(vase=1))
    assert orders.available("vase") == 1


def test_an_answer_that_gets_lost_is_asked_for_again(tiger_stripe, monkeypatch):
    """The SDK tries again with the same key: there is one page, not two."""
    monkeypatch.setattr(stripe, "max_network_retries", 1)
    tiger_stripe.fail_next(SESSIONS, lost="answer", retry=True)
    page = check_out("order_1", ANN, Cart(vase=1))
    assert [session.id for session in stripe.checkout.Session.list()] == [page.id]


def test_a_failed_expectation_says_what_happened_instead(tiger_stripe):
    stripe.Product.modify("prod_vase", name="Old vase")
    with pytest.raises(AssertionError) as failure:
        tiger_stripe.store.assert_changes(created={"customers": 1})
    assert "created customers: 0, not 1" in str(failure.value)
    assert "updated products prod_vase: name 'Vase' → 'Old vase'" in str(failure.value)
