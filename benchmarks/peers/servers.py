"""Stores in a server, which is asked for every read."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterable
from importlib import import_module
from multiprocessing import active_children, get_context
from multiprocessing.managers import DictProxy, SyncManager
from pathlib import Path
from typing import Any

from msgpack import packb, unpackb

from benchmarks.peers.base import Peer, resident_size
from benchmarks.records import Record

START_TIMEOUT_S = 20.0


class Redis(Peer):
    """A private Redis over a unix socket, nothing saved; plain GET and SET of msgpack bytes."""

    name = "redis"
    needs = ("redis", "hiredis")
    _server: subprocess.Popen[bytes] | None = None

    def missing(self) -> str:
        if shutil.which("redis-server") is None:
            return "redis-server not on PATH"
        return super().missing()

    def start(self, directory: Path) -> None:
        options = "port 0", "unixsocket socket", "appendonly no", 'save ""'
        self._server = subprocess.Popen(
            ["redis-server", "-"],
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # as a daemon: Linux shares the processor among sessions
        )
        assert self._server.stdin
        self._server.stdin.write("\n".join(options).encode())
        self._server.stdin.close()
        self._wait_until_ready(directory)

    def stop(self, directory: Path) -> None:
        if self._server:
            self._server.terminate()
            self._server.wait(START_TIMEOUT_S)
            return
        with self._impatient_client(directory) as client:
            client.shutdown(nosave=True)  # says nothing where there is no server

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

    def stored(self) -> int:
        used: int = self._client.info("memory")["used_memory"]
        return used

    def resident(self) -> int:
        return resident_size(self._client.info("server")["process_id"])

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
        unreachable = import_module("redis").ConnectionError
        deadline = time.monotonic() + START_TIMEOUT_S
        with self._impatient_client(directory) as client:
            while True:
                try:
                    client.ping()
                    return
                except unreachable:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.002)

    @staticmethod
    def _impatient_client(directory: Path) -> Any:
        """Return a client that says at once when there is no server: others wait and retry."""
        return import_module("redis").Redis(unix_socket_path=str(directory / "socket"), retry=None)


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
        if shutdown := getattr(self._manager, "shutdown", None):
            shutdown()
            return
        for child in active_children():  # the start was interrupted
            child.terminate()

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

    def _connection_to(self, directory: Path) -> _RecordsManager:
        # "spawn", so that the server holds nothing of the harness.
        return _RecordsManager(
            address=str(directory / "socket"), authkey=b"benchmarks", ctx=get_context("spawn")
        )
