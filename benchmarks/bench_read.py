"""How long one record takes to read.

Of a coupon (about 0.2 KiB) and of a checkout session (about 3 KiB), in a table of 10,000:

- get, read before: one of 1,000 records that this process has read already
- peek, read before: the shared read-only mapping, which only tigerd has
- get, first read: each record once, in a process that has not read it
- get, missing: an id that no record has

Of a coupon only:

- get, peek, in turn: 5,000 records that this process has read already, so that most of what a read
  looks at is in no fast cache

And in pairs that take turns:

- 1 process, 2 processes: get, read before, at once
- quiet, beside a writer: every call timed alone, while nobody else is there, and while another
  process inserts and updates other coupons of the table without a pause
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

from benchmarks import records
from benchmarks.bars import Bar, p99_times, scalings, times
from benchmarks.peers import Peer
from benchmarks.workload import Load, Plan, Trial, Workload

RECORDS = 10_000
READ_BEFORE = 1_000
IN_TURN = 5_000
WRITTEN = 2_000  # records that the writer inserts, and then updates
TABLES = {"coupon": "coupons", "session": "checkout_sessions"}
STORES = ("tigerd", "floor", "lmdb", "sqlite", "diskcache", "manager dict", "redis")
AT_ONCE = ("tigerd", "floor", "lmdb", "redis")
SHARED = ("tigerd", "lmdb", "redis")  # the floor's dict has no other writer
COUPONS = Load("coupons", RECORDS, reused=True)
WRITTEN_TO = Load("coupons", RECORDS)  # so that no other measurement reads what a writer left


def read_before(
    peer: Peer,
    trial: Trial,
    table: str,
    operation: str = "get",
    alone: bool = False,
    count: int = READ_BEFORE,
) -> Plan:
    ids = shuffled_ids(table, trial)[:count]
    return Plan(
        peer.operation(operation), ids, alone=alone, expect=lambda found: found["id"] == ids[0]
    )


def read_first(peer: Peer, trial: Trial, table: str, alone: bool = False) -> Plan:
    ids = shuffled_ids(table, trial)
    return Plan(
        peer.operation("get"),
        ids,
        once=True,
        alone=alone,
        expect=lambda found: found["id"] == ids[0],
    )


def read_missing(peer: Peer, trial: Trial, table: str) -> Plan:
    ids = records.ids(table, READ_BEFORE, seed="missing")
    return Plan(peer.operation("miss"), ids, expect=lambda found: found is None)


def write_others(peer: Peer, _: Trial) -> Plan:
    return Plan(peer.operation("insert"), records.make("coupons", WRITTEN, seed="written"))


def shuffled_ids(table: str, trial: Trial) -> list[str]:
    ids = records.ids(table, RECORDS)
    Random(trial.seed).shuffle(ids)
    return ids


def workloads_of(kind: str, table: str) -> list[Workload]:
    load = Load(table, RECORDS, reused=True)
    before, first = partial(read_before, table=table), partial(read_first, table=table)
    group = f"read before, {kind}"
    return [
        Workload(f"get, read before, {kind}", STORES, load, before, group=group),
        Workload(
            f"peek, read before, {kind}",
            ("tigerd",),
            load,
            partial(before, operation="peek"),
            group=group,
        ),
        Workload(f"get, first read, {kind}", STORES, load, first),
    ]


def in_turn(operation: str, stores: tuple[str, ...]) -> Workload:
    plan = partial(read_before, table="coupons", operation=operation, count=IN_TURN)
    return Workload(f"{operation}, in turn", stores, COUPONS, plan, group="in turn")


def beside_a_writer(name: str, plan: Callable[..., Plan]) -> list[Workload]:
    each_alone = partial(plan, table="coupons", alone=True)
    return [
        Workload(f"{name}, quiet", SHARED, COUPONS, each_alone, group=name),
        Workload(
            f"{name}, beside a writer",
            SHARED,
            WRITTEN_TO,
            each_alone,
            group=name,
            writer=write_others,
        ),
    ]


def bars_of(kind: str) -> list[Bar]:
    lmdb = f"get, read before, {kind}", "lmdb"
    remembered = times((f"get, read before, {kind}", "tigerd"), lmdb)
    peeked = times((f"peek, read before, {kind}", "tigerd"), lmdb)
    first = times((f"get, first read, {kind}", "tigerd"), (f"get, first read, {kind}", "lmdb"))
    return [
        Bar(f"get of a {kind} read before: 3 times as fast as LMDB", 1 / 3, remembered),
        Bar(f"get of a {kind} read before: 4 times as fast as LMDB", 1 / 4, remembered),
        Bar(f"peek of a {kind} read before: 10 times as fast as LMDB's get", 1 / 10, peeked),
        Bar(f"first get of a {kind}: at most twice LMDB's time", 2, first),
        Bar(f"first get of a {kind}: at most 1.3 times LMDB's time", 1.3, first),
    ]


def writer_bars(name: str) -> list[Bar]:
    busy, quiet = (f"{name}, beside a writer", "tigerd"), (f"{name}, quiet", "tigerd")
    return [
        Bar(f"{name}, beside a writer: twice its quiet median", 2, times(busy, quiet)),
        Bar(
            f"{name}, beside a writer: p99 5 times its quiet median",
            5,
            p99_times(busy, quiet),
            is_kept="first" not in name,  # most runs miss it: it is the scheduler's choice
        ),
    ]


WORKLOADS = [
    *(workload for kind, table in TABLES.items() for workload in workloads_of(kind, table)),
    in_turn("get", STORES),
    in_turn("peek", ("tigerd",)),
    Workload("get, missing, coupon", STORES, COUPONS, partial(read_missing, table="coupons")),
    *(
        Workload(
            f"get, {clients} process{'es' if clients > 1 else ''}",
            AT_ONCE,
            COUPONS,
            partial(read_before, table="coupons"),
            clients,
            group="at once",
        )
        for clients in (1, 2)
    ),
    *beside_a_writer("get, read before", read_before),
    *beside_a_writer("get, first read", read_first),
]
BARS = [
    *(bar for kind in TABLES for bar in bars_of(kind)),
    *(
        Bar(
            f"{operation} of {IN_TURN:,} coupons in turn: {limit} of LMDB's get",
            limit,
            times((f"{operation}, in turn", "tigerd"), ("get, in turn", "lmdb")),
        )
        for operation, limit in (("get", 0.22), ("peek", 0.1))
    ),
    Bar(
        "reads of 2 processes: scale as the floor's, within a twentieth",
        1 / 0.95,
        scalings("get, 1 process", "get, 2 processes", "tigerd", "floor"),
    ),
    *writer_bars("get, read before"),
    *writer_bars("get, first read"),
]
PICTURED = [
    "get, read before, coupon",
    "get, first read, coupon",
    "get, read before, session",
    "get, first read, session",
]
