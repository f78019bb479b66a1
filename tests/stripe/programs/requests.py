"""Requests of other processes to the account of a test."""

import os
import signal
import sys

import stripe

import tigerstripe
from tests.support.forks import fork
from tigerstripe.ids import new_id

ACACIA = "2025-02-24.acacia"
"""The last version in which customers take coupons."""


def wait_for_the_others() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def wins_of_a_code(directory: str, name: str) -> int:
    with tigerstripe.connect(directory, namespace=name) as account, account.installed():
        wait_for_the_others()
        won = 0
        for _ in range(20):
            try:
                stripe.PromotionCode.create(promotion={"type": "coupon", "coupon": "C"}, code="ONE")
            except stripe.InvalidRequestError:
                continue
            won += 1
        return won


def creates_by_key(directory: str, name: str) -> list[str]:
    with tigerstripe.connect(directory, namespace=name) as account, account.installed():
        wait_for_the_others()
        return [
            stripe.Customer.create(name=str(number), idempotency_key=f"k{number}").id
            for number in range(20)
        ]


def rate_limited(directory: str, name: str) -> int:
    with tigerstripe.connect(directory, namespace=name) as account, account.installed():
        stripe.max_network_retries = 0
        failed = 0
        for _ in range(10):
            try:
                stripe.Customer.list()
            except stripe.RateLimitError:
                failed += 1
        return failed


def fills_the_store(directory: str) -> str:
    with tigerstripe.connect(directory) as account, account.installed():
        daemon, told, made = account.store.ping()["pid"], "", []
        while not told:
            try:
                made.append(stripe.Customer.create(metadata={str(n): "x" * 500 for n in range(50)}))
            except stripe.APIError as error:
                told = str(error)
        assert account.store.customers.count() == len(account.events()) == len(made)
        assert stripe.Customer.retrieve(made[0].id).metadata == made[0].metadata
        failed = [entry["error"]["message"] for entry in account.requests() if entry["error"]]
        assert len(failed) == 1
        assert failed[0] in told
        account.store.clear_namespace()
        stripe.Customer.create(name="Jane")
        os.kill(daemon, signal.SIGTERM)
        return told


def children_create(directory: str, name: str) -> None:
    def create() -> None:
        for _ in range(10):
            stripe.Customer.create(name="child")

    with tigerstripe.connect(directory, namespace=name) as account, account.installed():
        stripe.Customer.create(name="before")
        children = [fork(create) for _ in range(3)]
        assert [child() for child in children] == [None] * 3


def children_redeem(directory: str, name: str, code: str) -> list[int]:
    """Return of how many codes, and of how many coupons, children redeemed: one a child or more."""
    with tigerstripe.connect(directory, namespace=name) as account, account.installed():
        stripe.Customer.list()
        start, go = os.pipe()

        def redeem(by: dict[str, str]) -> int:
            os.close(go)
            os.read(start, 1)  # it ends when all are there
            won = 0
            for _ in range(5):
                try:
                    stripe.Customer.create(**by, stripe_version=ACACIA)  # type: ignore[arg-type]
                except stripe.InvalidRequestError:
                    continue
                won += 1
            return won

        ways = [{"promotion_code": code}, {"coupon": "LAST"}] * 4
        children = [fork(lambda by=by: redeem(by)) for by in ways]  # type: ignore[misc]
        os.close(go)
        won = [child() for child in children]
        return [sum(won[::2]), sum(won[1::2])]


def ids_differ(how: str) -> bool:
    new_id("cus", 14)
    child = fork(lambda: new_id("cus", 14), how)
    return bool(new_id("cus", 14) != child())


def error_without_the_sdk() -> str:
    sys.modules["stripe"] = None  # type: ignore[assignment]
    for name in [name for name in sys.modules if name.partition(".")[0] == "tigerstripe"]:
        del sys.modules[name]
    import tigerstripe

    try:
        tigerstripe.install()
    except ImportError as error:
        return str(error)
    return ""
