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
