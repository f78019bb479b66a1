"""A test whose seed cannot be made, and one that sees nothing of it."""

import tiger
import tigerstripe


def test_it(tiger_stripe: tigerstripe.Account) -> None:
    pass


def test_nothing_of_it_is_left(tiger_store_session: tiger.Store) -> None:
    seeds = [name for name in tiger_store_session.namespaces() if name.startswith("seed")]
    assert not seeds
