"""The work of a test suite: 500 tests, each with 20 calls of the SDK."""

from __future__ import annotations

import pytest
import stripe


@pytest.mark.parametrize("number", range(500))
def test_customers(number: int) -> None:
    for place in range(5):
        email = f"{number}.{place}@example.com"
        customer = stripe.Customer.create(name="Ada Byron", email=email, metadata={"order": "1"})
        assert stripe.Customer.retrieve(customer.id).object == "customer"
        assert stripe.Customer.modify(customer.id, phone="+353 1 234").id == customer.id
        assert stripe.Customer.list(limit=10).data
