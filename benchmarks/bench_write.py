"""How long a write takes, until every process can read it.

- insert, N clients: one coupon a call, each waited for; 1, 2, 4 and 8 processes at once
- insert_many of 10,000 coupons: one call
- batch of 100 coupons: a hundred inserts that become visible at once
"""

from __future__ import annotations

from functools import partial

from benchmarks import records
from benchmarks.bars import Bar, paces, times
from benchmarks.peers import Peer
from benchmarks.records import Record
from benchmarks.workload import Load, Plan, Trial, Workload

MADE = 80_000  # records for all clients together, more than most stores take in the time
MANY = 10_000
BATCH = 100
TRANSACTIONAL = ("tigerd", "lmdb", "sqlite", "diskcache", "redis", "redis, indexed")
STORES = (*TRANSACTIONAL, "manager dict", "floor")
TOGETHER = ("tigerd", "lmdb", "sqlite", "redis", "manager dict")
EMPTY = Load("coupons")
ROUNDS = 2


def insert(peer: Peer, trial: Trial, clients: int = 1) -> Plan:
    count = MADE // 2 if trial.quick else MADE
    made = records.make("coupons", count // clients, trial.seed)
    return Plan(peer.operation("insert"), made, once=True, long=True)


def insert_many(peer: Peer, trial: Trial) -> Plan:
    samples = 2 if trial.quick else 5
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
    Workload(insert_name(1), STORES, EMPTY, insert),
    *(
        Workload(insert_name(clients), TOGETHER, EMPTY, partial(insert, clients=clients), clients)
        for clients in (2, 4, 8)
    ),
    Workload("insert_many of 10,000", STORES, EMPTY, insert_many),
    Workload("batch of 100", TRANSACTIONAL, EMPTY, insert_batch),
]
ONE, FOUR = (insert_name(1), "tigerd"), (insert_name(4), "tigerd")
BARS = [
    Bar(
        "insert, 1 client: half of redis-py SET's time", 0.5, times(ONE, (insert_name(1), "redis"))
    ),
    Bar("insert, 1 client: 0.4 of redis-py SET's time", 0.4, times(ONE, (insert_name(1), "redis"))),
    Bar(
        "insert, 1 client: faster than a Manager's dict",
        1,
        times(ONE, (insert_name(1), "manager dict")),
    ),
    Bar(
        "insert, 4 clients: twice the calls of redis-py's SET",
        1 / 2,
        paces(FOUR, (insert_name(4), "redis")),
        is_kept=False,
    ),
    Bar(
        "insert_many of 10,000: faster than redis-py's pipelined SET",
        1,
        times(("insert_many of 10,000", "tigerd"), ("insert_many of 10,000", "redis")),
    ),
]
PICTURED = [insert_name(1), insert_name(4), "insert_many of 10,000"]
