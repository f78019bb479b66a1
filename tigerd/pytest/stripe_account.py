"""A test's account as a Stripe account for the SDK, also in processes that the test starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tigerstripe
from tigerd.pytest.accounts import Account
from tigerstripe import children, told


@contextmanager
def installed(account: Account) -> Iterator[tigerstripe.Account]:
    """Let the SDK here, and in Python processes that are started, talk to an account.

    The report of its test tells of the requests that failed. Raises ImportError without `stripe`.
    """
    made = tigerstripe.Account(account.store)
    made.serve_pages()
    account.teller = told.Teller(made)
    with made.installed(), children.joining():
        yield made
