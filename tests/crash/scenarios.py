"""What the daemon is doing when it is killed: one scenario for each thing that it can do."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.support.daemon import DRAIN, Step
from tests.support.model import (
    clear,
    clear_namespace,
    create,
    define,
    delete,
    delete_where,
    patch,
    put,
    put_many,
)
from tiger.record import Record
from tiger.resources import BY_NAME

INVOICES = BY_NAME["invoices"].number
CUSTOMERS = BY_NAME["customers"].number
ITEMS = BY_NAME["subscription_items"].number
DEFINED = 64
WIDE = "x" * 9000
"""Seven of these fill a chunk."""


@dataclass(frozen=True)
class Scenario:
    """Steps before the daemon is started, steps after that, and the step that is cut."""

    base: list[Step]
    step: Step
    warm: list[Step] = field(default_factory=list)


def invoice(
    identity: str, created: int, customer: object, status: str = "open", **more: object
) -> Record:
    """Return a record of the table with the most indexes."""
    return {"id": identity, "created": created, "customer": customer, "status": status, **more}


def wide(count: int, namespace: str = "a") -> list[Step]:
    """Return requests that write so many large records, one each."""
    return [
        [put(CUSTOMERS, namespace, f"w{n}", created=n, email=f"e{n % 3}", text=WIDE)]
        for n in range(count)
    ]


RECORDS: list[Step] = [
    [put_many(INVOICES, "a", [invoice(f"i{n}", 5 + n // 2, f"c{n % 3}") for n in range(8)])],
    [put_many(INVOICES, "b", [invoice("i0", 5, "c0"), invoice("j0", 6, 1), invoice("j1", 6, 1.0)])],
    [put(CUSTOMERS, "a", "u0", email="e0", created=1)],
    [put(CUSTOMERS, "a", "u1", email="e1", created=1)],
    [put_many(ITEMS, "a", [{"id": f"s{n}", "subscription": f"sub{n % 2}"} for n in range(5)])],
]
ENDED: list[Step] = [
    *RECORDS,
    [put(INVOICES, "a", **invoice("i1", 5, "c2", "paid"))],
    [put(INVOICES, "a", **invoice("i1", 5, "c1", "paid"))],
    [put(INVOICES, "a", **invoice("i6", 2, "c0"))],
    [delete(INVOICES, "a", "i2"), delete(INVOICES, "a", "i5")],
    [delete(INVOICES, "b", "j1")],
]
CLEARED: list[Step] = [*ENDED, [clear_namespace(None, "a")], [put(INVOICES, "a", "i9", created=5)]]
GARBAGE: list[Step] = [
    *wide(14),
    *wide(14)[:6],
    *wide(14)[7:],
    *wide(14)[8:],
    [put(CUSTOMERS, "b", "w0")],
]
KEYS: list[Step] = [
    [put_many(CUSTOMERS, "a", [{"id": f"k{n}", "email": f"e{n % 5}"} for n in range(249)])]
]
LONG: list[Step] = [
    [put_many(CUSTOMERS, "a", [{"id": f"l{n}", "created": n, "email": "e1"} for n in range(70)])],
    [put(CUSTOMERS, "a", "deep", created=2, email="e1")],
    [put(CUSTOMERS, "a", "deep", created=2, email="e2")],
    [put(CUSTOMERS, "a", "deep", created=2, email="e1")],
    [delete(CUSTOMERS, "a", "l2")],
]
"""Places in it are found in a sorted copy; versions of one record are in it more than once."""
GROWING: list[Step] = [[put(CUSTOMERS, "a", f"g{n}", email="e1")] for n in range(3)]

SCENARIOS = {
    "first_put": Scenario([], [put(INVOICES, "a", **invoice("i0", 1, "c0"))]),
    "put_new": Scenario(RECORDS, [put(INVOICES, "a", **invoice("new", 7, "c1"))]),
    "put_in_the_middle": Scenario(RECORDS, [put(INVOICES, "a", **invoice("new", 6, "c9"))]),
    "put_in_a_new_namespace": Scenario(RECORDS, [put(INVOICES, "c", **invoice("i0", 1, "c0"))]),
    "put_over": Scenario(ENDED, [put(INVOICES, "a", **invoice("i3", 6, "c0", n=1))]),
    "put_over_with_other_values": Scenario(
        ENDED, [put(INVOICES, "a", **invoice("i3", 6, "c8", "paid"))]
    ),
    "put_over_with_another_created": Scenario(
        ENDED, [put(INVOICES, "a", **invoice("i3", 99, "c0"))]
    ),
    "put_over_what_was_deleted": Scenario(ENDED, [put(INVOICES, "a", **invoice("i2", 6, "c2"))]),
    "put_where_a_namespace_was_cleared": Scenario(
        [*RECORDS, [clear_namespace(None, "a")]], [put(INVOICES, "a", **invoice("i0", 5, "c0"))]
    ),
    "create": Scenario(ENDED, [create(INVOICES, "a", **invoice("new", 3, "c1"))]),
    "patch": Scenario(ENDED, [patch(INVOICES, "a", "i4", status="void", customer=None, created=9)]),
    "delete": Scenario(ENDED, [delete(INVOICES, "a", "i3")]),
    "delete_the_last_of_a_value": Scenario(ENDED, [delete(CUSTOMERS, "a", "u1")]),
    "delete_what_is_not_there": Scenario(ENDED, [delete(INVOICES, "a", "nobody")]),
    "put_many": Scenario(
        ENDED,
        [put_many(INVOICES, "a", [invoice(f"{'in'[n % 2]}{n}", 3 + n, f"c{n}") for n in range(6)])],
    ),
    "delete_where": Scenario(RECORDS, [delete_where(ITEMS, "a", "subscription", "sub1")]),
    "clear_namespace": Scenario(ENDED, [clear_namespace(None, "a")]),
    "clear": Scenario(CLEARED, [clear(INVOICES)]),
    "define": Scenario(RECORDS, [define("gadgets", "colour")]),
    "put_into_a_defined_table": Scenario(
        [*RECORDS, [define("gadgets", "colour")], [define("widgets")]],
        [put(DEFINED, "a", "g0", colour="red")],
    ),
    "batch": Scenario(
        ENDED,
        [
            put(INVOICES, "a", **invoice("new", 6, "c1")),
            delete(INVOICES, "a", "i3"),
            put(CUSTOMERS, "a", "u1", email="e0"),
            clear_namespace(INVOICES, "b"),
            put(INVOICES, "b", **invoice("j0", 1, 1)),
            patch(INVOICES, "a", "i4", customer="c0"),
            delete(ITEMS, "a", "s3"),
            put(ITEMS, "a", "s3", subscription="sub0"),
        ],
    ),
    "put_that_makes_a_chunk": Scenario(wide(6), wide(8)[7]),
    "put_of_a_record_larger_than_chunks_are": Scenario(
        wide(2), [put(CUSTOMERS, "a", "huge", email="e0", text=WIDE * 9)]
    ),
    "batch_that_makes_chunks": Scenario(
        wide(3), [operation for step in wide(20) for operation in step]
    ),
    "put_that_grows_the_index": Scenario(KEYS, GROWING[2], warm=GROWING[:2]),
    "put_while_the_index_moves": Scenario(KEYS, [put(CUSTOMERS, "a", "k7", email="e9")], GROWING),
    "delete_while_the_index_moves": Scenario(KEYS, [delete(CUSTOMERS, "a", "k240")], GROWING),
    "put_deep_in_a_long_list": Scenario(
        LONG,
        [put(CUSTOMERS, "a", "deep", created=2, email="e2")],
        warm=[[put(CUSTOMERS, "a", "deep", created=2, email=f"e{n % 2}")] for n in range(2)],
    ),
    "clean_a_long_list": Scenario(LONG, DRAIN),
    "clean_records": Scenario(ENDED, DRAIN),
    "clean_a_namespace": Scenario(CLEARED, DRAIN),
    "clean_a_chunk": Scenario(GARBAGE, DRAIN),
    "put_while_a_chunk_is_emptied": Scenario(GARBAGE, wide(14)[6], warm=[42]),
    "clear_while_a_chunk_is_emptied": Scenario(GARBAGE, [clear_namespace(None, "a")], warm=[42]),
    "clean_after_a_clear_while_a_chunk_was_emptied": Scenario(
        GARBAGE, DRAIN, warm=[42, wide(14)[6], [clear_namespace(None, "a")]]
    ),
}

MORE: list[Step] = [
    [put(CUSTOMERS, "a", "deep", created=1, email="e1")],
    [put(CUSTOMERS, "a", "deep", created=1, email="e2")],
    [put(INVOICES, "a", **invoice("i3", 6, "c2"))],
    [put(INVOICES, "a", **invoice("i4", 6, "c2")), put(CUSTOMERS, "a", "u9", email="e1")],
    [delete(INVOICES, "a", "i7"), delete(CUSTOMERS, "a", "w3")],
    [put(CUSTOMERS, "a", "w9", created=9, email="e0")],
    3,
    [put(INVOICES, "b", **invoice("j0", 6, 1.0)), put(CUSTOMERS, "a", "k3", email="e3")],
    [put(INVOICES, "a", **invoice("i3", 4, "c2"))],
]
"""Steps after a recovery: what it left broken, they trip over."""
