"""The suite's clients: whichever store it is, an account answers the same and leaves nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks import records
from benchmarks.peers import PEERS
from benchmarks.suite.clients import CLIENTS, TABLE, Client

RECORDS = records.make(TABLE, 20)


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest, short_directory: Path) -> Iterator[Client]:
    peer = PEERS[request.param]()
    if absent := peer.missing():
        pytest.skip(absent)
    peer.start(short_directory)
    try:
        with closing(CLIENTS[request.param](short_directory)) as client:
            yield client
    finally:
        peer.stop(short_directory)


@pytest.fixture
def short_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make a directory whose path leaves room for the name of a socket."""
    directory = tmp_path_factory.mktemp("peer")
    yield directory
    shutil.rmtree(directory)


def test_an_account_returns_what_was_written(client: Client) -> None:
    with client.account() as account:
        for record in RECORDS[:15]:
            account.insert(record)
        account.insert_many(RECORDS[15:])

        assert [account.get(record["id"]) for record in RECORDS] == RECORDS
        assert ids(account.list10()) == ids(RECORDS[10:])
        for customer in records.customers(len(RECORDS)):
            owned = [record for record in RECORDS if record["customer"] == customer]
            assert ids(account.find_by(customer)) == ids(owned)


def test_accounts_see_nothing_of_each_other(client: Client) -> None:
    with client.account() as first, client.account() as second:
        first.insert(RECORDS[0])
        second.insert(RECORDS[1])
        assert ids(first.list10()) == {RECORDS[0]["id"]}
        assert ids(second.list10()) == {RECORDS[1]["id"]}


def test_an_account_begins_empty_after_others_have_ended(client: Client) -> None:
    for _ in range(3):
        with client.account() as account:
            assert ids(account.list10()) == set()
            account.insert_many(RECORDS)


def ids(found) -> set[str]:
    """Return the ids, in no order: Redis has another one within a second."""
    return {record["id"] for record in found}
