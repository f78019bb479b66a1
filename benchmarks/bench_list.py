"""Whether lists take as long in a large table as in a small one.

In a table of payment methods, at 100, 10,000 and 100,000 records:

- list(limit=10): the ten newest
- count(): how many there are
- find_by_customer: one of ten customers, each of whom has 10 matches
"""

from __future__ import annotations

from functools import partial

from benchmarks import records
from benchmarks.harness import Bar, Load, Plan, Trial, Workload
from benchmarks.peers import Peer

SIZES = (100, 10_000, 100_000)
LISTED = 10
STORES = ("tigerd", "lmdb, indexed", "sqlite", "redis, indexed")


def list_newest(peer: Peer, _: Trial, size: int) -> Plan:
    newest = records.ids("payment_methods", size)[-1]
    return Plan(
        peer.operation("list10"),
        # Redis orders records of one second by id, so the newest need not be the first there.
        expect=lambda page: len(list(page)) == LISTED and newest in {found["id"] for found in page},
    )


def count(peer: Peer, _: Trial, size: int) -> Plan:
    return Plan(peer.operation("count"), expect=lambda found: found == size)


def find_by_customer(peer: Peer, _: Trial, size: int) -> Plan:
    return Plan(
        peer.operation("find_by"),
        records.customers(size),
        expect=lambda found: len(list(found)) == records.MATCHES,
    )


QUESTIONS = {"list(limit=10)": list_newest, "count()": count, "find_by_customer": find_by_customer}


def name_of(question: str, size: int) -> str:
    return f"{question} of {size:,}"


def same_when_large(question: str, at_most: float) -> Bar:
    return Bar(
        f"{question} of 100,000: {at_most:g} times its time of 100",
        (name_of(question, SIZES[-1]), "tigerd"),
        (name_of(question, SIZES[0]), "tigerd"),
        at_most,
    )


WORKLOADS = [
    Workload(
        name_of(question, size),
        STORES,
        Load("payment_methods", size, reused=True),
        partial(plan, size=size),
        group=question,
    )
    for question, plan in QUESTIONS.items()
    for size in SIZES
]
BARS = [
    same_when_large("list(limit=10)", 1.25),
    same_when_large("count()", 1.25),
    same_when_large("find_by_customer", 1.5),
]
