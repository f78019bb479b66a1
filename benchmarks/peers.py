"""The stores that are measured: tigerd and its peers, behind one tiny interface.

A peer has two sides. `start` and `stop` run in the harness: they begin and end the server, if
there is one. `open` and `close` run in each fresh process that measures. The operations are
methods, and a peer has those that it can honestly do:

    get(id), miss(id)    the record, decoded; None where there is none
    peek(id)             the same record for every caller, not to be changed
    insert(record)       one record, visible to every process when the call returns
    insert_many(records) many, in the store's fastest way
    batch(records)       many, visible all at once
    list10(), count()    the ten newest records; how many there are
    find_by(customer)    the records of one customer, newest first
    clear()              removes every record
    sandbox()            begins an empty namespace, and ends it
    launch(directory)    starts the server and waits for its first answer

Libraries are imported when a peer is used, so that a measuring process holds only what it measures.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.managers import DictProxy, SyncManager
from pathlib import Path
from typing import Any

from msgpack import packb, unpackb

from benchmarks.records import Record

START_TIMEOUT_S = 20.0
MAP_SIZE = 4 << 30  # bytes of address space for LMDB; the file grows only as it is filled


class Peer:
    """A store; made once in the harness, and once in each process that measures it."""

    name = ""
    needs: tuple[str, ...] = ()  # modules
    private = False  # whether records live in the measuring process, which then fills the store

    def missing(self) -> str:
        """Why this peer cannot run here, or an empty string."""
        for module in self.needs:
            try:
                import_module(module)
            except ImportError as error:
                return f"cannot import {module}: {error}"
        return ""

    def start(self, directory: Path) -> None:
        """Begin the server and wait until it answers."""

    def stop(self, directory: Path) -> None:
        """End the server."""

    def open(self, directory: Path, table: str) -> None:
        """Connect to what `start` began, for the operations on one table."""

    def close(self) -> None:
        """Let go of what `open` took."""

    def operation(self, name: str) -> Callable[..., Any]:
        """Return the callable to be timed: the one that a user of this store would call."""
        found: Callable[..., Any] = getattr(self, name)
        return found


class Floor(Peer):
    """A private dict of msgpack bytes: what a decoded record costs when nothing is shared."""

    name = "floor"
    private = True

    def open(self, directory: Path, table: str) -> None:
        self._bodies: dict[str, bytes] = {}

    def get(self, record_id: str) -> Record | None:
        body = self._bodies.get(record_id)
        return None if body is None else unpackb(body)

    miss = get

    def insert(self, record: Record) -> None:
        self._bodies[record["id"]] = packb(record)

    def insert_many(self, records: Iterable[Record]) -> None:
        for record in records:
            self.insert(record)

    def clear(self) -> None:
        self._bodies.clear()


class Lmdb(Peer):
    """LMDB, not durable (sync=False), a transaction for each call."""

    name = "lmdb"
    needs = ("lmdb",)

    def open(self, directory: Path, table: str) -> None:
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


class Redis(Peer):
    """A private Redis over a unix socket, nothing saved; plain GET and SET of msgpack bytes."""

    name = "redis"
    needs = ("redis", "hiredis")

    def missing(self) -> str:
        if shutil.which("redis-server") is None:
            return "redis-server not on PATH"
        return super().missing()

    def start(self, directory: Path) -> None:
        options = "port 0", "unixsocket socket", "appendonly no", 'save ""'
        self._server = subprocess.Popen(
            ["redis-server", "-"], cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        assert self._server.stdin
        self._server.stdin.write("\n".join(options).encode())
        self._server.stdin.close()
        self._wait_until_ready(directory)

    def stop(self, directory: Path) -> None:
        self._server.terminate()
        self._server.wait(START_TIMEOUT_S)

    def open(self, directory: Path, table: str) -> None:
        self._client = import_module("redis").Redis(unix_socket_path=str(directory / "socket"))

    def close(self) -> None:
        self._client.close()

    def get(self, record_id: str) -> Record | None:
        body = self._client.get(record_id)
        return None if body is None else unpackb(body)

    miss = get

    def insert(self, record: Record) -> None:
        self._client.set(record["id"], packb(record))

    def insert_many(self, records: Iterable[Record]) -> None:
        self._send(records, transaction=False)

    def batch(self, records: Iterable[Record]) -> None:
        self._send(records, transaction=True)

    def clear(self) -> None:
        self._client.flushdb()

    def launch(self, directory: Path) -> None:
        self.start(directory)

    def _send(self, records: Iterable[Record], transaction: bool) -> None:
        with self._client.pipeline(transaction=transaction) as commands:
            for record in records:
                self._put(commands, record)
            commands.execute()

    def _put(self, commands: Any, record: Record) -> None:
        commands.set(record["id"], packb(record))

    def _wait_until_ready(self, directory: Path) -> None:
        redis = import_module("redis")
        deadline = time.monotonic() + START_TIMEOUT_S
        with redis.Redis(unix_socket_path=str(directory / "socket")) as client:
            while True:
                try:
                    client.ping()
                    return
                except redis.ConnectionError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.002)


class RedisIndexed(Redis):
    """Redis with sorted sets beside the records, so that it too can list, count and find."""

    name = "redis, indexed"

    def insert(self, record: Record) -> None:
        self._send([record], transaction=True)

    def list10(self) -> list[Record]:
        return self._sorted("order", 10)

    def count(self) -> int:
        number: int = self._client.zcard("order")
        return number

    def find_by(self, customer: str) -> list[Record]:
        return self._sorted(customer, -1)

    def _put(self, commands: Any, record: Record) -> None:
        super()._put(commands, record)
        commands.zadd("order", {record["id"]: record["created"]})
        if customer := record.get("customer"):
            commands.zadd(customer, {record["id"]: record["created"]})

    def _sorted(self, key: str, limit: int) -> list[Record]:
        """Read the newest records of one sorted set, in one round trip."""
        bodies = self._client.sort(key, by="nosort", desc=True, start=0, num=limit, get="*")
        return [unpackb(body) for body in bodies]


class Sqlite(Peer):
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


_shared: dict[str, Record] = {}


def _shared_records() -> dict[str, Record]:
    """Return the one dict of a manager's process; clients get a proxy of it."""
    return _shared


