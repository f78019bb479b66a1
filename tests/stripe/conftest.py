"""An account of each test's own, on the instance that the tests of this process share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe

import tigerstripe
from tests.stripe.alarms import Alarms
from tigerstripe.objects import registry


@pytest.fixture
def account(shared_store: Any) -> Iterator[tigerstripe.Account]:
    """An empty account; the SDK of this process talks to it."""
    account = tigerstripe.Account(shared_store)
    with account.installed():
        yield account


@pytest.fixture
def served(account: tigerstripe.Account) -> tigerstripe.Account:
    """The account, whose answers lead to pages that this process serves."""
    account.serve_pages()
    return account


@pytest.fixture
def mine(shared_store: Any) -> tigerstripe.Account:
    """An account of the test's own, in this process."""
    return tigerstripe.Account(shared_store)


@pytest.fixture
def customer(account: Any) -> str:
    """The id of a customer who has nothing yet."""
    return str(stripe.Customer.create(email="a@b.c").id)


@pytest.fixture
def shop(account: Any) -> str:
    """The id of a connected account that may take money."""
    made = stripe.Account.create(type="express", country="US")
    return str(account.onboard(made)["id"])


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


@pytest.fixture
def alarms(monkeypatch: pytest.MonkeyPatch) -> Alarms:
    """The resource of the object `alarm`, done one at a time."""
    found = Alarms(together=False)
    monkeypatch.setattr(registry, "need", found.needed)
    return found


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(account: Any) -> Iterator[Start]:
    """Begin a process that advances the account, or a test clock of it, until a time.

    At the ring of an alarm of a number it waits.
    """
    begun: list[subprocess.Popen[str]] = []

    def started(until: int, stop: int = 0, *clock: str) -> subprocess.Popen[str]:
        where = [str(account.store.directory), account.name]
        arguments = [*where, str(until), str(stop), *clock]
        begun.append(
            subprocess.Popen(
                [sys.executable, "-m", "tests.stripe.alarms", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return begun[-1]

    yield started
    for process in begun:
        process.kill()
        process.communicate()
