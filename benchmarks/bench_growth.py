"""How long one insert can take while a table grows.

- insert, 0 to 100,000 (20,000 if quick): coupons into an empty table, every one of them timed; it
  is the longest that answers the question, when room is made or an index is built anew
"""

from __future__ import annotations

from benchmarks import records
from benchmarks.harness import Bar, Load, Plan, Trial, Workload
from benchmarks.peers import Peer

RECORDS, QUICK_RECORDS = 100_000, 20_000
STORES = ("tigerd", "lmdb", "sqlite", "redis")


def grow(peer: Peer, trial: Trial) -> Plan:
    made = records.make("coupons", QUICK_RECORDS if trial.quick else RECORDS, trial.seed)
    return Plan(peer.operation("insert"), made, once=True, samples=len(made) - 1)


WORKLOADS = [Workload("insert, 0 to 100,000", STORES, Load("coupons"), grow)]
BARS: list[Bar] = []
