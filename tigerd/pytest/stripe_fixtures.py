"""The fixtures of Stripe accounts: `tiger_stripe`, and those that several tests share.

    def test_checkout(tiger_stripe):
        stripe.Customer.create(email="jane@example.com")  # in this test's account

The plugin registers this module in every run, so it imports nothing; what it needs is loaded for
the first test that uses it. `docs/stripe-testing.md` is the page for users.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tigerd.pytest.nodes import ACCOUNTS

if TYPE_CHECKING:
    from tiger import Store
    from tigerstripe import Account

PREFIX = "tiger_stripe"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Load the fixtures' modules before a test can replace one of them."""
    is_run = not session.config.getoption("collectonly", False)
    names = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    if is_run and any(name.startswith(PREFIX) for name in names):
        import tigerd.pytest.stripe_account  # noqa: F401, PLC0415


@pytest.fixture
def tiger_stripe(request: pytest.FixtureRequest, tiger_store: Store) -> Iterator[Account]:
    """Give this test its own Stripe account, which the `stripe` package uses."""
    yield from _installed("tiger_store", request)


@pytest.fixture(scope="class")
def tiger_stripe_class(
    request: pytest.FixtureRequest, tiger_store_class: Store
) -> Iterator[Account]:
    """Give a Stripe account that the tests of a class share."""
    yield from _installed("tiger_store_class", request)


@pytest.fixture(scope="module")
def tiger_stripe_module(
    request: pytest.FixtureRequest, tiger_store_module: Store
) -> Iterator[Account]:
    """Give a Stripe account that the tests of a module share."""
    yield from _installed("tiger_store_module", request)


@pytest.fixture(scope="session")
def tiger_stripe_session(
    request: pytest.FixtureRequest, tiger_store_session: Store
) -> Iterator[Account]:
    """Give a Stripe account that all tests of a worker share."""
    yield from _installed("tiger_store_session", request)


def _installed(fixture: str, request: pytest.FixtureRequest) -> Iterator[Account]:
    """Let the SDK talk to the account of a fixture, or fail plainly where there is none."""
    from tigerd.pytest.stripe_account import installed  # noqa: PLC0415

    block = installed(request.node.stash[ACCOUNTS][fixture])
    try:
        account = block.__enter__()
    except ImportError as error:
        raise pytest.fail.Exception(f"{request.fixturename}: {error}", pytrace=False) from None
    try:
        yield account
    finally:
        block.__exit__(None, None, None)
