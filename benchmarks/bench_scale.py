"""What a start takes, by how much there is.

- write after a kill: from `kill -9` of the daemon to the first insert that is acknowledged, with
  1,000 and 1,000,000 coupons in one table
- start: `tigerd start` after a stop, of an empty instance and of 1,000,000 coupons
"""

from __future__ import annotations

from functools import partial

from benchmarks import records
from benchmarks.bars import Bar, times
from benchmarks.peers import Peer
from benchmarks.workload import Load, Plan, Trial, Workload

FEW, MANY = 1_000, 1_000_000
CHUNK = 10_000  # records of one insert_many
TIGERD = ("tigerd",)
ROUNDS = 1
COUPONS = Load("coupons")


def write_after_kill(peer: Peer, trial: Trial, count: int) -> Plan:
    fill(peer, count)
    samples = trial.effort.turns
    made = records.make("coupons", samples + 1, trial.seed)
    newest = records.FIRST_CREATED + MANY
    return Plan(
        peer.operation("insert_after_kill"),
        [{**record, "created": newest} for record in made],
        once=True,
        samples=samples,
    )


def start(peer: Peer, trial: Trial, count: int) -> Plan:
    fill(peer, count)
    samples = trial.effort.turns
    return Plan(
        peer.start,
        [trial.directory] * (samples + 1),
        once=True,
        samples=samples,
        before=lambda: peer.stop(trial.directory),
    )


def fill(peer: Peer, count: int) -> None:
    """Write so many coupons, oldest first; never are all of them in the memory of this process."""
    insert_many = peer.operation("insert_many")
    for begin in range(0, count, CHUNK):
        made = records.make("coupons", min(CHUNK, count - begin), f"{records.LOADED}/{begin}")
        insert_many([{**record, "created": record["created"] + begin // 10} for record in made])


def name_of(what: str, count: int) -> str:
    return f"{what}, {count:,} records"


KILL, START = "write after a kill", "start"
WORKLOADS = [
    Workload(name_of(what, count), TIGERD, COUPONS, partial(plan, count=count), group=what)
    for what, plan, counts in (
        (KILL, write_after_kill, (FEW, MANY)),
        (START, start, (0, MANY)),
    )
    for count in counts
]
BARS = [
    Bar(
        "write after a kill, 1,000,000 records: 1.5 times that with 1,000",
        1.5,
        times((name_of(KILL, MANY), "tigerd"), (name_of(KILL, FEW), "tigerd")),
    ),
    Bar(
        "start of 1,000,000 records: 1.3 times that of none",
        1.3,
        times((name_of(START, MANY), "tigerd"), (name_of(START, 0), "tigerd")),
    ),
]
