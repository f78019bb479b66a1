"""How a suite would use each store: an account a test, which holds what that test wrote alone.

A client is made once in each process that runs tests. What its accounts return is equal whichever
store it is: records decoded, newest first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from itertools import count
from os import getpid
from pathlib import Path
from typing import Any, Protocol

from msgpack import packb, unpackb

from benchmarks.records import Record

TABLE = "payment_methods"


class Account(Protocol):
    """The records of one test."""

    def insert(self, record: Record, /) -> object:
        """Write a new record, for every process to read."""

    def insert_many(self, records: list[Record], /) -> object:
        """Write new records in the fastest way."""

    def get(self, record_id: str, /) -> Record:
        """Return the record of an id."""

    def list10(self) -> Iterable[Record]:
        """Return the ten newest records."""

    def find_by(self, customer: str, /) -> Iterable[Record]:
        """Return the records of one customer."""


class Client(Protocol):
    """A connection to one store."""

    def account(self) -> AbstractContextManager[Account]:
        """Give an account that is empty, and leave nothing of it."""

    def close(self) -> None:
        """Let go of the store."""


class TigerdClient:
    """A sandbox a test."""

    def __init__(self, directory: Path) -> None:
        self._store = import_module("tiger").connect(directory=str(directory))

    @contextmanager
    def account(self) -> Iterator[Account]:
        with self._store.sandbox() as store:
            yield TigerdAccount(store)

    def close(self) -> None:
        self._store.close()


class TigerdAccount:
    """A table's own calls: nothing is to be added to them."""

    def __init__(self, store: Any) -> None:
        """Take the store of one test."""
        table = store.table(TABLE)
        self.insert: Callable[[Record], object] = table.insert
        self.insert_many: Callable[[list[Record]], object] = table.insert_many
        self.get: Callable[[str], Record] = table.get
        self.list10: Callable[[], Iterable[Record]] = table.list
        self.find_by: Callable[[str], Iterable[Record]] = table.find_by_customer


_numbers = count()


def _unique_name() -> str:
    return f"test-{getpid()}-{next(_numbers)}"


class RedisClient:
    """A prefix of keys for each test; a sorted set of ids for each list and each search."""

    def __init__(self, directory: Path) -> None:
        self._redis = import_module("redis").Redis(unix_socket_path=str(directory / "socket"))

    @contextmanager
    def account(self) -> Iterator[Account]:
        account = _RedisAccount(self._redis, _unique_name())
        try:
            yield account
        finally:
            account.delete_all()

    def close(self) -> None:
        self._redis.close()


