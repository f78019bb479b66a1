"""What shares nothing: the floor of every comparison."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from msgpack import packb, unpackb

from benchmarks.peers.base import Peer
from benchmarks.records import Record

DECODED = 10  # records by a list, or by a search


class Floor(Peer):
    """A private dict of msgpack bytes: what a decoded record costs when nothing is shared."""

    name = "floor"
    private = True

    def open(self, directory: Path, table: str) -> None:
        self._bodies: dict[str, bytes] = {}

    def operation(self, name: str) -> Callable[..., Any]:
        """Return a list or a search with all but the decoding done already."""
        if name not in ("list10", "find_by"):
            return super().operation(name)
        bodies = list(islice(reversed(self._bodies.values()), DECODED))
        return lambda *_: [unpackb(body) for body in bodies]

    def get(self, record_id: str) -> Record | None:
        body = self._bodies.get(record_id)
        return None if body is None else unpackb(body)

    miss = get

    def insert(self, record: Record) -> None:
        self._bodies[record["id"]] = packb(record)

    def insert_many(self, records: Iterable[Record]) -> None:
        for record in records:
            self.insert(record)


class Interpreter(Peer):
    """Not a store: a Python process that imports what the daemon imports, and ends."""

    name = "python, imports only"
    needs = ("zmq", "msgpack")

    def launch(self, directory: Path) -> None:
        subprocess.run([sys.executable, "-c", "import zmq, msgpack"], check=True)
