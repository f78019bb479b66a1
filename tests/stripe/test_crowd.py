"""Many processes use one account at once, and its daemon is killed again and again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import stripe

import tigerstripe
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


REDEEMERS = """if True:
    import json, os, sys
    import stripe, tigerstripe

    OLD = "2025-02-24.acacia"  # customers take coupons until then
    with tigerstripe.connect(sys.argv[1], namespace=sys.argv[2]) as account, account.installed():
        stripe.Customer.list()
        start, go = os.pipe()
        told, tell = os.pipe()
        children = []
        for number in range(8):
            pid = os.fork()
            if pid:
                children.append(pid)
                continue
            os.close(go)
            os.read(start, 1)  # it ends when all are there
            by = {"promotion_code": sys.argv[3]} if number % 2 else {"coupon": "LAST"}
            for _ in range(5):
                try:
                    stripe.Customer.create(**by, stripe_version=OLD)
                except stripe.InvalidRequestError:
                    continue
                os.write(tell, b"%d" % (number % 2))
            os._exit(0)
        os.close(go)
        assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 8
        os.close(tell)
        print(json.dumps(os.read(told, 100).decode()))
"""


def test_the_last_redemptions_of_a_coupon_and_of_its_code_are_taken_once(account: Any) -> None:
    stripe.Coupon.create(id="LAST", percent_off=5, max_redemptions=6)
    promotion = {"type": "coupon", "coupon": "LAST"}
    code = stripe.PromotionCode.create(promotion=promotion, max_redemptions=2).id
    command = [sys.executable, "-c", REDEEMERS, str(account.store.directory), account.name, code]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=120)
    won = json.loads(done.stdout)
    assert len(won) == 6
    assert won.count("1") <= 2
    coupon = stripe.Coupon.retrieve("LAST")
    assert (coupon.times_redeemed, coupon.valid) == (6, False)
    assert stripe.PromotionCode.retrieve(code).times_redeemed == won.count("1")
    discounts = [c["discount"] for c in account.store.customers]
    assert Counter(bool(d["promotion_code"]) for d in discounts)[True] == won.count("1")
    assert len(discounts) == len(account.events("customer.discount.created")) == 6
