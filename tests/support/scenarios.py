"""What the daemon is doing when it is killed: one scenario for each thing that it can do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tests.support.daemon import DRAIN, SLOTS_MIN, Step
from tests.support.model import (
    clear,
    clear_namespace,
    create,
    define,
    delete,
    delete_where,
    fork,
    patch,
    put,
    put_many,
    rollback,
)
from tiger.format.record import Record
from tiger.format.resources import BY_NAME

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
    mark: int | None = None
    """A commit of the base that a reader holds, to which namespace "a" is rolled back at last."""
    cuts: int = 3
    """How many of the points where the step can be cut are tried, unless the effort is full."""


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
    [delete(CUSTOMERS, "a", f"w{n}") for n in range(1, 5)],
    [put(CUSTOMERS, "b", "w0")],
]
"""More than half of it is garbage, so a chunk is to be emptied."""
EMPTYING = 55
"""Steps of the cleaner until it is amid that."""
KEYS: list[Step] = [
    [put(CUSTOMERS, "a", f"k{n}", email=f"e{n % 5}")] for n in range(SLOTS_MIN // 2 - 9)
]
"""As many as the smallest index holds, with what else is in it, less two."""
LONG: list[Step] = [
    [put_many(CUSTOMERS, "a", [{"id": f"l{n}", "created": n, "email": "e1"} for n in range(70)])],
    [put(CUSTOMERS, "a", "deep", created=2, email="e1")],
    [put(CUSTOMERS, "a", "deep", created=2, email="e2")],
    [put(CUSTOMERS, "a", "deep", created=2, email="e1")],
    [delete(CUSTOMERS, "a", "l2")],
]
"""Places in it are found by marks; versions of one record are in it more than once."""
GROWING: list[Step] = [[put(CUSTOMERS, "a", f"g{n}", email="e1")] for n in range(3)]


def renamed(steps: list[Step], old: str, new: str) -> list[Step]:
    """Return the same requests to another namespace."""
    return [
        [[word if word != old else new for word in operation] for operation in step]
        for step in steps
        if isinstance(step, list)
    ]


PARENT: list[Step] = [
    *renamed(ENDED, "a", "p"),
    [put_many(CUSTOMERS, "p", [{"id": f"k{n}", "email": f"e{n % 5}"} for n in range(3, 9)])],
]
FORKED: list[Step] = [*PARENT, [fork("p", "a")]]
WRITTEN: list[Step] = [
    *FORKED,
    [put(INVOICES, "a", **invoice("i3", 6, "c1")), put(CUSTOMERS, "a", "u1", email="e3")],
    [put_many(INVOICES, "a", [invoice("m0", 5, "c0"), invoice("m1", 99, "c1")])],
    [delete(INVOICES, "a", "i4"), delete(INVOICES, "a", "m1"), delete(CUSTOMERS, "a", "k3")],
    [delete(INVOICES, "a", "i3"), patch(INVOICES, "a", "i1", customer="c0", created=4)],
]
NESTED: list[Step] = [
    *renamed(WRITTEN, "a", "q"),
    [fork("q", "a")],
    [delete(INVOICES, "a", "m0"), put(INVOICES, "a", **invoice("i4", 7, "c0"))],
]
"""A fork of a fork."""
FORKED_KEYS: list[Step] = [*renamed(KEYS, "a", "p"), [fork("p", "a")], [put(CUSTOMERS, "b", "k0")]]
CHANGED: list[Step] = [
    [put(INVOICES, "a", **invoice("i0", 8, "c9"))],
    [delete(INVOICES, "a", "i1"), put(INVOICES, "a", **invoice("i2", 3, "c0"))],
    [put(INVOICES, "a", **invoice("i0", 5, "c2")), put(ITEMS, "a", "new", subscription="sub0")],
    [delete(CUSTOMERS, "a", "u0"), put(CUSTOMERS, "a", "u8", email="e1")],
    [put(INVOICES, "a", **invoice("i1", 5, "c7", "void"))],
]
ANEW: list[Step] = [
    [clear_namespace(None, "a")],
    [put(INVOICES, "a", **invoice("i2", 1, "c0")), put(CUSTOMERS, "a", "u7", email="e1")],
]


def rolled_back(base: list[Step], *changes: list[Step]) -> Scenario:
    """Return the scenario of a rollback to the end of the base, which is held."""
    steps = [*base, *(step for change in changes for step in change)]
    return Scenario(steps, [rollback("a", len(base))], mark=len(base))


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
    "delete_while_the_index_moves": Scenario(KEYS, [delete(CUSTOMERS, "a", "k20")], GROWING),
    "put_deep_in_a_long_list": Scenario(
        LONG,
        [put(CUSTOMERS, "a", "deep", created=2, email="e2")],
        warm=[[put(CUSTOMERS, "a", "deep", created=2, email=f"e{n % 2}")] for n in range(2)],
    ),
    "clean_a_long_list": Scenario(LONG, DRAIN),
    "clean_records": Scenario(ENDED, DRAIN),
    "clean_a_namespace": Scenario(CLEARED, DRAIN),
    "clean_a_chunk": Scenario(GARBAGE, DRAIN),
    "put_while_a_chunk_is_emptied": Scenario(GARBAGE, wide(14)[6], warm=[EMPTYING]),
    "clear_while_a_chunk_is_emptied": Scenario(
        GARBAGE, [clear_namespace(None, "a")], warm=[EMPTYING]
    ),
    "clean_after_a_clear_while_a_chunk_was_emptied": Scenario(
        GARBAGE, DRAIN, warm=[EMPTYING, wide(14)[6], [clear_namespace(None, "a")]]
    ),
}

FORKS = {
    "fork": Scenario(PARENT, [fork("p", "a")]),
    "fork_of_a_fork": Scenario(renamed(WRITTEN, "a", "q"), [fork("q", "a")]),
    "fork_where_one_was_cleared": Scenario(
        [*WRITTEN, [clear_namespace(None, "a")]], [fork("p", "a")]
    ),
    "fork_that_grows_the_index": Scenario(FORKED_KEYS, [fork("p", "q")], cuts=1),
    "put_over_what_is_inherited_twice": Scenario(
        NESTED, [put(INVOICES, "a", **invoice("i7", 8, "c1"))]
    ),
    "put_into_a_fork": Scenario(FORKED, [put(INVOICES, "a", **invoice("new", 6, "c1"))]),
    "put_into_a_fork_that_grows_the_index": Scenario(FORKED_KEYS, GROWING[2], cuts=1),
    "put_over_what_is_hidden": Scenario(WRITTEN, [put(INVOICES, "a", **invoice("i4", 7, "c1"))]),
    "delete_what_is_inherited": Scenario(FORKED, [delete(INVOICES, "a", "i3")]),
    "delete_what_was_overwritten": Scenario(WRITTEN, [delete(INVOICES, "a", "i1")]),
    "delete_what_is_the_forks_own": Scenario(WRITTEN, [delete(INVOICES, "a", "m0")]),
    "delete_where_in_a_fork": Scenario(
        [*FORKED, [put(ITEMS, "a", "s1", subscription="sub1", n=1)]],
        [delete_where(ITEMS, "a", "subscription", "sub1")],
    ),
    "batch_in_a_fork": Scenario(
        NESTED,
        [
            put(INVOICES, "a", **invoice("new", 6, "c1")),
            delete(INVOICES, "a", "i3"),
            delete(INVOICES, "a", "i0"),
            put(INVOICES, "a", **invoice("i0", 5, "c0")),
            put(INVOICES, "a", **invoice("i4", 7, "c2")),
            delete(INVOICES, "a", "i4"),
            put(INVOICES, "a", **invoice("never", 7, "c2")),
            delete(INVOICES, "a", "never"),
            patch(INVOICES, "a", "i7", customer="c0"),
            clear_namespace(CUSTOMERS, "a"),
            put(CUSTOMERS, "a", "u1", email="e0"),
        ],
    ),
    "clear_a_fork": Scenario(WRITTEN, [clear_namespace(None, "a")]),
    "clear_a_table_of_a_fork": Scenario(WRITTEN, [clear_namespace(INVOICES, "a")]),
    "clear_a_fork_of_a_fork_and_put": Scenario(
        NESTED, [clear_namespace(None, "a"), put(INVOICES, "a", **invoice("i4", 7, "c2"))]
    ),
    "put_into_the_parent_when_the_fork_has_ended": Scenario(
        [*WRITTEN, [clear_namespace(None, "a")]], [put(INVOICES, "p", **invoice("i3", 6, "c1"))]
    ),
    "clean_a_fork": Scenario(WRITTEN, DRAIN),
    "clean_after_a_fork": Scenario([*NESTED, [clear_namespace(None, "a")]], DRAIN),
    "clean_a_chunk_below_a_fork": Scenario(
        [*renamed(GARBAGE, "a", "p"), [fork("p", "a")], [delete(CUSTOMERS, "a", "w1")]], DRAIN
    ),
    "roll_back": rolled_back(ENDED, CHANGED),
    "roll_back_what_began": rolled_back([[put(INVOICES, "b", "i0")]], RECORDS),
    "roll_back_a_clear": rolled_back(ENDED, CHANGED, ANEW),
    "roll_back_a_fork": rolled_back(WRITTEN, CHANGED),
    "roll_back_a_fork_of_a_fork": rolled_back(NESTED, CHANGED),
    "roll_back_to_before_a_fork": rolled_back(PARENT, FORKED[-1:], CHANGED),
    "roll_back_the_clear_of_a_fork": rolled_back(WRITTEN, CHANGED, ANEW),
    "roll_back_to_a_fork_that_was_forked_anew": rolled_back(
        WRITTEN, CHANGED, [[clear_namespace(None, "a")], [fork("p", "a")]]
    ),
    "put_while_a_mark_is_held": Scenario(
        [*WRITTEN, *CHANGED], [put(INVOICES, "a", **invoice("i0", 5, "c4"))], mark=len(WRITTEN)
    ),
    "clear_while_a_mark_is_held": Scenario(
        [*WRITTEN, *CHANGED], [clear_namespace(None, "a")], mark=len(WRITTEN)
    ),
    "clean_while_a_mark_is_held": Scenario(
        [*ENDED, *CHANGED, *ANEW, *CHANGED], DRAIN, mark=len(ENDED)
    ),
}

SCENARIOS |= {
    name: replace(scenario, cuts=min(scenario.cuts, 2)) for name, scenario in FORKS.items()
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
