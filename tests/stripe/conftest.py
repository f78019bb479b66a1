"""An account of each test's own, on the instance that the tests of this process share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

import tigerstripe


@pytest.fixture
def account(shared_store: Any) -> Iterator[tigerstripe.Account]:
    """An empty account; the SDK of this process talks to it."""
    account = tigerstripe.Account(shared_store)
    with account.installed():
        yield account


@pytest.fixture
def client(account: tigerstripe.Account) -> stripe.StripeClient:
    """A client on the account."""
    return account.client()


@pytest.fixture
def price(account: tigerstripe.Account) -> str:
    """The id of a price of 15 dollars."""
    return stripe.Price.create(currency="usd", unit_amount=1500, product_data={"name": "Mug"}).id


@pytest.fixture
def monthly(account: tigerstripe.Account) -> str:
    """The id of a price of 10 dollars a month."""
    return stripe.Price.create(
        currency="usd",
        unit_amount=1000,
        product_data={"name": "Plan"},
        recurring={"interval": "month"},
    ).id
