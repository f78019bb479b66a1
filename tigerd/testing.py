"""An account for a test that pytest's fixtures do not reach: unittest, Django, a script.

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
    """Give a store in an account of its own, which is gone after the block.

    It begins empty, or with a seed: a dict of lists of records, or a path to such JSON, which is
    loaded once and then forked; or what makes it in a Stripe account, as `tiger_seed`. Processes
    that are started within the block find the account; `name` is how its namespace's name begins.

    In a run of pytest the account is in the run's instance, and the report of a test that failed
    tells what was changed in it. Elsewhere it is in the instance that runs at `TIGERD_DIR`; without
    that, in one of this process's own, which is removed when the process ends. The first call
    starts a daemon if none runs (some 60 ms), each one takes two writes (0.1 ms).

    Raises `InvalidDocument` for a seed that is wrong, and what `tiger.connect` and writes raise.
    """
    with _begun(seed, name) as made:
        yield made.store


@contextlib.contextmanager
def stripe_account(seed: Seed = None, *, name: str = "stripe") -> Iterator[tigerstripe.Account]:
    """Give a Stripe account of its own that the `stripe` package talks to within the block.

    As `account` gives a store: with the same seeds, and gone after the block. Python processes that
    are started within it use it too, `session.url` leads to a page, and under pytest the report of
    a test that failed tells of the requests that failed, as with the fixture `tiger_stripe`.

    Raises ImportError without the `stripe` package, and what `account` raises.
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
