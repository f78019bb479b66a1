"""An empty account for each scenario; `scripts/test-sdks` runs them with the SDK's majors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import tigerstripe


@pytest.fixture
def account(shared_store: Any) -> Iterator[tigerstripe.Account]:
    """An empty account; the SDK of this process talks to it."""
    account = tigerstripe.Account(shared_store)
    with account.installed():
        yield account
