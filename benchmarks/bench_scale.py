"""How time and memory grow with the number of records, accounts, clients and forks.

Of n records in one account; of n accounts with 1,000 records each, asked in one of them; of n
clients that are connected; of n forks of one account with 1,000 records:

- insert: a new record, and its delete, so that n stays; update: of one of 1,000 records
- get, first read: of one of 1,000 records, far from each other; list(limit=10)
- fork: begun and left; clear: of the account, filled anew before each but the first
- stored: the bytes of the instance's files; daemon: those that are the daemon's own

How each grows is n to the power that the figures fit best. And at the ends:

- write after a kill: from `kill -9` of the daemon to the first insert that is acknowledged, three
  times a turn
- start: `tigerd start` after a stop, of an empty instance and of 1,000,000 records
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from benchmarks import records
from benchmarks.bars import Bar, times
from benchmarks.exponents import Series
from benchmarks.peers import Peer
from benchmarks.workload import Load, Plan, Trial, Workload, one_figure

Planned = Callable[..., Plan]

TIGERD = ("tigerd",)
ROUNDS = 1
ASKED = 1_000  # records that reads and updates are about
CLEARED = 100_000  # records that are written at most, so that a clear can be timed again
OTHERS = 150  # inserts, and as many deletes, before a clear: so that everybody is awake
RECORDS = (1_000, 10_000, 100_000, 1_000_000)
ACCOUNTS = CLIENTS = (1, 10, 100, 1_000)
FORKS = (10, 100, 1_000, 10_000)
KILLS = 3  # a turn: starts differ more than what is compared
SLOW = ("clients", "forks")  # have no bars, so a quick run does without them


def insert(peer: Peer, trial: Trial, n: int) -> Plan:
    made = records.make("coupons", ASKED, trial.seed)
    newest = records.FIRST_CREATED + RECORDS[-1]
    return Plan(
        peer.operation("insert_and_delete"),
        [{**record, "created": newest} for record in made],
        long=not trial.quick,
    )


def update(peer: Peer, trial: Trial, n: int) -> Plan:
    made = records.make("coupons", ASKED, trial.seed)
    return Plan(
        peer.operation("update"),
        [
            {
                **record,
                "id": records.identifier("coupon", number),
                "created": records.created_at(number),
            }
            for number, record in zip(asked(n), made, strict=True)
        ],
        long=not trial.quick,
    )


def get_first(peer: Peer, trial: Trial, n: int) -> Plan:
    ids = [records.identifier("coupon", number) for number in asked(n)]
    return Plan(peer.operation("get"), ids, once=True, expect=lambda found: found["id"] == ids[0])


def list10(peer: Peer, trial: Trial, n: int) -> Plan:
    return Plan(peer.operation("list10"), expect=lambda page: len(list(page)) == 10)


def fork(peer: Peer, trial: Trial, n: int) -> Plan:
    return Plan(peer.operation("fork"), long=not trial.quick)


def clear(peer: Peer, trial: Trial, n: int) -> Plan:
    count, fill = peer.operation("count"), peer.operation("fill_records")
    insert_and_delete, sandbox = (peer.operation("insert_and_delete"), peer.operation("sandbox"))
    others = records.make("coupons", OTHERS, "others")

    def prepare() -> None:
        if not count():
            fill(n)
        for record in others:
            insert_and_delete(record)
        sandbox()  # is cleared too, so what is timed is not the first clear of a process

    samples = max(1, min(trial.effort.turns, CLEARED // n))
    return Plan(peer.operation("clear"), samples=samples, warmed=False, before=prepare)


def write_after_kill(peer: Peer, trial: Trial, n: int) -> Plan:
    kills = trial.effort.turns * (1 if trial.quick else KILLS)
    made = records.make("coupons", kills + 1, f"{trial.seed} kill")
    newest = records.FIRST_CREATED + RECORDS[-1]
    return Plan(
        peer.operation("insert_after_kill"),
        [{**record, "created": newest} for record in made],
        once=True,
        samples=kills,
    )


def start(peer: Peer, trial: Trial, n: int) -> Plan:
    return Plan(
        peer.start,
        [trial.directory] * (trial.effort.turns + 1),
        once=True,
        samples=trial.effort.turns,
        before=lambda: peer.stop(trial.directory),
    )


def in_one_of(plan: Planned, peer: Peer, trial: Trial, n: int) -> Plan:
    """Plan for an account of 1,000 records, of however many."""
    return plan(peer, trial, ASKED)


def among_clients(plan: Planned, peer: Peer, trial: Trial, n: int) -> Plan:
    peer.operation("connect_others")(n - 1)
    return plan(peer, trial, ASKED)


def in_a_fork(plan: Planned, peer: Peer, trial: Trial, n: int) -> Plan:
    peer.operation("enter_fork")()
    return plan(peer, trial, ASKED)


def size_of(operation: str, peer: Peer, trial: Trial, n: int) -> Plan:
    return one_figure(peer.operation(operation))


def asked(n: int) -> range:
    """Numbers of `ASKED` of n records, as far from each other as they can be."""
    return range(0, n, n // ASKED)[:ASKED]


READS = {"get, first read": get_first, "list(limit=10)": list10}
WRITES = {"insert": insert, "update": update, "fork": fork}
SIZES = {"stored": partial(size_of, "stored"), "daemon": partial(size_of, "private_size")}
KILL, START = "write after a kill", "start"
FILLS = {
    "records": "fill_records",
    "accounts": "fill_accounts",
    "clients": "fill_for_clients",
    "forks": "begin_forks",
}


def workload_of(what: str, plan: Planned, n: int, unit: str) -> Workload:
    """Declare what is measured in a store that all that is measured of this n shares."""
    return Workload(
        name_of(what, n, unit),
        TIGERD,
        Load("coupons", reused=True, more=(FILLS[unit], n)),
        partial(plan, n=n),
        group=f"{what}, {unit}",
        unit="bytes" if what in SIZES else "ns",
        slow=unit in SLOW,
    )


def name_of(what: str, n: int, unit: str) -> str:
    return f"{what}, {n:,} {unit}"


def series_of(unit: str, ns: Sequence[int], plans: Mapping[str, Planned]) -> list[Series]:
    return [
        Series(what, unit, {n: workload_of(what, plan, n, unit) for n in ns})
        for what, plan in plans.items()
    ]


def of_one(plans: Mapping[str, Planned]) -> dict[str, Planned]:
    return {what: partial(in_one_of, plan) for what, plan in plans.items()}


def to_least(what: str, unit: str, ns: Sequence[int], at_most: float, is_kept: bool = True) -> Bar:
    least, most = name_of(what, ns[0], unit), name_of(what, ns[-1], unit)
    return Bar(
        f"{most}: {at_most} times that of {ns[0]:,}",
        at_most,
        times((most, "tigerd"), (least, "tigerd")),
        is_kept,
    )


SERIES = [
    *series_of("records", RECORDS, {**SIZES, **READS, **WRITES}),
    *series_of("accounts", ACCOUNTS, {**SIZES, **of_one({**READS, **WRITES})}),
    *series_of(
        "clients",
        CLIENTS,
        {
            "daemon": partial(among_clients, SIZES["daemon"]),
            "insert": partial(among_clients, insert),
        },
    ),
    *series_of(
        "forks",
        FORKS,
        {
            **SIZES,
            **{what: partial(in_a_fork, plan) for what, plan in READS.items()},
            "insert": partial(in_a_fork, insert),
            **of_one({"fork": fork}),
        },
    ),
    # Last, for afterwards the daemon has much to take away.
    *series_of("records", RECORDS, {"clear": clear}),
    *series_of("accounts", ACCOUNTS, of_one({"clear": clear})),
]
MISSED = (("get, first read", "records"), ("clear", "records"))
EMPTY = Load("coupons", reused=True)
WORKLOADS = [
    Workload(name_of(START, 0, "records"), TIGERD, EMPTY, partial(start, n=0), group=START),
    replace(workload_of(START, start, RECORDS[-1], "records"), group=START),
    *(workload_of(KILL, write_after_kill, n, "records") for n in (RECORDS[0], RECORDS[-1])),
    *(workload for series in SERIES for workload in series.workloads.values()),
]
BARS = [
    *(
        # First reads far apart touch each page for the first time; a large clear is one call.
        to_least(what, unit, ns, 1.25, is_kept=(what, unit) not in MISSED)
        for unit, ns in (("records", RECORDS), ("accounts", ACCOUNTS))
        for what in (*READS, *WRITES, "clear")
    ),
    to_least(KILL, "records", (RECORDS[0], RECORDS[-1]), 1.5),
    to_least(START, "records", (0, RECORDS[-1]), 1.3),
]
