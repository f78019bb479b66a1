"""A storm: something strikes an instance at random moments, while others write and read.

The strike is a kill of the daemon unless another is given. After each few strikes the writers say
what was acknowledged, and all of it must be there, once, and nothing else. The same seed makes the
same choices; the scheduler makes its own.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from threading import Timer
from typing import Any

import tiger
from tests.faults.worker import SHARED
from tests.support.checksums import PRODUCTS, sealed
from tests.support.processes import (
    PATIENCE_S,
    Worker,
    daemons_of,
    instance_directory,
    kill,
    stop,
    wait_for,
    workers,
)
from tigerd.tools.audit import audit

WORKER = Path(__file__).with_name("worker.py")
WRITERS = 3
READERS = 2
TIMEOUTS_S = (30.0, 30.0, 0.1)
"""Of the writers: the last gives up early, so that outcomes are unknown."""
LONGEST_S = 0.25
"""Between two kills: less than a start takes, so some hit a daemon that recovers."""

Known = dict[tuple[str, str], list[Any]]
Strike = Callable[[Random, tiger.Store, Counter[str]], None]


def storm(
    seed: int,
    goes_on: Callable[[Counter[str]], bool],
    *,
    strike: Strike | None = None,
    role: str = "writer",
) -> Counter[str]:
    """Run a storm as long as it is asked to go on; return what happened in it.

    `role` is that of the writing workers (tests/faults/worker.py).
    """
    strike = strike or kill_daemon
    random = Random(seed)
    figures: Counter[str] = Counter()
    with (
        instance_directory() as directory,
        workers() as start,
        tiger.connect(directory, timeout_s=PATIENCE_S) as store,
    ):
        store.coupons.insert(sealed({"id": SHARED, "created": 0, "n": 0}))
        writers = [
            start(WORKER, directory, role, number, seed, TIMEOUTS_S[number])
            for number in range(WRITERS)
        ]
        readers = [
            start(WORKER, directory, "reader", number, seed, 30) for number in range(READERS)
        ]
        for worker in writers + readers:
            assert worker.hear() == "ready"
        reports: list[Any] = []
        while goes_on(figures):
            for _ in range(random.choice((1, 1, 2, 3))):
                time.sleep(random.random() ** 2 * LONGEST_S)
                strike(random, store, figures)
            reports = _pause(writers)
            compare(store, reports, figures)
            if figures["comparisons"] % 4 == 0:
                check(directory)
            for writer in writers:
                writer.say("go")
        reports = _pause(writers)
        compare(store, reports, figures)
        check(directory)
        for reader in readers:
            reader.say("pause")
        for reader in readers:
            figures["reads"] += sum(reader.hear()["done"].values())
        for report in reports:
            figures.update(report["done"])
    return figures


def kill_daemon(random: Random, store: tiger.Store, figures: Counter[str]) -> None:
    """Kill the daemon, whether it serves, starts or recovers."""
    directory = store.directory
    found = wait_for(lambda: daemons_of(directory), "a daemon")
    if random.random() < 0.2:
        stop(found)
        figures["stops"] += 1
        time.sleep(random.random() * 0.15)
        if random.random() < 0.5:
            kill(found, signal.SIGCONT)
    figures["kills"] += kill(found)


def keep_busy(random: Random, store: tiger.Store, figures: Counter[str]) -> None:
    """Send a request that takes the daemon a second or more; sometimes kill it meanwhile."""
    count = random.randrange(20_000, 60_000)
    large = store.namespace(f"large-{random.getrandbits(32):x}")
    records = [{"id": f"r{n}", "created": random.randrange(40)} for n in range(count)]
    killer = Timer(random.random(), kill_daemon, (random, store, figures))
    is_killed = random.random() < 0.3
    if is_killed:
        killer.start()
    try:
        assert large.refunds.insert_many(records) == count
        assert large.refunds.count() == count, f"lost: {large.refunds.count()} of {count}"
        figures["slow"] += 1
    finally:
        if is_killed:
            killer.join()
    large.clear_namespace()


def _pause(writers: list[Worker]) -> list[Any]:
    """Let the writers end what they are at, and return what they know."""
    for writer in writers:
        writer.say("pause")
    return [writer.hear() for writer in writers]


def compare(store: tiger.Store, reports: list[Any], figures: Counter[str]) -> None:
    """Compare all that can be read with what was acknowledged."""
    store.ping()  # a daemon is there, and has recovered
    known: Known = {}
    for report in reports:
        known |= {(table, name): records for table, name, records in report["known"]}
    with tiger.connect(store.directory, autostart=False) as new:
        for seen_by in (store, new):
            _compare_records(seen_by, known)
    added = sum(report["added"] for report in reports)
    unsure = sum(report["unsure"] for report in reports)
    count = store.coupons.get(SHARED)["n"]
    assert count >= added, f"lost: {added} were added, {count} are counted"
    assert count <= added + unsure, f"doubled: {added} were added ({unsure} unsure), not {count}"
    figures["comparisons"] += 1
    figures["compared"] += 2 * len(known)


def _compare_records(store: tiger.Store, known: Known) -> None:
    for (table, name), possible in known.items():
        record = store.table(table).get(name, None)
        assert record in possible, f"lost: {table} {name} is {record}, not one of {possible}"
    with store.snapshot() as view:
        for table in ("plans", "coupons", "events"):
            records = list(view.table(table))
            assert view.table(table).count() == len(records), f"{table}: another count"
            for record in records:
                place = (table, record["id"])
                assert record["id"] == SHARED or record in known.get(place, []), (
                    f"doubled: {place} is {record}, one of {known.get(place)} was acknowledged"
                )
            listed = {record["id"] for record in records}
            assert len(listed) == len(records), f"doubled: in the list of {table}"
            for (of, name), possible in known.items():
                assert of != table or name in listed or None in possible, f"lost: {name}"
        plans = list(view.plans)
        for product in PRODUCTS:
            matching = [record for record in plans if record["product"] == product]
            assert view.plans.find_by_product(product) == matching, f"list of {product}"


def check(directory: Path) -> None:
    """See that the audit finds nothing."""
    report = audit(directory)
    assert not report.findings, "\n".join(str(finding) for finding in report.findings[:10])
