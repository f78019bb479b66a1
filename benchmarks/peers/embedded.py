"""Stores in files, which every process opens for itself."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from msgpack import packb, unpackb

from benchmarks.peers.base import Peer, allocated_size
from benchmarks.records import Record

MAP_SIZE = 4 << 30  # bytes of address space for LMDB; the file grows only as it is filled


class Embedded(Peer):
    """A store whose size is that of its files."""

    def open(self, directory: Path, table: str) -> None:
        self._directory = directory

    def stored(self) -> int:
        return allocated_size(self._directory)


class Lmdb(Embedded):
    """LMDB, not durable (sync=False), a transaction for each call."""

    name = "lmdb"
    needs = ("lmdb",)

    def open(self, directory: Path, table: str) -> None:
        super().open(directory, table)
        self._environment = import_module("lmdb").open(
            str(directory), map_size=MAP_SIZE, sync=False, max_dbs=3
        )
        self._begin = self._environment.begin
        self._records = self._environment.open_db(b"records")

    def close(self) -> None:
        self._environment.close()

    def get(self, record_id: str) -> Record | None:
        with self._begin(self._records) as transaction:
            body = transaction.get(record_id.encode())
        return None if body is None else unpackb(body)

    miss = get

    def insert(self, record: Record) -> None:
        with self._begin(self._records, write=True) as transaction:
            self._put(transaction, record)

    def insert_many(self, records: Iterable[Record]) -> None:
        with self._begin(self._records, write=True) as transaction:
            for record in records:
                self._put(transaction, record)

    batch = insert_many

    def clear(self) -> None:
        with self._begin(self._records, write=True) as transaction:
            transaction.drop(self._records, delete=False)

    def count(self) -> int:
        with self._begin(self._records) as transaction:
            number: int = transaction.stat(self._records)["entries"]
            return number

    def _put(self, transaction: Any, record: Record) -> None:
        transaction.put(record["id"].encode(), packb(record))


class LmdbIndexed(Lmdb):
    """LMDB with the two indexes that lists need, kept by hand; records are only ever new."""

    name = "lmdb, indexed"

    def open(self, directory: Path, table: str) -> None:
        super().open(directory, table)
        self._order = self._environment.open_db(b"order")
        self._customers = self._environment.open_db(b"customers", dupsort=True)

    def list10(self) -> list[Record]:
        with self._begin(self._records) as transaction:
            newest = transaction.cursor(self._order)
            newest.last()
            pairs = zip(range(10), newest.iterprev(keys=False), strict=False)
            return [unpackb(transaction.get(key)) for _, key in pairs]

    def find_by(self, customer: str) -> list[Record]:
        with self._begin(self._records) as transaction:
            matches = transaction.cursor(self._customers)
            if not matches.set_key(customer.encode()):
                return []
            return [unpackb(transaction.get(key)) for key in matches.iternext_dup()]

    def _put(self, transaction: Any, record: Record) -> None:
        super()._put(transaction, record)
        key = record["id"].encode()
        number = transaction.stat(self._order)["entries"]
        place = record["created"].to_bytes(8, "big") + number.to_bytes(8, "big")
        transaction.put(place, key, db=self._order)
        if customer := record.get("customer"):
            transaction.put(customer.encode(), key, db=self._customers)


class Sqlite(Embedded):
    """sqlite in WAL mode, not durable (synchronous=OFF), with the indexes that lists need."""

    name = "sqlite"
    needs = ("sqlite3",)

    _SCHEMA = """
        PRAGMA journal_mode = WAL;
        CREATE TABLE IF NOT EXISTS records (
            number INTEGER PRIMARY KEY, id TEXT UNIQUE, created INTEGER, customer TEXT, body BLOB);
        CREATE INDEX IF NOT EXISTS by_created ON records (created, number);
        CREATE INDEX IF NOT EXISTS by_customer ON records (customer, created, number)
            WHERE customer IS NOT NULL;
    """
    _INSERT = "INSERT OR REPLACE INTO records (id, created, customer, body) VALUES (?, ?, ?, ?)"
    _GET = "SELECT body FROM records WHERE id = ?"
    _LIST = "SELECT body FROM records ORDER BY created DESC, number DESC LIMIT 10"
    _FIND = "SELECT body FROM records WHERE customer = ? ORDER BY created DESC, number DESC"

    def start(self, directory: Path) -> None:
        sqlite3 = import_module("sqlite3")
        connection = sqlite3.connect(directory / "records.sqlite")
        connection.executescript(self._SCHEMA)
        connection.close()

    def open(self, directory: Path, table: str) -> None:
        super().open(directory, table)
        self._connection = import_module("sqlite3").connect(
            directory / "records.sqlite", isolation_level=None, timeout=60
        )
        self._connection.execute("PRAGMA synchronous = OFF")
        self._execute = self._connection.execute

    def close(self) -> None:
        self._connection.close()

    def get(self, record_id: str) -> Record | None:
        row = self._execute(self._GET, (record_id,)).fetchone()
        return None if row is None else unpackb(row[0])

    miss = get

    def insert(self, record: Record) -> None:
        self._execute(self._INSERT, self._row(record))

    def insert_many(self, records: Iterable[Record]) -> None:
        self._execute("BEGIN IMMEDIATE")
        self._connection.executemany(self._INSERT, map(self._row, records))
        self._execute("COMMIT")

    batch = insert_many

    def list10(self) -> list[Record]:
        return [unpackb(body) for (body,) in self._execute(self._LIST)]

    def count(self) -> int:
        number: int = self._execute("SELECT count(*) FROM records").fetchone()[0]
        return number

    def find_by(self, customer: str) -> list[Record]:
        return [unpackb(body) for (body,) in self._execute(self._FIND, (customer,))]

    def clear(self) -> None:
        self._execute("DELETE FROM records")

    def _row(self, record: Record) -> tuple[str, int, str | None, bytes]:
        return record["id"], record["created"], record.get("customer"), packb(record)


class DiskCache(Embedded):
    """diskcache.Cache with its defaults, but nothing evicted; it pickles records."""

    name = "diskcache"
    needs = ("diskcache",)

    def open(self, directory: Path, table: str) -> None:
        super().open(directory, table)
        self._cache = import_module("diskcache").Cache(str(directory), eviction_policy="none")

    def close(self) -> None:
        self._cache.close()

    def get(self, record_id: str) -> Record | None:
        record: Record | None = self._cache.get(record_id)
        return record

    miss = get

    def insert(self, record: Record) -> None:
        self._cache.set(record["id"], record)

    def insert_many(self, records: Iterable[Record]) -> None:
        with self._cache.transact():
            for record in records:
                self._cache.set(record["id"], record)

    batch = insert_many