class _RedisAccount:
    def __init__(self, redis: Any, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._keys: set[str] = set()

    def insert(self, record: Record) -> None:
        self.insert_many([record])

    def insert_many(self, records: list[Record]) -> None:
        """Write records and their places in the sets, in one round trip."""
        with self._redis.pipeline(transaction=False) as commands:
            for record in records:
                name, created = record["id"], record["created"]
                sets = (f"{self._prefix}/all", f"{self._prefix}/of/{record['customer']}")
                commands.set(f"{self._prefix}/{name}", packb(record))
                for key in sets:
                    commands.zadd(key, {name: created})
                self._keys.update((f"{self._prefix}/{name}", *sets))
            commands.execute()

    def get(self, record_id: str) -> Record:
        record: Record = unpackb(self._redis.get(f"{self._prefix}/{record_id}"))
        return record

    def list10(self) -> list[Record]:
        return self._newest(f"{self._prefix}/all", 10)

    def find_by(self, customer: str) -> list[Record]:
        return self._newest(f"{self._prefix}/of/{customer}", -1)

    def delete_all(self) -> None:
        if self._keys:
            self._redis.delete(*self._keys)

    def _newest(self, key: str, limit: int) -> list[Record]:
        """Read the newest records of a sorted set, in one round trip."""
        bodies = self._redis.sort(
            key, by="nosort", desc=True, start=0, num=limit, get=f"{self._prefix}/*"
        )
        return [unpackb(body) for body in bodies]


class SqliteClient:
    """A namespace column, and indexes that begin with it; WAL, not durable."""

    _SCHEMA = """
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = OFF;
        CREATE TABLE IF NOT EXISTS suite (
            number INTEGER PRIMARY KEY, namespace TEXT, id TEXT, created INTEGER, customer TEXT,
            body BLOB, UNIQUE (namespace, id));
        CREATE INDEX IF NOT EXISTS suite_created ON suite (namespace, created, number);
        CREATE INDEX IF NOT EXISTS suite_customer ON suite (namespace, customer, created, number);
    """

    def __init__(self, directory: Path) -> None:
        self._connection = import_module("sqlite3").connect(
            directory / "suite.sqlite", isolation_level=None, timeout=60
        )
        self._connection.executescript(self._SCHEMA)

    @contextmanager
    def account(self) -> Iterator[Account]:
        namespace = _unique_name()
        try:
            yield _SqliteAccount(self._connection, namespace)
        finally:
            self._connection.execute("DELETE FROM suite WHERE namespace = ?", (namespace,))

    def close(self) -> None:
        self._connection.close()


class _SqliteAccount:
    _INSERT = "INSERT INTO suite (namespace, id, created, customer, body) VALUES (?, ?, ?, ?, ?)"
    _GET = "SELECT body FROM suite WHERE namespace = ? AND id = ?"
    _NEWEST = "ORDER BY created DESC, number DESC"
    _LIST = f"SELECT body FROM suite WHERE namespace = ? {_NEWEST} LIMIT 10"
    _FIND = f"SELECT body FROM suite WHERE namespace = ? AND customer = ? {_NEWEST}"

    def __init__(self, connection: Any, namespace: str) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._namespace = namespace

    def insert(self, record: Record) -> None:
        self._execute(self._INSERT, self._row(record))

    def insert_many(self, records: list[Record]) -> None:
        self._execute("BEGIN IMMEDIATE")
        self._connection.executemany(self._INSERT, map(self._row, records))
        self._execute("COMMIT")

    def get(self, record_id: str) -> Record:
        (body,) = self._execute(self._GET, (self._namespace, record_id)).fetchone()
        record: Record = unpackb(body)
        return record

    def list10(self) -> list[Record]:
        return [unpackb(body) for (body,) in self._execute(self._LIST, (self._namespace,))]

    def find_by(self, customer: str) -> list[Record]:
        return [unpackb(body) for (body,) in self._execute(self._FIND, (self._namespace, customer))]

    def _row(self, record: Record) -> tuple[str, str, int, str, bytes]:
        names = self._namespace, record["id"], record["created"], record["customer"]
        return *names, packb(record)


class FloorClient:
    """Private dicts of msgpack bytes, and nothing shared; records arrive oldest first."""

    def __init__(self, _: Path) -> None:
        """Need no directory."""

    @contextmanager
    def account(self) -> Iterator[Account]:
        yield _FloorAccount()

    def close(self) -> None:
        """Have nothing to let go of."""


class _FloorAccount:
    def __init__(self) -> None:
        self._bodies: dict[str, bytes] = {}
        self._of_customer: dict[str, list[bytes]] = {}

    def insert(self, record: Record) -> None:
        body = packb(record)
        self._bodies[record["id"]] = body
        self._of_customer.setdefault(record["customer"], []).append(body)

    def insert_many(self, records: list[Record]) -> None:
        for record in records:
            self.insert(record)

    def get(self, record_id: str) -> Record:
        record: Record = unpackb(self._bodies[record_id])
        return record

    def list10(self) -> list[Record]:
        return [unpackb(body) for body in list(self._bodies.values())[:-11:-1]]

    def find_by(self, customer: str) -> list[Record]:
        return [unpackb(body) for body in reversed(self._of_customer[customer])]


CLIENTS: dict[str, Callable[[Path], Client]] = {
    "tigerd": TigerdClient,
    "redis": RedisClient,
    "sqlite": SqliteClient,
    "floor": FloorClient,
}
