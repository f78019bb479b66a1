"""How long it takes to give a test its own account, and to clear it.

In a table of 10,000 coupons. Before each clear, and each insert that is compared with one, it is
filled anew and 300 others are inserted one by one, untimed: so processes are awake, as in a test,
and the cleaning after the clear before is done.

- clear of 10,000: clear_namespace; a peer clears the whole store
- insert after a fill: what the clear is compared with
- insert after a clear: the first one, which might have to tidy up
- 1,000 inserts after a clear: each of them timed; the longest tells whether tidying up blocks them

Without that, beside an insert timed in the same way, in a loop (tigerd only):

- sandbox: entered and left, empty
- fork of 10,000: entered and left
- get, in a fork, read before and first read: of a record that is inherited, and of one that is not
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count

from benchmarks import records
from benchmarks.bars import Bar, longest, times
from benchmarks.bench_read import read_before, read_first
from benchmarks.bench_write import insert
from benchmarks.peers import Peer
from benchmarks.workload import Load, Plan, Trial, Workload

RECORDS = 10_000
OTHERS = 300  # inserts that wake everybody up, and give a cleaner its time
FOLLOWING = 1_000  # inserts after a clear
STORES = ("tigerd", "lmdb", "sqlite", "redis")
TIGERD = ("tigerd",)
ROUNDS = 3
EMPTY = Load("coupons")
CHANGED = Load("coupons", RECORDS)
UNCHANGED = Load("coupons", RECORDS, reused=True)


def clear(peer: Peer, trial: Trial) -> Plan:
    return Plan(peer.operation("clear"), samples=samples(trial), before=filler(peer))


def insert_after_fill(peer: Peer, trial: Trial) -> Plan:
    return insert_after(in_turn(peer.operation("clear"), filler(peer)), peer, trial)


def insert_after_clear(peer: Peer, trial: Trial) -> Plan:
    return insert_after(in_turn(filler(peer), peer.operation("clear")), peer, trial)


def insert_after(work: Callable[[], None], peer: Peer, trial: Trial) -> Plan:
    new = records.make("coupons", samples(trial) + 1, trial.seed)
    return Plan(peer.operation("insert"), new, once=True, samples=samples(trial), before=work)


def inserts_after_clear(peer: Peer, trial: Trial) -> Plan:
    fill_and_clear = in_turn(filler(peer), peer.operation("clear"))
    number = count()

    def clear_before_the_first() -> None:
        if next(number) % FOLLOWING == 0:
            fill_and_clear()

    new = records.make("coupons", samples(trial) * FOLLOWING, trial.seed)
    return Plan(
        peer.operation("insert"),
        new,
        once=True,
        samples=len(new),
        before=clear_before_the_first,
        warmed=False,
    )


def filler(peer: Peer) -> Callable[[], None]:
    made, others = records.make("coupons", RECORDS), records.make("coupons", OTHERS, "others")
    insert_many, insert_one = peer.operation("insert_many"), peer.operation("insert")

    def fill() -> None:
        insert_many(made)
        for record in others:
            insert_one(record)

    return fill


def in_turn(*steps: Callable[[], object]) -> Callable[[], None]:
    def take_steps() -> None:
        for step in steps:
            step()

    return take_steps


def samples(trial: Trial) -> int:
    return 3 if trial.quick else 5


def called(peer: Peer, _: Trial, operation: str) -> Plan:
    return Plan(peer.operation(operation), long=True)


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
    Workload("clear of 10,000", STORES, EMPTY, clear, group="clear"),
    Workload("insert after a fill", TIGERD, EMPTY, insert_after_fill, group="clear"),
    Workload("insert after a clear", TIGERD, EMPTY, insert_after_clear, group="clear"),
    Workload("1,000 inserts after a clear", TIGERD, EMPTY, inserts_after_clear),
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
    Bar(
        "longest of 1,000 inserts after a clear, in 20 ms",
        1,
        longest(("1,000 inserts after a clear", "tigerd"), limit_ns=20e6),
    ),
    beside_insert("sandbox", 3),
    beside_insert("fork of 10,000", 2, is_kept=False),
    beside_plain("read before"),
    beside_plain("first read"),
]
