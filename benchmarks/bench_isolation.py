"""What a test pays for an account of its own, and for leaving it empty.

In a table of 10,000 coupons, which is filled again, untimed, before each clear and each insert that
is compared with one, so that they come as in a test, with other work before them:

- clear of 10,000: clear_namespace; a peer clears the whole store
- insert after a clear: the first one, which might have to tidy up
- insert after a fill: what the clear is compared with

Without that, beside an insert timed in the same way, in a loop (tigerd only):

- sandbox: entered and left, empty
- fork of 10,000: entered and left
- get, in a fork, read before and first read: of a record that is inherited, and of one that is not
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from benchmarks import records
from benchmarks.bars import Bar, times
from benchmarks.bench_read import read_before, read_first
from benchmarks.peers import Peer
from benchmarks.workload import Load, Plan, Trial, Workload

RECORDS = 10_000
STORES = ("tigerd", "lmdb", "sqlite", "redis")
TIGERD = ("tigerd",)
ROUNDS = 3
CHANGED = Load("coupons", RECORDS)
UNCHANGED = Load("coupons", RECORDS, reused=True)


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


def samples(trial: Trial) -> int:
    return 3 if trial.quick else 5


def insert(peer: Peer, trial: Trial) -> Plan:
    return Plan(peer.operation("insert"), records.make("coupons", RECORDS, trial.seed), once=True)


def called(peer: Peer, _: Trial, operation: str) -> Plan:
    return Plan(peer.operation(operation))


def in_a_fork(peer: Peer, trial: Trial, plan: Callable[..., Plan]) -> Plan:
    peer.operation("enter_fork")()
    return plan(peer, trial, table="coupons")


def reads(name: str, plan: Callable[..., Plan]) -> list[Workload]:
    plain = partial(plan, table="coupons")
    forked = partial(in_a_fork, plan=plan)
    return [
        Workload(f"get, {name}", TIGERD, UNCHANGED, plain, group=name),
        Workload(f"get, in a fork, {name}", TIGERD, UNCHANGED, forked, group=name),
    ]


def beside_insert(name: str, writes: int, is_kept: bool = True) -> Bar:
    subject, peer = (name, "tigerd"), ("insert in a loop", "tigerd")
    question = f"{name}: at most the time of {writes} inserts"
    return Bar(question, writes, times(subject, peer), is_kept)


def beside_plain(name: str) -> Bar:
    return Bar(
        f"get, in a fork, {name}: twice a plain namespace's time",
        2,
        times((f"get, in a fork, {name}", "tigerd"), (f"get, {name}", "tigerd")),
    )


WORKLOADS = [
    Workload("clear of 10,000", STORES, CHANGED, clear, group="clear"),
    Workload("insert after a clear", TIGERD, CHANGED, insert_after_clear, group="clear"),
    Workload("insert after a fill", TIGERD, CHANGED, insert_after_fill, group="clear"),
    Workload("insert in a loop", TIGERD, CHANGED, insert, group="leave"),
    *(
        Workload(name, TIGERD, UNCHANGED, partial(called, operation=operation), group="leave")
        for name, operation in (("sandbox", "sandbox"), ("fork of 10,000", "fork"))
    ),
    *reads("read before", read_before),
    *reads("first read", read_first),
]
BARS = [
    Bar(
        "clear of 10,000: at most the time of 10 inserts",
        10,
        times(("clear of 10,000", "tigerd"), ("insert after a fill", "tigerd")),
    ),
    beside_insert("sandbox", 3),
    beside_insert("fork of 10,000", 2, is_kept=False),
    beside_plain("read before"),
    beside_plain("first read"),
]
