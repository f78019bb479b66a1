"""Many processes use one account at once, and its daemon is killed again and again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import stripe

import tigerstripe
from tests.stripe.programs import requests
from tests.support import processes

PROCESSES = 8
ACTIONS = 20
ROUND = 5
WORKER = Path(__file__).with_name("crowd_worker.py")


def test_a_crowd_loses_and_doubles_nothing_while_the_daemon_is_killed() -> None:
    """Each process checks its own model as it lists; here all of them are held to the account."""
    with (
        processes.instance_directory() as directory,
        processes.workers() as start,
        tigerstripe.connect(directory, namespace="crowd", timeout_s=30.0) as account,
    ):
        shared = account.client().v1.customers.create({"name": "everybody's"}).id
        crowd = [start(WORKER, directory, n, ACTIONS, ROUND) for n in range(PROCESSES)]
        for worker in crowd:
            worker.say(shared)
        kills = 0
        for _ in range(ACTIONS // ROUND):
            for worker in crowd:
                assert isinstance(worker.hear(), int)
            kills += processes.kill(processes.daemons_of(directory))
        models = [worker.hear() for worker in crowd]
        assert kills >= ACTIONS // ROUND

        there = {o["id"]: o["metadata"] for o in account.store.customers}
        there |= {o["id"]: o["metadata"] for o in account.store.products}
        counts = {f"w{n}": model["shared"] for n, model in enumerate(models)}
        assert there.pop(shared) == {name: str(n) for name, n in counts.items() if n}
        assert there == {id: m for model in models for id, m in model["mine"].items()}

        expected = Counter({
            ("customer.created", shared): 1,
            ("customer.updated", shared): sum(counts.values()),
        })  # fmt: skip
        for model in models:
            for id, count in model["updates"].items():
                kind = "customer" if id.startswith("cus_") else "product"
                expected[f"{kind}.created", id] += 1
                expected[f"{kind}.updated", id] += count
                expected[f"{kind}.deleted", id] += id in model["deleted"]
        told = Counter((e["type"], e["data"]["object"]["id"]) for e in account.events())
        assert told == +expected


def test_the_last_redemptions_of_a_coupon_and_of_its_code_are_taken_once(
    account: Any, run_program
) -> None:
    stripe.Coupon.create(id="LAST", percent_off=5, max_redemptions=6)
    promotion = {"type": "coupon", "coupon": "LAST"}
    code = stripe.PromotionCode.create(promotion=promotion, max_redemptions=2).id
    where = (account.store.directory, account.name)
    by_code, by_coupon = run_program(requests.children_redeem, *where, code)
    assert by_code + by_coupon == 6
    assert by_code <= 2
    coupon = stripe.Coupon.retrieve("LAST")
    assert (coupon.times_redeemed, coupon.valid) == (6, False)
    assert stripe.PromotionCode.retrieve(code).times_redeemed == by_code
    discounts = [c["discount"] for c in account.store.customers]
    assert Counter(bool(d["promotion_code"]) for d in discounts)[True] == by_code
    assert len(discounts) == len(account.events("customer.discount.created")) == 6
