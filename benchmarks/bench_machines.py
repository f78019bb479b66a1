"""What one account on several machines costs: two hosts that share a log, and a plain tigerd.

- insert, N clients: one coupon a call, each waited for, all on one host; and what the engine alone
  takes until an entry that was appended comes back, without network and daemons
- insert, until the other host has it: one call, and looking there for it
- get: what was read before, which asks nobody
"""

from __future__ import annotations

from benchmarks import records
from benchmarks.bars import Bar, paces, times
from benchmarks.peers import Peer
from benchmarks.workload import Load, Plan, Trial, Workload

PLAIN, TWO, ALL = "tigerd", "tigerd, two hosts", "tigerd, everywhere"
ENGINE = "the engine alone"
EMPTY = Load("coupons")
COUNT = 1_000


def insert(peer: Peer, trial: Trial) -> Plan:
    made = records.make("coupons", 20_000 if trial.quick else 40_000, trial.seed)
    return Plan(peer.operation("insert"), made, once=True, long=True)


def insert_and_see(peer: Peer, trial: Trial) -> Plan:
    made = records.make("coupons", 10_000, trial.seed)
    return Plan(peer.operation("insert_and_see"), made, once=True, long=True)


def get(peer: Peer, trial: Trial) -> Plan:
    made = records.make("coupons", COUNT)
    return Plan(peer.operation("get"), [record["id"] for record in made])


ONE, FOUR = "insert, 1 client", "insert, 4 clients"
SEEN = "insert, until the other host has it"
WORKLOADS = [
    Workload(ONE, (PLAIN, ENGINE, TWO, ALL), EMPTY, insert),
    Workload(FOUR, (PLAIN, TWO, ALL), EMPTY, insert, 4),
    Workload(SEEN, (TWO,), EMPTY, insert_and_see),
    Workload("get", (PLAIN, TWO), Load("coupons", COUNT, reused=True), get),
]
BARS = [
    Bar("insert, 1 client: 4 times a plain one", 4, times((ONE, TWO), (ONE, PLAIN)), is_kept=False),
    Bar(
        "insert, 4 clients: 0.4 of the calls of a plain one",
        1 / 0.4,
        paces((FOUR, TWO), (FOUR, PLAIN)),
        is_kept=False,
    ),
    Bar("get: as a plain one", 1.2, times(("get", TWO), ("get", PLAIN)), is_kept=False),
]
