"""What another process does to a store, beside the test."""

import json
import sys
from pathlib import Path
from typing import Any

import tiger
from tiger.format.record import Record


def read_everything(store: tiger.Store) -> list[Any]:
    """Return what every kind of read gives, as JSON would carry it."""
    coupons = store.coupons
    with store.snapshot() as view:
        seen = view.coupons.list().to_dict()
    return [
        coupons.get("A"),
        coupons["B"],
        dict(coupons.peek("é 📎")),
        coupons.get("nobody", None),
        "A" in coupons,
        coupons.list().to_dict(),
        coupons.list(limit=1, starting_after="B").to_dict(),
        coupons.list(limit=1, ending_before="A", valid=True).to_dict(),
        coupons.count(),
        coupons.find_active(),
        coupons.find_by("created", 2),
        list(coupons),
        coupons.list_namespace(store.current_namespace),
        coupons.version("A"),
        store.namespaces(),
        sorted(store.tables()),
        seen,
    ]


def look_at_each_line(store: tiger.Store) -> object:
    seen = []
    for _ in sys.stdin:
        record = store.coupons.get("A", None)
        listed = [other["id"] for other in store.coupons.list()]
        seen.append([record and record["n"], listed, len(store.coupons.find_active())])
        print("seen", flush=True)
    return seen


def insert_and_add(store: tiger.Store, number: int) -> bool:
    for turn in range(50):
        store.coupons.insert({"id": f"{number}-{turn}", "writer": number})
        store.coupons.modify("sum", lambda record: {**record, "n": record["n"] + 1})
    return True


def listed_ids(store: tiger.Store) -> list[str]:
    return [record["id"] for record in store.coupons.list(limit=50).auto_paging_iter()]


def insert_until_it_fails(store: tiger.Store) -> str:
    """Tell each write that was answered."""
    try:
        for number in range(1_000_000):
            store.coupons.insert({"id": f"c{number}", "n": number})
            print(number, flush=True)
    except tiger.TigerError as error:
        return type(error).__name__
    return "nothing failed"


def insert_when_told(store: tiger.Store, number: int) -> int:
    print(store.ping()["pid"], flush=True)
    sys.stdin.read()
    store.coupons.insert({"id": str(number)})
    return int(store.ping()["pid"])


def read_pairs(store: tiger.Store) -> int:
    """Read two records that a batch writes; each pair is of one commit, and none goes back."""
    print("ready", flush=True)
    pairs, last = 0, 0
    while last < 300:
        with store.snapshot() as view:
            first, second = view.coupons.get("A")["n"], view.plans.get("A")["n"]
        assert first == second, (first, second)
        assert first >= last, (first, last)
        pairs, last = pairs + 1, first
    return pairs


def write_pairs(store: tiger.Store) -> None:
    """Write two tables always together, until killed."""
    for n in range(100_000):
        with store.batch() as batch:
            batch.coupons.insert({"id": "A", "n": n})
            batch.plans.insert({"id": "A", "n": n})
        if n == 0:
            print("begun", flush=True)


def write_at_random_places(store: tiger.Store) -> bool:
    print("ready", flush=True)
    for n in range(600):
        store.coupons.update({"id": f"c{n % 200}", "created": (n * 31) % 11})
        if n % 3 == 0:
            store.coupons.delete(f"c{n % 17}")
            store.coupons.insert({"id": f"c{n % 17}", "created": n % 5})
    return True


def use_defined_table(store: tiger.Store) -> object:
    gadgets: Any = store.table("gadgets")  # type checkers know no finder of it
    gadgets.insert({"id": "b", "colour": "red"})
    return [gadgets.prefix, gadgets.url, gadgets.find_by_colour("red")]


def change_fork(store: tiger.Store) -> object:
    store.coupons.delete("c0")
    store.coupons.update({"id": "c1", "n": 1})
    return [store.coupons.count(), store.coupons.get("c2")["id"]]


def insert_two_events(store: tiger.Store) -> Record:
    store.events.insert({"id": "no", "type": "other"})
    return store.events.insert({"id": "yes", "type": "invoice.paid"})


def read_all_tables(store: tiger.Store) -> dict[str, dict[str, Record]]:
    return {name: {record["id"]: record for record in store.table(name)} for name in store.tables()}


def insert_all_of(store: tiger.Store, path: str) -> dict[str, int]:
    records = json.loads(Path(path).read_text())
    return {name: store.table(name).insert_many(found) for name, found in records.items()}
