"""The work of a test suite: 500 tests, each with 20 inserts, 200 gets, 10 lists and 10 finds."""

from __future__ import annotations

import pytest

from benchmarks import records
from benchmarks.suite.clients import TABLE, Account

RECORDS = records.make(TABLE, 20)
CUSTOMERS = records.customers(len(RECORDS))  # each has ten of the records


@pytest.mark.parametrize("number", range(500))
def test_account(account: Account, number: int) -> None:
    for record in RECORDS:
        account.insert(record)
    for record in RECORDS * 10:
        assert account.get(record["id"])["customer"] == record["customer"]
    newest = {record["created"] for record in RECORDS[-10:]}
    for _ in range(10):
        assert {record["created"] for record in account.list10()} == newest
    for customer in CUSTOMERS * 5:
        assert [record["customer"] for record in account.find_by(customer)] == [customer] * 10