class _RecordsManager(SyncManager):
    """A manager whose clients share one dict, as `Manager().dict()` gives its children."""


_RecordsManager.register("records", callable=_shared_records, proxytype=DictProxy)


class Manager(Peer):
    """`multiprocessing.Manager().dict`: records pickled over a unix socket."""

    name = "manager dict"

    def start(self, directory: Path) -> None:
        self._manager = self._connection_to(directory)
        self._manager.start()

    def stop(self, directory: Path) -> None:
        self._manager.shutdown()

    def open(self, directory: Path, table: str) -> None:
        self._manager = self._connection_to(directory)
        self._manager.connect()
        manager: Any = self._manager
        self._records = manager.records()

    def get(self, record_id: str) -> Record | None:
        record: Record | None = self._records.get(record_id)
        return record

    miss = get

    def insert(self, record: Record) -> None:
        self._records[record["id"]] = record

    def insert_many(self, records: Iterable[Record]) -> None:
        self._records.update({record["id"]: record for record in records})

    def clear(self) -> None:
        self._records.clear()

    def _connection_to(self, directory: Path) -> _RecordsManager:
        # "spawn", so that the server holds nothing of the harness.
        return _RecordsManager(
            address=str(directory / "socket"), authkey=b"benchmarks", ctx=get_context("spawn")
        )


class DiskCache(Peer):
    """diskcache.Cache with its defaults, but nothing evicted; it pickles records."""

    name = "diskcache"
    needs = ("diskcache",)

    def open(self, directory: Path, table: str) -> None:
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

    def clear(self) -> None:
        self._cache.clear()


class Interpreter(Peer):
    """Not a store: a Python process that imports what the daemon imports, and ends."""

    name = "python, imports only"
    needs = ("zmq", "msgpack")

    def launch(self, directory: Path) -> None:
        subprocess.run([sys.executable, "-c", "import zmq, msgpack"], check=True)


class Tigerd(Peer):
    """tigerd, through its public interface alone."""

    name = "tigerd"
    needs = ("tiger", "tigerd")

    def missing(self) -> str:
        absent = super().missing()
        if not absent and not hasattr(import_module("tiger"), "connect"):
            return "tiger has no connect()"
        return absent

    def start(self, directory: Path) -> None:
        self._daemon("start", directory).check_returncode()

    def stop(self, directory: Path) -> None:
        self._daemon("stop", directory)

    def open(self, directory: Path, table: str) -> None:
        self._store = import_module("tiger").connect(directory=str(directory), namespace="bench")
        self._table_name = table
        self._table = self._store.table(table)

    def close(self) -> None:
        self._store.close()

    def operation(self, name: str) -> Callable[..., Any]:
        """Return the table's own method where there is one, so that nothing is added to it."""
        owner = self._table if name in ("get", "peek", "insert", "count") else self
        found: Callable[..., Any] = getattr(owner, name)
        return found

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


PEERS: dict[str, type[Peer]] = {
    peer.name: peer
    for peer in (
        Tigerd,
        Floor,
        Lmdb,
        LmdbIndexed,
        Redis,
        RedisIndexed,
        Sqlite,
        Manager,
        DiskCache,
        Interpreter,
    )
}
