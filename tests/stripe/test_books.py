"""After any sequence the balance is the sum of its transactions, and each of these has a source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tigerstripe
from tests.stripe import till
from tests.support import processes
from tests.support.seeds import new_random

WORKER = Path(till.__file__)
PROCESSES = 4
ACTIONS = 12
ROUNDS = 2


def test_the_books_are_right_after_any_sequence(account: Any) -> None:
    random = new_random()
    account.freeze(1_800_000_000)
    one = till.Till(account, random)
    for number in range(100):
        one.act()
        if number % 10 == 0:
            account.advance(hours=random.randint(0, 40))
        if number % 50 == 49:
            till.check(account)
    assert till.check(account) > 0
    account.advance(days=30)  # all that waits comes to its end
    till.check(account)
    till.check_paid_out(account)


def test_the_books_are_right_though_several_write_and_the_daemon_is_killed() -> None:
    assert crowd(new_random().getrandbits(32), ACTIONS)["transactions"] > 0


def crowd(seed: int, actions: int, rounds: int = ROUNDS) -> dict[str, int]:
    """Let processes move money in one account, so many actions each, and count what was done.

    After each of the rounds the daemon is killed.
    """
    with (
        processes.instance_directory() as directory,
        processes.workers() as start,
        tigerstripe.connect(directory, namespace="till", timeout_s=30.0) as account,
    ):
        tills = [
            start(WORKER, directory, seed + n, actions, actions // rounds) for n in range(PROCESSES)
        ]
        for one in tills:
            one.say("")
        kills = 0
        for _ in range(rounds):
            for one in tills:
                assert isinstance(one.hear(), int)
            kills += processes.kill(processes.daemons_of(directory))
        done = sum(sum(one.hear().values()) for one in tills)
        transactions = till.check(account)
        till.check_paid_out(account)
        return {"money": done, "kills": kills, "transactions": transactions}
