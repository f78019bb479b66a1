"""The sum that a balance is counted on from: it costs a day, and loses nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import stripe

from tests.support.seeds import new_random
from tigerstripe.payments import balances
from tigerstripe.work.unit import Work

T0 = 1_800_000_000
DAY_S = 24 * 3600


def pay(amount: int = 1000) -> None:
    stripe.PaymentIntent.create(
        amount=amount,
        currency="usd",
        payment_method="pm_card_visa",
        payment_method_types=["card"],
        confirm=True,
    )


def shown() -> tuple[int, int]:
    found = stripe.Balance.retrieve()
    return found.available[0].amount, found.pending[0].amount


def counted(account: Any) -> tuple[int, int]:
    """Return what is available and pending, by all transactions."""
    found: Counter[bool] = Counter()
    for one in account.store.balance_transactions:
        found[one["available_on"] <= account.now] += one["net"]
    return found[True], found[False]


def test_a_day_costs_its_own_transactions(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    since = Work.since

    def watched(work: Work, table: str, created: int) -> Any:
        found = since(work, table, created)
        read.append(len(found))
        return found

    monkeypatch.setattr(Work, "since", watched)
    account.freeze(T0)
    for _ in range(30):
        pay()
        account.advance(days=1)
    read.clear()
    account.advance(days=7)
    assert shown() == counted(account)
    assert len(read) > 7
    assert max(read) <= 3


def test_a_clock_that_is_set_back_loses_nothing(account: Any) -> None:
    random = new_random()
    account.freeze(T0)
    for step in range(60):
        pay(random.randint(60, 900))
        if step % 12 == 11:
            account.freeze(account.now - random.randint(1, 9) * DAY_S)
        else:
            account.advance(hours=random.randint(0, 40))
        assert shown() == counted(account)


def test_an_entry_posted_while_a_sum_is_closed_is_worked_out_again(
    account: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.freeze(T0)
    pay()
    account.advance(days=6)
    posts = balances.posts
    turns: list[int] = []

    def slowly(work: Work) -> None:
        posts(work)
        turns.append(work.now)
        if len(turns) == 1:  # meanwhile another process lets time go on
            account.advance(days=2)
            turns[1:] = []

    monkeypatch.setattr(balances, "posts", slowly)
    pay()
    monkeypatch.undo()
    assert len(turns) == 2
    account.advance(days=20)
    assert shown() == counted(account)


def test_an_entry_posted_before_two_closings_are_committed_together_is_counted(
    account: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.freeze(T0)
    pay()
    account.advance(days=8)
    for _ in range(2):  # of these days, money comes on two days
        pay()
        account.advance(days=1)
    commit = Work.commit

    def slowly(work: Work, log: Any) -> None:
        if work.has_written(balances.SETTINGS, "balance"):
            monkeypatch.undo()
            pay(777)  # by another process, before that of the closings is done
        commit(work, log)

    monkeypatch.setattr(Work, "commit", slowly)
    account.advance(days=20)
    assert Work.commit is commit
    assert shown() == counted(account)
    pay()
    account.advance(days=20)
    assert shown() == counted(account)
