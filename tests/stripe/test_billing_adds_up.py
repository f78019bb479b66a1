"""After any sequence what customers owe, pay and have adds up, even if several write at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import tigerstripe
from tests.stripe import biller
from tests.support import processes
from tests.support.seeds import new_random

WORKER = Path(biller.__file__)
T0 = 1_800_000_000


@pytest.mark.parametrize("number", range(4))
def test_money_neither_appears_nor_vanishes_in_any_history(account: Any, number: int) -> None:
    account.freeze(T0)
    one = biller.Biller(account, new_random())
    one.stock()
    for step in range(120):
        one.act()
        if step % 20 == 19:
            biller.check(account)
    account.advance(days=70)  # all that waits comes to its end
    assert sum(biller.check(account).values()) > 0


@contextmanager
def shared() -> Iterator[biller.Biller]:
    """An account that other processes may use, with what is sold in it."""
    with (
        processes.instance_directory() as directory,
        tigerstripe.connect(directory, namespace="biller", timeout_s=30.0) as account,
    ):
        account.freeze(T0)
        one = biller.Biller(account, new_random())
        one.stock()
        yield one


def crowd(one: biller.Biller, acts: list[tuple[str, ...]], count: int) -> Counter[str]:
    """Let processes do so many of their acts at once; return what was done."""
    directory, seed = one.account.store.directory, one.random.getrandbits(32)
    with processes.workers() as start:
        workers = [start(WORKER, directory, seed + n, count, *of) for n, of in enumerate(acts)]
        for worker in workers:
            worker.say("")
        return sum((Counter(worker.hear()) for worker in workers), Counter())


def good_customer(one: biller.Biller) -> str:
    customer: str = one.v1.customers.create({"email": "joe@example.com"}).id
    one.use_card(customer, "pm_card_visa")
    return customer


def test_two_processes_advance_one_account_and_each_period_is_billed_once() -> None:
    with shared() as one:
        monthly = {"price": one.sell(900, {"interval": "month"})}
        subscriptions = [
            one.v1.subscriptions.create({"customer": good_customer(one), "items": [monthly]})
            for _ in range(12)
        ]
        crowd(one, [("advance",)] * 2, 8)
        one.account.advance(hours=2)
        biller.check(one.account)
        for subscription in subscriptions:
            now = one.v1.subscriptions.retrieve(subscription.id)
            periods = [
                (line.period.start, line.period.end)
                for invoice in one.v1.invoices.list({"subscription": now.id, "limit": 100}).data
                for line in invoice.lines.data
            ][::-1]
            starts, ends = zip(*periods, strict=True)
            assert starts[0] == T0
            assert starts[1:] == ends[:-1]  # one after the other, none twice and none left out
            assert ends[-1] == now["items"].data[0].current_period_end > one.account.now


def test_one_process_pays_while_another_voids_and_each_invoice_is_one_or_the_other() -> None:
    with shared() as one:
        for _ in range(30):
            customer = good_customer(one)
            one.v1.invoice_items.create({"customer": customer, "amount": 900, "currency": "usd"})
            params = {"customer": customer, "pending_invoice_items_behavior": "include"}
            one.v1.invoices.finalize_invoice(one.v1.invoices.create(params).id)
        done = crowd(one, [("charge",), ("void",)], 60)
        invoices = biller.check(one.account)
        assert (done["charge"], done["void"]) == (invoices["paid"], invoices["void"])
        assert invoices["paid"] + invoices["void"] == 30
        assert one.account.store.charges.count() == invoices["paid"]


def test_several_do_all_there_is_at_once() -> None:
    with shared() as one:
        for _ in range(4):
            one.begin()
        done = crowd(one, [biller.ACTS] * 3, 30)
        one.account.advance(days=40)
        biller.check(one.account)
        assert sum(done.values()) > 0
