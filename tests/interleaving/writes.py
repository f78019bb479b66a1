"""What the writer does while others read: two steps or so each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from zlib import crc32

from tests.support.daemon import DRAIN, SLOTS_MIN, Step
from tests.support.model import clear_namespace, delete, fork, patch, put, put_many, rollback
from tests.support.scenarios import (
    CHANGED,
    CUSTOMERS,
    ENDED,
    FORKED,
    FORKED_KEYS,
    GARBAGE,
    GROWING,
    INVOICES,
    KEYS,
    NESTED,
    PARENT,
    RECORDS,
    SCENARIOS,
    WRITTEN,
    Scenario,
    invoice,
    wide,
)
from tests.support.simulation import Cut, Recording, record

SOON: Step = [put(INVOICES, "a", **invoice("i3", 6, "c0", n=1))]
LATER: Step = [put(INVOICES, "a", **invoice("i3", 6, "c1", n=2))]

MANY = put_many(CUSTOMERS, "a", [{"id": f"n{n}", "email": "e1"} for n in range(8)])

WRITES: dict[str, tuple[Scenario, Sequence[Step | Cut]]] = {
    "put_over_twice": (Scenario(RECORDS, 0), [SOON, LATER]),
    "put_over_and_clean": (Scenario(RECORDS, 0), [SOON, DRAIN, LATER, DRAIN]),
    "move_in_the_list": (
        Scenario(RECORDS, 0),
        [[patch(INVOICES, "a", "i3", created=1)], [patch(INVOICES, "a", "i3", created=50)], DRAIN],
    ),
    "delete_and_put": (Scenario(RECORDS, 0), [[delete(INVOICES, "a", "i3")], SOON, DRAIN]),
    "delete_clean_and_put": (Scenario(RECORDS, 0), [[delete(INVOICES, "a", "i3")], DRAIN, LATER]),
    "put_new_ones": (
        Scenario(RECORDS, 0),
        [[put(INVOICES, "a", **invoice(f"n{n}", 6, "c0"))] for n in range(4)],
    ),
    "put_many": (
        Scenario(RECORDS, 0),
        [[put_many(INVOICES, "a", [invoice(f"i{n}", 4 + n, "c0") for n in (3, 1, 9)])]],
    ),
    "swap_in_a_batch": (
        Scenario(RECORDS, 0),
        [[*SOON, delete(INVOICES, "a", "i4")], [put(INVOICES, "a", **invoice("i4", 7, "c0"))]],
    ),
    "clear": (Scenario(ENDED, 0), [[clear_namespace(None, "a")], DRAIN, SOON]),
    "clear_and_put_in_a_batch": (
        Scenario(RECORDS, 0),
        [[clear_namespace(None, "a"), *SOON], DRAIN, LATER],
    ),
    "clean_what_had_ended": (Scenario(ENDED, 0), [LATER, DRAIN]),
    "grow_the_index": (
        Scenario([*KEYS, GROWING[0], GROWING[1]], 0),
        [GROWING[2], [put(CUSTOMERS, "a", "k7", email="e9")], [MANY], LATER],
    ),
    "empty_a_chunk": (Scenario(GARBAGE, 0), [DRAIN, wide(14)[6], DRAIN]),
    "be_killed_before_the_commit": (
        Scenario(ENDED, 0),
        [Cut(SCENARIOS["batch"].step), SOON, Cut([delete(INVOICES, "a", "i4"), *LATER]), DRAIN],
    ),
    "be_killed_while_a_chunk_is_emptied": (
        Scenario(GARBAGE, 0),
        [Cut(DRAIN, 200), wide(14)[6], Cut(DRAIN, 80), DRAIN],
    ),
}
"""What was there before, and the steps that are recorded."""


def in_the_way(key: str, scope: int, other: int) -> str:
    """Return a key of another scope that the smallest index looks for at the same place first."""
    names = (f"z{n}" for n in count())
    home = crc32(key.encode(), scope) % SLOTS_MIN
    return next(name for name in names if crc32(name.encode(), other) % SLOTS_MIN == home)


BLOCKER = in_the_way("k7", 3, 1)
BLOCKED: list[Step] = [
    [put(CUSTOMERS, "z", BLOCKER)],
    [put(CUSTOMERS, "p", "k7", email="e1")],
    [fork("p", "a")],
]
"""The place where "k7" would go in the fork is in use."""

FORKS: dict[str, tuple[Scenario, Sequence[Step | Cut]]] = {
    "fork": (Scenario(PARENT, 0), [[fork("p", "a")], SOON]),
    "write_what_is_inherited": (
        Scenario(FORKED, 0),
        [SOON, [delete(INVOICES, "a", "i1"), put(CUSTOMERS, "a", "k7", email="e9")], DRAIN, LATER],
    ),
    "write_in_a_fork_of_a_fork": (
        Scenario(NESTED, 0),
        [LATER, [patch(INVOICES, "a", "i1", created=50)], [delete(INVOICES, "a", "i0")], DRAIN],
    ),
    "end_a_fork_and_write_to_its_parent": (
        Scenario(WRITTEN, 0),
        [
            [clear_namespace(None, "a")],
            DRAIN,
            [put(INVOICES, "p", **invoice("i3", 6, "c0", n=3))],
            [delete(INVOICES, "p", "i1")],
            DRAIN,
            [fork("p", "a")],
        ],
    ),
    "grow_the_index_below_a_fork": (
        Scenario(FORKED_KEYS, 0),
        [[put(CUSTOMERS, "a", "k7", email="e8")], GROWING[1], [MANY], DRAIN],
    ),
    "write_where_a_place_came_free": (
        Scenario(BLOCKED, 0),
        [[delete(CUSTOMERS, "z", BLOCKER)], DRAIN, [put(CUSTOMERS, "a", "k7", email="e9")], DRAIN],
    ),
    "roll_back": (
        Scenario([*WRITTEN, *CHANGED, *CHANGED[:1]], 0, mark=len(WRITTEN)),
        [[rollback("a", len(WRITTEN))], DRAIN, SOON],
    ),
}
WRITES |= FORKS


def recording_of(name: str, place: Path, *, pinned: bool) -> Recording:
    """Return what a writer stores in one of `WRITES`."""
    scenario, steps = WRITES[name]
    return record(place, scenario.base, steps, pinned=pinned)
