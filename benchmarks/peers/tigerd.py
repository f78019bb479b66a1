"""tigerd itself, through its public interface alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import records
from benchmarks.peers.base import CHUNK, Peer, allocated_size, private_size, resident_size
from benchmarks.records import Record

SEED = 1_000  # records of an account, where accounts or clients or forks are counted
OF_TABLE = ("get", "peek", "insert", "update", "delete", "count")  # are a table's own methods


class Tigerd(Peer):
    """A daemon of its own, and a namespace of its own in it."""

    name = "tigerd"
    needs: tuple[str, ...] = ("tiger", "tigerd")

    def start(self, directory: Path) -> None:
        self._daemon("start", directory).check_returncode()

    def stop(self, directory: Path) -> None:
        self._daemon("stop", directory)

    def open(self, directory: Path, table: str) -> None:
        self._exits = ExitStack()
        self._directory = directory
        self._store = self._exits.enter_context(
            import_module("tiger").connect(directory=str(directory), namespace="bench")
        )
        self._table_name = table
        self._table = self._store.table(table)
        self._inserter = self._exits.enter_context(ThreadPoolExecutor(1))

    def close(self) -> None:
        self._exits.close()

    def operation(self, name: str) -> Callable[..., Any]:
        """Return the table's own method where there is one, so that nothing is added to it."""
        found: Callable[..., Any] = getattr(self._table if name in OF_TABLE else self, name)
        return found

    def insert_elsewhere(self, record: Record) -> None:
        self._store.namespace("elsewhere").table(self._table_name).insert(record)

    def wait_for_insert(self, record: Record) -> None:
        """Wait for a record that another thread is told to insert."""
        self._inserter.submit(self._table.insert, record)
        self._table.wait_for(customer=record["customer"])

    def insert_many(self, records: Iterable[Record]) -> None:
        self._table.insert_many(list(records))

    def miss(self, record_id: str) -> Record | None:
        record: Record | None = self._table.get(record_id, None)
        return record

    def batch(self, records: Iterable[Record]) -> None:
        with self._store.batch() as batch:
            insert = batch.table(self._table_name).insert
            for record in records:
                insert(record)

    def list10(self) -> Any:
        return self._table.list(limit=10)

    def find_by(self, customer: str) -> Any:
        return self._table.find_by_customer(customer)

    def clear(self) -> None:
        self._store.clear_namespace()

    def sandbox(self) -> None:
        with self._store.sandbox():
            pass

    def fork(self) -> None:
        with self._store.fork():
            pass

    def enter_fork(self) -> None:
        self._store = self._exits.enter_context(self._store.fork())
        self._table = self._store.table(self._table_name)

    def insert_and_delete(self, record: Record) -> None:
        self._table.insert(record)
        self._table.delete(record["id"])

    def fill_records(self, count: int) -> None:
        """Write so many coupons, oldest first, with the bodies of a few."""
        made = records.make("coupons", SEED)
        for begin in range(0, count, CHUNK):
            self._table.insert_many(
                {
                    **made[number % SEED],
                    "id": records.identifier("coupon", number),
                    "created": records.created_at(number),
                }
                for number in range(begin, min(begin + CHUNK, count))
            )

    def fill_accounts(self, count: int) -> None:
        """Write coupons into so many namespaces, this one among them."""
        self.fill_records(SEED)
        made = records.make("coupons", SEED)
        for number in range(1, count):
            self._store.namespace(f"account-{number}").table("coupons").insert_many(made)

    def begin_forks(self, count: int) -> None:
        """Write coupons and begin so many forks of them, which stay."""
        self.fill_records(SEED)
        for number in range(count):
            self._store.begin_fork(f"fork-{number}")

    def fill_for_clients(self, _: int) -> None:
        """Write coupons, as many for any number of clients."""
        self.fill_records(SEED)

    def connect_others(self, count: int) -> None:
        """Be so many more clients, until `close`."""
        for _ in range(count):
            store = import_module("tiger").connect(directory=str(self._directory))
            self._exits.enter_context(store).ping()

    def fill_tables(self) -> None:
        for name in self._store.tables():
            self._store.table(name).insert({"id": "only"})

    def stored(self) -> int:
        return allocated_size(self._directory)

    def server(self) -> int:
        pid: int = self._store.ping()["pid"]
        return pid

    def resident(self) -> int:
        return resident_size(self.server())

    def private_size(self) -> int:
        return private_size(self.server())

    def insert_after_kill(self, record: Record) -> None:
        os.kill(self.server(), signal.SIGKILL)
        self._table.insert(record)

    def launch(self, directory: Path) -> None:
        with import_module("tiger").connect(directory=str(directory)) as store:
            store.ping()

    @staticmethod
    def _daemon(command: str, directory: Path) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "tigerd", command, "--dir", str(directory)],
            check=False,
            stdout=subprocess.DEVNULL,
        )
