"""What a test pays for beginning with an empty store, or leaving one.

A store of 10,000 coupons is filled again, untimed, before each call, so that every call comes as it
does in a test, with other work before it:

- clear of 10,000: clear_namespace; a peer clears the whole store
- insert after a clear: the first one, which might have to tidy up
- insert after a fill: what the two are compared with
- sandbox, empty: entered and left (tigerd only)
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import records
from benchmarks.harness import Bar, Load, Plan, Trial, Workload
from benchmarks.peers import Peer

RECORDS = 10_000
STORES = ("tigerd", "lmdb", "sqlite", "diskcache", "manager dict", "redis")
FULL = Load("coupons", RECORDS)
TOGETHER = "clear"


def clear(peer: Peer, trial: Trial) -> Plan:
    return Plan(peer.operation("clear"), samples=samples(trial), after=filler(peer))


def insert_after_clear(peer: Peer, trial: Trial) -> Plan:
    fill, empty = filler(peer), peer.operation("clear")

    def fill_and_clear() -> None:
        fill()
        empty()

    return insert_after(fill_and_clear, peer, trial)


def insert_after_fill(peer: Peer, trial: Trial) -> Plan:
    return insert_after(filler(peer), peer, trial)


def insert_after(work: Callable[[], None], peer: Peer, trial: Trial) -> Plan:
    new = records.make("coupons", samples(trial) + 1, trial.seed)
    return Plan(peer.operation("insert"), new, once=True, samples=samples(trial), after=work)


def filler(peer: Peer) -> Callable[[], None]:
    made = records.make("coupons", RECORDS)
    insert_many = peer.operation("insert_many")
    return lambda: insert_many(made)


def sandbox(peer: Peer, _: Trial) -> Plan:
    return Plan(peer.operation("sandbox"))


def samples(trial: Trial) -> int:
    return 10 if trial.quick else 20


WORKLOADS = [
    Workload("clear of 10,000", STORES, FULL, clear, group=TOGETHER),
    Workload("insert after a clear", STORES, FULL, insert_after_clear, group=TOGETHER),
    Workload("insert after a fill", STORES, FULL, insert_after_fill, group=TOGETHER),
    Workload("sandbox, empty", ("tigerd",), FULL, sandbox),
]
BARS = [
    Bar(
        "a clear of 10,000: at most the time of 10 inserts",
        ("clear of 10,000", "tigerd"),
        ("insert after a fill", "tigerd"),
        at_most=10,
    ),
]
