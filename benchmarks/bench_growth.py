"""How long one insert can take while a table grows.

- insert, 0 to 100,000: coupons into an empty table, every one of them timed; it is the longest
  that answers the question, when room is made or an index is built anew
"""

from __future__ import annotations

from benchmarks import records
from benchmarks.bars import Bar, longest
from benchmarks.peers import Peer
from benchmarks.workload import Load, Plan, Trial, Workload

RECORDS = 100_000
STORES = ("tigerd", "lmdb", "sqlite", "redis")
NAME = "insert, 0 to 100,000"
ROUNDS = 3


def grow(peer: Peer, trial: Trial) -> Plan:
    made = records.make("coupons", RECORDS, trial.seed)
    return Plan(peer.operation("insert"), made, once=True, samples=len(made) - 1)


WORKLOADS = [Workload(NAME, STORES, Load("coupons"), grow)]
BARS = [Bar("longest insert of 100,000, in 20 ms", 1, longest((NAME, "tigerd"), limit_ns=20e6))]
