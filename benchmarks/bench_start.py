"""How long it takes from nothing running to the first answer.

- launch: start the server in an empty directory and wait for its answer to one call; it is
  stopped, untimed, after each. Beside it, a Python process that imports zmq and msgpack and ends:
  less than that no daemon written in Python can take.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

from benchmarks.bars import Bar, times
from benchmarks.peers import Peer
from benchmarks.workload import Load, Plan, Trial, Workload

STORES = ("tigerd", "python, imports only", "redis")
NOTHING = Load("coupons", served=False)


def launch(peer: Peer, trial: Trial) -> Plan:
    samples = trial.effort.turns
    directories = [Path(mkdtemp(dir=trial.directory)) for _ in range(samples + 1)]
    in_turn = iter(directories)
    return Plan(
        peer.operation("launch"),
        directories,
        once=True,
        samples=samples,
        after=lambda: peer.stop(next(in_turn)),
    )


WORKLOADS = [Workload("launch", STORES, NOTHING, launch)]
BARS = [
    Bar(
        'launch: 3 times python -c "import zmq, msgpack"',
        3,
        times(("launch", "tigerd"), ("launch", "python, imports only")),
    )
]
