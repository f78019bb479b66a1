"""How long a call can take, and what the slowest waited for.

100,000 of each kind (`--quick`: 10,000), every one timed alone, while nobody else asks, and beside
a process that inserts and updates other records of the table without a pause. Of coupons in a table
of 10,000, and of 100,000 where each is asked for once:

- get, first read: each record once; get and peek, read before: of 1,000 records
- list(limit=10); find_by_customer: of payment methods, ten
- insert: a new one; update: of 1,000 records; delete: each record once; batch: three updates
- sandbox, fork: entered and left, empty, and of 1,000
- wait: for a payment method of one customer, that another thread inserts once it is waited for; a
  tenth as many, for each takes as long as ten others

Around each call it is counted for how long the caller, and the daemon, were on a core, and ready
without one; and what they did that takes time at odd moments (witness.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from benchmarks import records
from benchmarks.bars import Bar, Figure, Measured, Rows
from benchmarks.peers import Peer
from benchmarks.workload import Load, Plan, Trial, Workload

CALLS, QUICK_CALLS = 100_000, 10_000
AGAIN = 1_000  # records that are asked for again and again
SMALL = 10_000
WRITTEN = 2_000  # records that the writer inserts, and then updates
BATCH = 3
READ_BEFORE = 3  # times: then a record is remembered as it stays
ROUNDS = 1
COUPONS, CARDS = "coupons", "payment_methods"


def calls_of(trial: Trial) -> int:
    return QUICK_CALLS if trial.quick else CALLS


def each(
    trial: Trial, call: Callable[[Any], object], arguments: Sequence[Any], *, once: bool = False
) -> Plan:
    """Plan so many calls, with each argument in turn, or once: then the first is to warm up."""
    calls = min(calls_of(trial), len(arguments) - 1) if once else calls_of(trial)
    return Plan(call, arguments, once=once, samples=calls, witnessed=True)


def ignoring(call: Callable[[], object]) -> Callable[[Any], object]:
    """Return a function of anything, which calls one of nothing."""
    return lambda _: call()


def first_read(peer: Peer, trial: Trial) -> Plan:
    ids = records.ids(COUPONS, calls_of(trial) + 1)
    return each(trial, peer.operation("get"), ids, once=True)


def read_again(peer: Peer, trial: Trial, operation: str) -> Plan:
    ids = records.ids(COUPONS, AGAIN)
    read = peer.operation(operation)
    for record_id in ids * READ_BEFORE:
        read(record_id)
    return each(trial, read, ids)


def delete(peer: Peer, trial: Trial) -> Plan:
    ids = records.ids(COUPONS, calls_of(trial) + 1)
    return each(trial, peer.operation("delete"), ids, once=True)


def find(peer: Peer, trial: Trial) -> Plan:
    return each(trial, peer.operation("find_by"), records.customers(SMALL))


def insert(peer: Peer, trial: Trial) -> Plan:
    made = records.make(COUPONS, calls_of(trial) + 1, trial.seed)
    return each(trial, peer.operation("insert"), made, once=True)


def update(peer: Peer, trial: Trial) -> Plan:
    return each(trial, peer.operation("update"), records.make(COUPONS, AGAIN))


def batch(peer: Peer, trial: Trial) -> Plan:
    made = records.make(COUPONS, AGAIN)
    threes = [made[begin : begin + BATCH] for begin in range(0, AGAIN - BATCH, BATCH)]
    return each(trial, peer.operation("batch"), threes)


def nullary(peer: Peer, trial: Trial, operation: str) -> Plan:
    return each(trial, ignoring(peer.operation(operation)), range(AGAIN))


def wait(peer: Peer, trial: Trial) -> Plan:
    made = records.make(CARDS, calls_of(trial) // 10 + 1, trial.seed)
    owned = [{**record, "customer": f"cus_{n}"} for n, record in enumerate(made)]
    return each(trial, peer.operation("wait_for_insert"), owned, once=True)


def write_others(peer: Peer, _: Trial, table: str, operation: str) -> Plan:
    return Plan(peer.operation(operation), records.make(table, WRITTEN, seed="written"))


ONE_EACH, TABLE, SEED = (Load(COUPONS, count) for count in (CALLS + 1, SMALL, AGAIN))
KINDS: dict[str, tuple[Load, Callable[[Peer, Trial], Plan]]] = {
    "get, first read": (ONE_EACH, first_read),
    "get, read before": (TABLE, partial(read_again, operation="get")),
    "peek, read before": (TABLE, partial(read_again, operation="peek")),
    "list(limit=10)": (TABLE, partial(nullary, operation="list10")),
    "find_by_customer": (Load(CARDS, SMALL), find),
    "insert": (TABLE, insert),
    "update": (TABLE, update),
    "delete": (ONE_EACH, delete),
    "batch": (TABLE, batch),
    "sandbox": (SEED, partial(nullary, operation="sandbox")),
    "fork": (SEED, partial(nullary, operation="fork")),
    "wait": (Load(CARDS), wait),
}
READS = ("get, first read", "list(limit=10)")  # shorter ones take less than counting around them
QUIET, BESIDE = "quiet", "beside a writer"


def workloads_of(kind: str) -> list[Workload]:
    load, plan = KINDS[kind]
    # What is forked cannot be written to.
    operation = "insert_elsewhere" if kind == "fork" else "insert"
    writer = partial(write_others, table=load.table, operation=operation)
    return [
        Workload(f"{kind}, {QUIET}", ("tigerd",), load, plan, group=kind),
        Workload(f"{kind}, {BESIDE}", ("tigerd",), load, plan, group=kind, writer=writer),
    ]


def cores_aside(kind: str) -> Figure:
    """Divide what the slowest beside a writer take, but for a core, by the quiet median."""

    def figure(rows: Rows) -> Measured:
        slowest = rows[f"{kind}, {BESIDE}", "tigerd"].slowest
        took = sorted(parts.took - parts.queued for parts in slowest)
        ratio = took[len(took) // 2] / rows[f"{kind}, {QUIET}", "tigerd"].median
        return Measured(ratio, [ratio])

    return figure


WORKLOADS = [workload for kind in KINDS for workload in workloads_of(kind)]
BARS = [
    Bar(
        f"{kind}, beside a writer: the slowest hundredth, without its waits for a core, "
        "5 times the quiet median",
        5,
        cores_aside(kind),
        is_kept=False,  # until a full run has met it
    )
    for kind in READS
]
