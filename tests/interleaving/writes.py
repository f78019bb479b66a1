"""What the writer does while others read: two steps or so each."""

from __future__ import annotations

from tests.crash.scenarios import (
    CUSTOMERS,
    ENDED,
    GARBAGE,
    GROWING,
    INVOICES,
    KEYS,
    RECORDS,
    Scenario,
    invoice,
    wide,
)
from tests.support.daemon import DRAIN, Step
from tests.support.model import clear_namespace, delete, patch, put, put_many

SOON: Step = [put(INVOICES, "a", **invoice("i3", 6, "c0", n=1))]
LATER: Step = [put(INVOICES, "a", **invoice("i3", 6, "c1", n=2))]

MANY = put_many(CUSTOMERS, "a", [{"id": f"n{n}", "email": "e1"} for n in range(40)])

WRITES: dict[str, tuple[Scenario, list[Step]]] = {
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
}
"""What was there before, and the steps that are recorded."""
