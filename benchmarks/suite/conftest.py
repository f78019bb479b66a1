"""Gives each test an account of its own, in the store that bench_suite.py names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.suite.clients import CLIENTS, Account, Client, TigerdAccount

PEER, DIRECTORY = os.environ["SUITE_PEER"], Path(os.environ["SUITE_DIRECTORY"])


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    with closing(CLIENTS[PEER](DIRECTORY)) as client:
        yield client


@pytest.fixture
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    """Use tigerd through its own plugin, and others through the client written here."""
    if PEER == "tigerd":
        yield TigerdAccount(request.getfixturevalue("tiger_store"))
        return
    with request.getfixturevalue("client").account() as account:
        yield account
