"""Several processes share one store: they write, read, page, search and clear, and show it."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import tiger
from tigerd.cli.output import describe_count
from tigerd.tools.audit import audit

COUPONS = 500
"""Records that each process writes."""
READS = 20_000
"""Reads that each process makes, of what all of them wrote."""
PRODUCTS = 8

console = Console()


def main() -> None:
    """Start the processes, look at what they did, and clear up."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("processes", type=at_least_one, nargs="?", default=4, help="how many (4)")
    count = parser.parse_args().processes
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a fresh directory in it
    with tempfile.TemporaryDirectory(prefix="tigerd-demo-", dir=place) as directory:
        with tiger.connect(directory) as store:
            daemon = store.ping()
            console.print(
                f"One daemon (process {daemon['pid']}) at {directory}, "
                f"{describe_count(count, 'worker')}.\n"
            )
            results = run_workers(directory, count)
            show_workers(results)
            show_store(store, count)
            show_namespaces(store)
            check(directory)
        subprocess.run([sys.executable, "-m", "tigerd", "stop", "--dir", directory], check=True)


def at_least_one(text: str) -> int:
    """Return a number of processes."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: use 1 or more processes")
    return int(text)


def run_workers(directory: str, count: int) -> list[dict[str, Any]]:
    """Run worker processes at the same time; return what each of them measured."""
    command = [sys.executable, __file__, "--worker", directory]
    workers = [
        subprocess.Popen([*command, str(number), str(count)], stdout=subprocess.PIPE)
        for number in range(count)
    ]
    outputs = [worker.communicate()[0] for worker in workers]
    return [json.loads(output) for output in outputs]


def work(directory: str, number: int, count: int) -> None:
    """Be a worker: write coupons and plans, and read what all workers wrote."""
    with tiger.connect(directory) as store:
        began = time.perf_counter()
        for n in range(COUPONS):
            store.coupons.insert(
                {
                    "id": f"worker{number}-{n}",
                    "object": "coupon",
                    "created": 1_700_000_000 + n,
                    "percent_off": 5 + n % 50,
                    "duration": "once",
                    "metadata": {"worker": str(number)},
                    "valid": n % 2 == 0,
                }
            )
            if n % 5 == 0:
                store.plans.insert({"product": f"prod_{n % PRODUCTS}", "active": True})
        written = time.perf_counter()
        hits = 0
        for n in range(READS):
            coupon = store.coupons.get(f"worker{n % count}-{n % COUPONS}", None)
            hits += coupon is not None
        read = time.perf_counter()
        writes = COUPONS + COUPONS // 5
        result = {
            "writes": writes,
            "write_us": 1e6 * (written - began) / writes,
            "reads": READS,
            "hits": hits,
            "read_us": 1e6 * (read - written) / READS,
        }
        sys.stdout.write(json.dumps(result))


def show_workers(results: list[dict[str, Any]]) -> None:
    """Draw what each worker did."""
    table = Table("worker")
    for name in ("writes", "each", "reads", "found", "each"):
        table.add_column(name, justify="right")
    for number, result in enumerate(results):
        table.add_row(
            str(number),
            f"{result['writes']:,}",
            f"{result['write_us']:.0f} µs",
            f"{result['reads']:,}",
            f"{result['hits']:,}",
            f"{result['read_us']:.2f} µs",
        )
    table.title = f"{describe_count(len(results), 'worker')}, at the same time"
    console.print(table)


def show_store(store: tiger.Store, count: int) -> None:
    """Page, search and count over what they wrote together."""
    table = Table("what", "answer", "took", title="\nWhat they wrote together")
    page = store.coupons.list(limit=3)
    asked: list[tuple[str, Any]] = [
        ("coupons.count()", store.coupons.count),
        ("coupons.list(limit=3)", lambda: [coupon["id"] for coupon in store.coupons.list(limit=3)]),
        (
            "the page after it",
            lambda: [
                coupon["id"]
                for coupon in store.coupons.list(limit=3, starting_after=page.data[-1]["id"])
            ],
        ),
        ("len(coupons.find_active())", lambda: len(store.coupons.find_active())),
        (
            "len(plans.find_by_product('prod_0'))",
            lambda: len(store.plans.find_by_product("prod_0")),
        ),
        ("namespaces()", store.namespaces),
    ]
    for name, ask in asked:
        began = time.perf_counter()
        answer = ask()
        took = time.perf_counter() - began
        table.add_row(name, str(answer), f"{1e6 * took:,.0f} µs")
    console.print(table)
    assert store.coupons.count() == count * COUPONS


def show_namespaces(store: tiger.Store) -> None:
    """Give a test an account of its own, and clear it."""
    console.print("\nA sandbox is a namespace of its own, cleared at its end:")
    with store.sandbox() as test:
        test.coupons.insert_many({"id": f"c{n}", "valid": True} for n in range(10_000))
        console.print(
            f"  inside:  {test.coupons.count():,} coupons, outside: {store.coupons.count():,}"
        )
        began = time.perf_counter()
        test.clear_namespace()
        took = time.perf_counter() - began
        console.print(f"  cleared: {test.coupons.count()} coupons, in {1e6 * took:.0f} µs")
    with store.batch() as batch:
        batch.coupons.insert({"id": "both", "valid": True})
        batch.plans.insert({"id": "or-none"})
    with store.snapshot() as view:
        store.coupons.delete("both")
        there = "both" in view.coupons
        console.print(f"  a snapshot at commit {view.commit} still has what was deleted: {there}")


def check(directory: str) -> None:
    """Audit every segment."""
    report = audit(Path(directory))
    console.print(
        f"\ntigerd check: {describe_count(len(report.findings), 'fault')} at commit "
        f"{report.commit:,}, in {describe_count(report.tables, 'table')}, "
        f"{describe_count(report.records, 'record')}, {describe_count(report.versions, 'version')}."
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
