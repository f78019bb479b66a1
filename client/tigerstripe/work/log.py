"""The log of requests: of one account, of all its processes, bounded.

A request that wrote is logged by its idempotency record, in the same commit. Other requests (reads
and refusals) wait in the process that answered them. They go to the store with its next write, or
when the log is read; each process has a fixed number of places there.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from tiger import Batch, TigerError
from tiger.system import os, time
from tigerstripe.records import Record
from tigerstripe.work.scope import IDEMPOTENCY_KEYS, Scope

TABLE = "request_log"
PLACES = 256
"""The number of requests without writes that are kept for each process."""
FIELDS = (
    "account", "at", "created", "error", "method", "params", "path", "process", "status",
)  # fmt: skip
"""The fields of an entry; `account` is the connected account of the request, if any."""


class Log:
    """The entries of one process for one account that are not yet in the store."""

    def __init__(self, scope: Scope) -> None:
        """Begin with nothing."""
        self._scope = scope
        self._waiting: deque[tuple[Any, ...]] = deque(maxlen=PLACES)
        self._next = 0
        self._key = f"{time.monotonic_ns():x}"

    def note(
        self,
        created: int,
        method: str,
        path: str,
        params: Record,
        status: int,
        error: Record | None,
        account: str | None = None,
    ) -> None:
        """Add an entry for a request that wrote nothing."""
        self._waiting.append(
            (account, time.time(), created, error, method, params, path, os.getpid(), status)
        )

    def tell(self) -> None:
        """Write the entries to the store; an error of the store is ignored."""
        with suppress(TigerError), self._scope.store.batch() as batch:
            self.add_to(batch)

    def add_to(self, batch: Batch) -> None:
        """Add the entries to a batch; if that is not applied, they are lost."""
        if not self._waiting:
            return
        records = []
        for noted in self._taken():
            place = self._next % PLACES
            self._next += 1
            id = f"{os.getpid()}-{self._key}-{place}"  # of a child another
            records.append({"id": id, **dict(zip(FIELDS, noted, strict=True))})
        self._scope.in_batch(batch, TABLE).insert_many(records)

    def _taken(self) -> Iterator[tuple[Any, ...]]:
        with suppress(IndexError):  # other threads take too
            while True:
                yield self._waiting.popleft()

    def entries(self, path: str | None = None) -> list[Record]:
        """Return the log, oldest first; of one path, if given. `at` is the machine's time."""
        wrote = [_of_kept(r) for r in self._scope.table(IDEMPOTENCY_KEYS)]
        told = [[r[name] for name in FIELDS] for r in self._scope.table(TABLE)]
        rest = [
            {**dict(zip(FIELDS, noted, strict=True)), "key": None}
            for noted in (*told, *self._waiting.copy())
        ]
        found = sorted([*wrote, *rest], key=lambda entry: entry["at"])
        return [entry for entry in found if path is None or entry["path"] == path]


def _of_kept(record: Record) -> Record:
    error = json.loads(record["body"])["error"] if record["status"] >= 400 else None
    found = {**record, "error": error}
    return {name: found[name] for name in (*FIELDS, "key")}
