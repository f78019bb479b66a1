"""One process of a storm over several hosts: `writer.py DIRECTORY NUMBER SEED`.

It writes until stdin has a line, and prints what came of each write as one line of JSON: a pair of
what was said (acknowledged, refused, unknown, undone by a rollback) and the ids of the records.
"""

from __future__ import annotations

import json
import random
import select
import sys
import time
from contextlib import suppress
from typing import Any

import tiger

ERROR_S = 0.05
TIMEOUTS_S = (30.0, 3.0, 10.0, 1.0)


def main() -> None:
    directory, number, seed = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    source = random.Random(f"{seed}/{number}")
    notes: list[Any] = []
    timeout_s = TIMEOUTS_S[number % len(TIMEOUTS_S)]
    with tiger.connect(directory, autostart=False, timeout_s=timeout_s) as store:
        print(json.dumps("ready"), flush=True)
        for turn in range(sys.maxsize):
            if select.select([sys.stdin], [], [], 0)[0]:
                break
            write(store, f"w{number}-{turn}", source, notes)
    print(json.dumps(notes), flush=True)


def write(store: tiger.Store, id: str, source: random.Random, notes: list[Any]) -> None:
    """Do one thing, and note what came of it; where nobody answers, start a daemon."""
    ids, call = chosen(store, id, source, notes)
    try:
        call()
    except (tiger.DaemonUnavailable, tiger.StoreFull):
        notes.append(("refused", ids))
        revive(store)
    except tiger.OutcomeUnknown:
        notes.append(("unknown", ids))
        revive(store)
    else:
        notes.append(("acknowledged", ids))


def revive(store: tiger.Store) -> None:
    """Have a daemon; the log may be out of reach, or this host full: then again later."""
    time.sleep(ERROR_S)
    try:
        tiger.connect(store.directory).close()
    except tiger.TigerError:
        time.sleep(ERROR_S)


def chosen(
    store: tiger.Store, id: str, source: random.Random, notes: list[Any]
) -> tuple[list[str], Any]:
    """Return the ids that a call writes, and the call."""
    number = id.partition("-")[0]
    record = {"id": id, "created": source.randrange(1000), "product": f"p{source.randrange(5)}"}
    kind = source.random()
    if kind < 0.5:
        return [id], lambda: store.plans.create(record)
    if kind < 0.7:
        return [id], lambda: store.namespace(number).plans.create(record)
    if kind < 0.8:
        ids = [f"{id}.{part}" for part in range(3)]
        return ids, lambda: batch(store, ids)
    if kind < 0.85:
        return [], lambda: undo(store.namespace(f"rolled-{number}"), id, notes)
    if kind < 0.9:
        return [], lambda: undo_with_others(store.namespace("cleared-common"), id)
    if kind < 0.97:
        return [], lambda: store.namespace(f"cleared-{number}").plans.create(record)
    return [], lambda: store.clear_namespace(f"cleared-{number}")


def batch(store: tiger.Store, ids: list[str]) -> None:
    with store.batch() as block:
        for id in ids:
            block.coupons.create({"id": id})


def undo(store: tiger.Store, id: str, notes: list[Any]) -> None:
    """Roll back to a record in a namespace of one's own, and note what has to be there."""
    kept = f"{id}.kept"
    outcomes = "unknown", "unknown"
    try:
        store.plans.create({"id": kept, "product": "kept"})
        mark = store.mark()
        store.plans.create({"id": id})
        store.plans.delete(kept)
        store.rollback(mark)
        outcomes = "acknowledged", "undone"
    finally:
        notes += zip(outcomes, ([kept], [id]), strict=True)


def undo_with_others(store: tiger.Store, id: str) -> None:
    """Roll back what all others write, too; where they write all the while, it changes nothing."""
    with suppress(tiger.Conflict), store.savepoint():
        store.plans.insert({"id": id, "created": 1})
        store.plans.delete(f"{id}.kept")
    store.plans.insert({"id": f"{id}.kept", "created": 1})


main()
