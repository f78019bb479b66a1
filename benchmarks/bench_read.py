"""How long one record takes to read.

Of a coupon (about 0.2 KiB) and of a checkout session (about 3 KiB), in a table of 10,000:

- get, read before: one of 1,000 records that this process has read already
- get, first read: each record once, in a process that has not read it
- get, missing: an id that no record has
- peek, read before: the shared read-only mapping, which only tigerd has
"""

from __future__ import annotations

import functools
from random import Random

from benchmarks import records
from benchmarks.harness import Bar, Load, Plan, Trial, Workload
from benchmarks.peers import Peer

RECORDS = 10_000
READ_BEFORE = 1_000
TABLES = {"coupon": "coupons", "session": "checkout_sessions"}
STORES = ("tigerd", "floor", "lmdb", "sqlite", "diskcache", "manager dict", "redis")


def read_before(peer: Peer, trial: Trial, table: str, operation: str) -> Plan:
    ids = shuffled_ids(table, trial)[:READ_BEFORE]
    return Plan(peer.operation(operation), ids, expect=lambda found: found["id"] == ids[0])


def read_first(peer: Peer, trial: Trial, table: str) -> Plan:
    ids = shuffled_ids(table, trial)
    return Plan(peer.operation("get"), ids, once=True, expect=lambda found: found["id"] == ids[0])


def read_missing(peer: Peer, trial: Trial, table: str) -> Plan:
    ids = records.ids(table, READ_BEFORE, seed="missing")
    return Plan(peer.operation("miss"), ids, expect=lambda found: found is None)


def shuffled_ids(table: str, trial: Trial) -> list[str]:
    ids = records.ids(table, RECORDS)
    Random(trial.seed).shuffle(ids)
    return ids


def workloads_of(kind: str, table: str) -> list[Workload]:
    load = Load(table, RECORDS, reused=True)
    before = functools.partial(read_before, table=table)
    first = functools.partial(read_first, table=table)
    missing = functools.partial(read_missing, table=table)
    return [
        Workload(
            f"get, read before, {kind}", STORES, load, functools.partial(before, operation="get")
        ),
        Workload(f"get, first read, {kind}", STORES, load, first),
        Workload(f"get, missing, {kind}", STORES, load, missing),
        Workload(
            f"peek, read before, {kind}",
            ("tigerd",),
            load,
            functools.partial(before, operation="peek"),
        ),
    ]


WORKLOADS = [workload for kind, table in TABLES.items() for workload in workloads_of(kind, table)]
BARS = [
    Bar(
        "a coupon read before: 3 times as fast as LMDB",
        ("get, read before, coupon", "tigerd"),
        ("get, read before, coupon", "lmdb"),
        at_most=1 / 3,
    ),
    Bar(
        "a coupon's first read: at most twice LMDB's time",
        ("get, first read, coupon", "tigerd"),
        ("get, first read, coupon", "lmdb"),
        at_most=2,
    ),
]
