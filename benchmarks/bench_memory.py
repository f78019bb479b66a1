"""How many bytes a store takes.

- a coupon of 100,000, a session of 10,000: what each takes beyond its own msgpack
- a coupon's msgpack, a session's msgpack: of the same records, which is what the floor keeps
- server, resident, with 10,000 coupons: its memory as the system counts it, shared pages included
- 45 tables: an instance with one record in each table (tigerd only)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgpack import packb

from benchmarks import records
from benchmarks.bars import EXACT, Bar, Figure, Measured, Rows, median_of, size
from benchmarks.peers import Peer
from benchmarks.records import Record
from benchmarks.workload import Load, Plan, Trial, Workload, one_figure

STORES = ("tigerd", "lmdb", "sqlite", "redis")
SERVERS = ("tigerd", "redis")
CHUNK = 1_000  # records of one insert_many
RECORDS = 10_000
COUPONS, SESSIONS = ("coupons", 100_000), ("checkout_sessions", RECORDS)
TABLES_LIMIT = 4 << 20  # bytes
ROUNDS = 1


def beyond_msgpack(peer: Peer, trial: Trial, table: str, count: int) -> Plan:
    made = records.make(table, count, trial.seed)

    def bytes_a_record() -> float:
        before = peer.operation("stored")()
        insert_all(peer, made)
        added: int = peer.operation("stored")() - before
        return added / count - msgpack_size(made)

    return one_figure(bytes_a_record)


def msgpack_alone(_: Peer, trial: Trial, table: str, count: int) -> Plan:
    made = records.make(table, count, trial.seed)
    return one_figure(lambda: msgpack_size(made))


def resident(peer: Peer, trial: Trial) -> Plan:
    made = records.make("coupons", RECORDS, trial.seed)

    def resident_bytes() -> int:
        insert_all(peer, made)
        size: int = peer.operation("resident")()
        return size

    return one_figure(resident_bytes)


def all_tables(peer: Peer, _: Trial) -> Plan:
    def stored_bytes() -> int:
        peer.operation("fill_tables")()
        size: int = peer.operation("stored")()
        return size

    return one_figure(stored_bytes)


def insert_all(peer: Peer, made: list[Record]) -> None:
    insert_many: Callable[[list[Record]], object] = peer.operation("insert_many")
    for begin in range(0, len(made), CHUNK):
        insert_many(made[begin : begin + CHUNK])


def msgpack_size(made: list[Record]) -> float:
    """Return the mean bytes of a record."""
    return sum(len(packb(record)) for record in made) / len(made)


def name_of_msgpack(name: str) -> str:
    return f"{name.partition(' of ')[0]}'s msgpack"


def in_bounds(name: str, factor: float, more_bytes: float) -> Figure:
    """Divide a record's bytes by so many times its msgpack, and some bytes more."""

    def figure(rows: Rows) -> Measured:
        beyond = rows[name, "tigerd"].round_medians
        msgpack = rows[name_of_msgpack(name), "floor"].round_medians
        return median_of(
            [
                (more + body) / (factor * body + more_bytes)
                for more, body in zip(beyond, msgpack, strict=True)
            ]
        )

    return figure


COUPON, SESSION, EACH_TABLE = "a coupon of 100,000", "a session of 10,000", "45 tables"


def workloads_of(name: str, table: str, count: int) -> list[Workload]:
    beyond = partial(beyond_msgpack, table=table, count=count)
    alone = partial(msgpack_alone, table=table, count=count)
    return [
        Workload(name, STORES, Load(table), beyond, unit="bytes"),
        Workload(name_of_msgpack(name), ("floor",), Load(table), alone, unit="bytes"),
    ]


WORKLOADS = [
    *workloads_of(COUPON, *COUPONS),
    *workloads_of(SESSION, *SESSIONS),
    Workload("server, resident", SERVERS, Load("coupons"), resident, unit="bytes"),
    Workload(EACH_TABLE, ("tigerd",), Load("coupons"), all_tables, unit="bytes"),
]
BARS = [
    *(
        Bar(
            f"{name}: {factor} times its msgpack, plus {more_bytes} bytes",
            1,
            in_bounds(name, factor, more_bytes),
            is_kept=(name, factor)
            != (COUPON, 1.25),  # docs/design.md, "Where a record's bytes are"
            tolerance=EXACT,
        )
        for factor, more_bytes in ((1.6, 100), (1.25, 80))
        for name in (COUPON, SESSION)
    ),
    Bar("45 tables, in 4 MiB", 1, size((EACH_TABLE, "tigerd"), TABLES_LIMIT), tolerance=EXACT),
]
