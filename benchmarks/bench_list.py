"""Whether lists take as long in a large table as in a small one.

In a table of payment methods, at 100, 10,000 and 100,000 records:

- list(limit=10): the ten newest; the floor decodes ten records that are at hand
- count(): how many there are
- find_by_customer: one of ten customers, each of whom has 10 matches; the floor does as above
"""

from __future__ import annotations

from functools import partial

from benchmarks import records
from benchmarks.bars import Bar, times
from benchmarks.peers import Peer
from benchmarks.workload import Load, Plan, Trial, Workload

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
DECODING = ("list(limit=10)", "find_by_customer")


def name_of(question: str, size: int) -> str:
    return f"{question} of {size:,}"


def stores_for(question: str, size: int) -> tuple[str, ...]:
    """Ask the floor once: it has nothing to do with the size of a table."""
    return (*STORES, "floor") if question in DECODING and size == SIZES[0] else STORES


def beside_small(question: str, at_most: float) -> Bar:
    return Bar(
        f"{question} of 100,000: {at_most:g} times its time of 100",
        at_most,
        times((name_of(question, SIZES[-1]), "tigerd"), (name_of(question, SIZES[0]), "tigerd")),
    )


def beside_floor(question: str) -> Bar:
    return Bar(
        f"{question} of 100,000: 3 times the floor's decoding of those 10",
        3,
        times((name_of(question, SIZES[-1]), "tigerd"), (name_of(question, SIZES[0]), "floor")),
    )


WORKLOADS = [
    Workload(
        name_of(question, size),
        stores_for(question, size),
        Load("payment_methods", size, reused=True),
        partial(plan, size=size),
        group=question,
    )
    for question, plan in QUESTIONS.items()
    for size in SIZES
]
BARS = [
    *(beside_small(question, 1.25) for question in QUESTIONS),
    *(beside_floor(question) for question in DECODING),
]
PICTURED = [name_of(question, SIZES[-1]) for question in QUESTIONS]
