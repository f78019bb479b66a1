"""How long a write takes, until every process can read it.

- insert, N clients: one coupon a call, each waited for; 1, 2, 4 and 8 processes at once
- insert_many of 10,000 coupons: one call
- batch of 100 coupons: a hundred inserts that become visible at once
"""

from __future__ import annotations

from benchmarks import records
from benchmarks.harness import Bar, Load, Plan, Trial, Workload
from benchmarks.peers import Peer
from benchmarks.records import Record

CLIENTS = (1, 2, 4, 8)
MANY = 10_000
BATCH = 100
TRANSACTIONAL = ("tigerd", "lmdb", "sqlite", "diskcache", "redis", "redis, indexed")
STORES = (*TRANSACTIONAL, "manager dict", "floor")
EMPTY = Load("coupons")


def insert(peer: Peer, trial: Trial) -> Plan:
    made = records.make("coupons", 4_000 if trial.quick else 20_000, trial.seed)
    return Plan(peer.operation("insert"), made, once=True)


def insert_many(peer: Peer, trial: Trial) -> Plan:
    samples = 2 if trial.quick else 4
    lists = record_lists(MANY, samples + 1, trial)
    return Plan(peer.operation("insert_many"), lists, once=True, samples=samples)


def insert_batch(peer: Peer, trial: Trial) -> Plan:
    return Plan(peer.operation("batch"), record_lists(BATCH, 200, trial), once=True)


def record_lists(size: int, count: int, trial: Trial) -> list[list[Record]]:
    made = records.make("coupons", size * count, trial.seed)
    return [made[begin : begin + size] for begin in range(0, len(made), size)]


def insert_name(clients: int) -> str:
    return f"insert, {clients} client{'s' if clients > 1 else ''}"


WORKLOADS = [
    # One process has the floor's private dict, so it is asked with one client only.
    *(
        Workload(insert_name(n), STORES if n == 1 else STORES[:-1], EMPTY, insert, n)
        for n in CLIENTS
    ),
    Workload("insert_many of 10,000", STORES, EMPTY, insert_many),
    Workload("batch of 100", TRANSACTIONAL, EMPTY, insert_batch),
]
BARS = [
    Bar(
        "an insert, one client: half of redis-py SET's time",
        (insert_name(1), "tigerd"),
        (insert_name(1), "redis"),
        at_most=0.5,
    ),
]
