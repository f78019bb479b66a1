"""How long calls take while other processes compute on every core.

Beside 0 to 4 processes of one thread that count, in the session of those that are measured, as the
workers of a parallel test run are:

- insert: one coupon a call, each waited for; and of four clients at once
- sandbox: entered and left, empty (tigerd only)
- get, first read: each of 10,000 coupons once, every call timed alone
- 500 tests: the run of bench_suite.py, beside none and beside two
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from benchmarks.bars import Bar, Figure, p99s_times, paces, times
from benchmarks.bench_isolation import called
from benchmarks.bench_read import RECORDS, read_first
from benchmarks.bench_suite import NAME as SUITE
from benchmarks.bench_suite import run_suite
from benchmarks.bench_write import insert
from benchmarks.peers import Peer
from benchmarks.workload import Load, Plan, Trial, Workload

STORES = ("tigerd", "redis", "sqlite", "lmdb")
SUITES = ("tigerd", "floor", "redis")
EMPTY = Load("coupons")
READ = Load("coupons", RECORDS, reused=True)
MOST = 4  # processes that compute
CLIENTS = 4
INSERT, TOGETHER = "insert", f"insert of {CLIENTS} clients"
ROUNDS = 2


def beside(what: str, computing: int) -> str:
    return f"{what}, beside {computing}"


def workloads_of(computing: int) -> list[Workload]:
    def workload(
        name: str,
        peers: tuple[str, ...],
        load: Load,
        plan: Callable[[Peer, Trial], Plan],
        clients: int = 1,
    ) -> Workload:
        return Workload(beside(name, computing), peers, load, plan, clients, computing=computing)

    return [
        workload(INSERT, STORES, EMPTY, insert),
        workload(TOGETHER, STORES, EMPTY, insert, CLIENTS),
        workload("sandbox", ("tigerd",), EMPTY, partial(called, operation="sandbox")),
        workload("get, first read", STORES, READ, partial(read_first, table="coupons", alone=True)),
        *([workload(SUITE, SUITES, EMPTY, run_suite)] if computing in {0, 2} else []),
    ]


def bars_of(computing: int) -> list[Bar]:
    name = beside(INSERT, computing)
    figures: list[tuple[str, float, Callable[..., Figure]]] = [
        ("mean", 1, paces),
        ("median", 1, times),
        ("p99", 1.2, p99s_times),
    ]
    return [
        Bar(
            f"{name}: {what} at most {at_most} of redis-py SET's",
            at_most,
            figure((name, "tigerd"), (name, "redis")),
            is_kept=False,  # docs/design.md, "Busy cores"
        )
        for what, at_most, figure in figures
    ]


WORKLOADS = [workload for count in range(MOST + 1) for workload in workloads_of(count)]
BARS = [
    *(bar for count in (1, 2, 3) for bar in bars_of(count)),
    Bar(
        f"{beside(TOGETHER, 0)}: at most the time of redis-py's SET",
        1,
        paces((beside(TOGETHER, 0), "tigerd"), (beside(TOGETHER, 0), "redis")),
        is_kept=False,
    ),
]
