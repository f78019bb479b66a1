"""Whether a store stays small after many tests.

- after 1,000, after 10,000: the store's bytes when so many sandboxes of 20 records each have been
  entered, filled and left, one after the other, and what the server's own memory has grown by; the
  clients are those of the suite
"""

from __future__ import annotations

from contextlib import closing
from functools import partial

from benchmarks import records
from benchmarks.bars import Bar, times
from benchmarks.peers import Peer
from benchmarks.suite.clients import CLIENTS, TABLE
from benchmarks.workload import Load, Plan, Trial, Workload, one_figure

STORES = ("tigerd", "sqlite", "redis")
SANDBOXES = (1_000, 10_000)
RECORDS = 20
ROUNDS = 1


def churn(peer: Peer, trial: Trial, sandboxes: int) -> Plan:
    made = records.make(TABLE, RECORDS)
    stored, private = peer.operation("stored"), peer.operation("private_size")

    def bytes_at_the_end() -> int:
        private_before: int = private()
        with closing(CLIENTS[peer.name](trial.directory)) as client:
            for _ in range(sandboxes):
                with client.account() as account:
                    account.insert_many(made)
        size: int = stored() + private() - private_before
        return size

    return one_figure(bytes_at_the_end)


def name_of(sandboxes: int) -> str:
    return f"after {sandboxes:,}"


WORKLOADS = [
    Workload(
        name_of(sandboxes), STORES, Load(TABLE), partial(churn, sandboxes=sandboxes), unit="bytes"
    )
    for sandboxes in SANDBOXES
]
BARS = [
    Bar(
        "after 10,000 sandboxes: twice the bytes after 1,000",
        2,
        times((name_of(10_000), "tigerd"), (name_of(1_000), "tigerd")),
    )
]
