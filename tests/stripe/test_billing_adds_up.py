"""After any sequence what customers owe, pay and have is the same money, whoever wrote at once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

import tigerstripe
from tests.faults import processes
from tests.stripe import biller
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
    assert biller.check(account)["paid"] > 0


def crowd(seed: int, crowds: list[tuple[str, ...]], count: int, subscriptions: int) -> Any:
    """Let processes do things at once in one account; return the invoices and what was done."""
    with (
        processes.instance_directory() as directory,
        processes.workers() as start,
        tigerstripe.connect(directory, namespace="biller", timeout_s=30.0) as account,
    ):
        account.freeze(T0)
        one = biller.Biller(account, Random(seed))
        one.stock()
        for _ in range(subscriptions):
            one.begin()
            one.act(("subscribe",))
        workers = [
            start(WORKER, directory, seed + n, count, *acts) for n, acts in enumerate(crowds)
        ]
        for worker in workers:
            worker.say("")
        done: Counter[str] = sum((Counter(worker.hear()) for worker in workers), Counter())
        account.advance(days=40)
        return biller.check(account), done


def test_two_processes_advance_one_account_and_each_period_is_billed_once() -> None:
    invoices, done = crowd(new_random().getrandbits(32), [("advance",)] * 2, 8, 12)
    assert done["advance"] == 16
    assert invoices["paid"] > 12


def test_one_process_pays_while_another_voids() -> None:
    crowds = [("invoice", "add_item", "pay"), ("void", "give_up", "pay_elsewhere", "finalize")]
    _, done = crowd(new_random().getrandbits(32), crowds, 60, 6)
    assert done["pay"] + done["void"] > 0


def test_several_do_all_there_is_at_once() -> None:
    invoices, _ = crowd(new_random().getrandbits(32), [biller.ACTS] * 3, 30, 4)
    assert invoices["paid"] > 0
