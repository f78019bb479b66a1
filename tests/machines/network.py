"""Hosts in a network of this test's own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from benchmarks.network import Network, NoNetwork

ENGINE = "E"


@contextmanager
def network_of(names: Sequence[str]) -> Iterator[Network]:
    """Give a network of hosts and an engine; skips where none may be made."""
    made = Network([*names, ENGINE], os.getpid() % 250 + 1)
    try:
        made.up()
    except NoNetwork as error:
        made.down()
        pytest.skip(str(error))
    try:
        yield made
    finally:
        made.down()
