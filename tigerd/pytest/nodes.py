"""The plugin's data about a run, kept in pytest's own objects.

Its parts share this: the run (`plugin`), the fixtures and the reports.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tigerd.pytest.accounts import Account
    from tigerd.pytest.run_environment import RunEnvironment

ENVIRONMENT = pytest.StashKey["RunEnvironment"]()
"""In the config: the environment that all processes of the run find."""
ACCOUNTS = pytest.StashKey[dict[str, "Account"]]()
"""In a test, class, module or session: the accounts that belong to it, by fixture."""
WIDE = pytest.StashKey[dict[str, str | None]]()
"""In the config: which account each fixture of a wide scope has that was set up."""
HAS_FAILED = pytest.StashKey[bool]()
"""In a test and all that it is in: whether a test of it has failed."""


def used(config: pytest.Config) -> RunEnvironment | None:
    """Return the run's environment if some process of the run has used the instance."""
    environment = config.stash.get(ENVIRONMENT, None)
    is_used = environment is not None and os.path.lexists(environment.directory)
    return environment if is_used else None


def accounts_of(item: pytest.Item, *, shared: bool = False) -> Iterator[tuple[str, Account]]:
    """Yield the accounts that a test uses, and their fixtures: its own, or those it shares."""
    for node in item.listchain()[:-1] if shared else [item]:
        for fixture, account in list(node.stash.get(ACCOUNTS, {}).items()):
            if not shared or fixture in fixtures_of(item):
                yield fixture, account


def fixtures_of(item: pytest.Item) -> list[str]:
    """Return the names of the fixtures that a test says it uses."""
    names: list[str] = getattr(item, "fixturenames", [])
    return names


def note_failure(item: pytest.Item) -> None:
    """Note in a test, and in all that it is in, that it has failed."""
    for node in item.listchain():
        node.stash[HAS_FAILED] = True


def show(environment: RunEnvironment, names: list[str | None] | None = None) -> None:
    """Let new processes find the narrowest account that the test of this thread uses, or none.

    Only fixtures that the test requests count, not those that others have set up before.
    """
    item = environment.here.test
    if names is None and item is not None:
        accounts = (*accounts_of(item, shared=True), *accounts_of(item))
        names = [account.name for _, account in accounts if not account.is_left]
    environment.show(names[-1] if names else None)


@contextlib.contextmanager
def failing_plainly() -> Iterator[None]:
    """Make an error of the store the test's error, without a traceback through this code."""
    from tiger import TigerError  # noqa: PLC0415

    try:
        yield
    except (TigerError, OSError) as error:
        raise pytest.fail.Exception(f"tigerd: {error}", pytrace=False) from None
