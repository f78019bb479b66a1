"""A writer without a socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.daemon import Daemon
from tests.support.file_system import new_directory


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """A daemon with nothing in it."""
    with new_directory() as place:
        yield Daemon(place)
