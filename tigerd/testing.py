"""Accounts for tests that cannot use pytest's fixtures: unittest, Django, scripts.

class TestCheckout(unittest.TestCase):
    def setUp(self):
        self.store = self.enterContext(account())
"""

from __future__ import annotations

import atexit
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tiger import Store
from tiger.system import os
from tigerd.pytest import run_environment
from tigerd.pytest.accounts import Account, end_run, worker_of
from tigerd.pytest.run_environment import RunEnvironment
from tigerd.pytest.seeds import Seed

if TYPE_CHECKING:
    import tigerstripe

__all__ = ["account", "stripe_account"]


@contextlib.contextmanager
def account(seed: Seed = None, *, name: str = "account") -> Iterator[Store]:
    """Give a store in its own account, which is cleared after the block.

    The account begins empty, or with a seed. A seed is a dict of lists of records, or the path of
    a JSON file of such a dict, and is loaded once and then forked. It may also be a file of
    requests or a function for a Stripe account, as with `tiger_seed`. Processes that are started
    within the block use the account. `name` is the beginning of its namespace's name.

    In a pytest run the account is in the run's instance, and the report of a failed test shows its
    changes. Elsewhere it is in the instance at `TIGERD_DIR`; if that is not set, in an instance of
    this process, which is removed when the process ends. The first call starts a daemon if none
    runs (about 60 ms); each call takes two writes (0.1 ms).

    Raises `InvalidDocument` for a wrong seed, and otherwise as `tiger.connect` and writes do.
    """
    with _begun(seed, name) as made:
        yield made.store


@contextlib.contextmanager
def stripe_account(seed: Seed = None, *, name: str = "stripe") -> Iterator[tigerstripe.Account]:
    """Give a new Stripe account that the `stripe` package uses within the block.

    It takes the same seeds as `account`, and is cleared after the block. Python processes that are
    started within the block use it too, `session.url` leads to a page, and under pytest the report
    of a failed test lists the requests that failed, as with the fixture `tiger_stripe`.

    Raises ImportError without the `stripe` package, and otherwise as `account` does.
    """
    from tigerd.pytest.stripe_account import installed  # noqa: PLC0415 - few tests need it

    with _begun(seed, name) as made, installed(made) as of_stripe:
        yield of_stripe


@contextlib.contextmanager
def _begun(seed: Seed, name: str) -> Iterator[Account]:
    """Give an account that is gone after the block, or after the report of its test."""
    environment = run_environment.current() or _begin()
    made = Account(worker_of(environment), name, seed)
    here = environment.here
    if here.accounts is not None:
        here.accounts.append(made)
    before = os.environ.get(run_environment.NAMESPACE)
    environment.begin()
    environment.show(made.name)
    has_failed = True
    try:
        yield made
        has_failed = False
    finally:
        environment.show(before)
        environment.end()
        if here.accounts is None:
            made.close(has_failed=has_failed)
        else:  # the plugin does it, after the test's report was made
            made.is_left = True
            if made not in here.accounts:
                here.accounts.append(made)


def _begin() -> RunEnvironment:
    """Begin a run that lasts as long as this process."""
    environment = RunEnvironment()
    environment.enter()
    atexit.register(end_run, environment, has_failures=False)
    return environment
