"""What every peer is.

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
    sandbox(), fork()    begins a namespace, empty or a copy, and ends it
    enter_fork()         begins a copy that later calls are about, until `close`
    update(record)       of one that is there; insert_and_delete(record), of one that is not
    delete(id)           of one that is there
    insert_elsewhere(r)  as insert, in another namespace
    wait_for_insert(r)   waits until one can be found, which another thread inserts
    insert_after_kill(r) as insert, when the server was killed just before; of tigerd
    fill_tables()        one record into each table of tigerd's
    fill_records(n), fill_accounts(n), begin_forks(n), connect_others(n)
                         n of these, of tigerd's, whatever time it takes
    stored(), resident() the bytes that the store takes, and those of its server in memory
    private_size()       those of its server's that are neither stored nor shared
    launch(directory)    starts the server and waits for its first answer

What answers the Stripe SDK has a `client` of it instead: see stripe_api.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import records

CHUNK = 10_000  # records given to insert_many at a time when a store is filled


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
        """End the server, if there is one, whichever process has started it."""

    def open(self, directory: Path, table: str) -> None:
        """Connect to what `start` began, for the operations on one table."""

    def close(self) -> None:
        """Let go of what `open` took."""

    def fill(self, table: str, count: int) -> None:
        """Write the first records of a table, whatever time it takes."""
        made = records.make(table, count)
        insert_many = self.operation("insert_many")
        for begin in range(0, count, CHUNK):
            insert_many(made[begin : begin + CHUNK])

    def private_size(self) -> int:
        return 0

    def server(self) -> int | None:
        """Return the process that is asked, if it is another one."""
        return None

    def operation(self, name: str) -> Callable[..., Any]:
        """Return the callable to be timed: the one that a user of this store would call."""
        found: Callable[..., Any] = getattr(self, name)
        return found


def allocated_size(directory: Path) -> int:
    """Return the bytes that the files of a directory take; a server may remove some meanwhile."""
    blocks = 0
    for parent, _, names in os.walk(directory):
        for name in names:
            with suppress(FileNotFoundError):
                blocks += os.lstat(os.path.join(parent, name)).st_blocks
    return blocks * 512


def resident_size(pid: int) -> int:
    """Return the bytes of memory that a process uses, those that it shares included."""
    size: int = import_module("psutil").Process(pid).memory_info().rss
    return size


def private_size(pid: int) -> int:
    """Return the bytes of memory that a process uses and shares with nobody, not even a file.

    Where the system does not tell them apart (macOS), all that it uses.
    """
    memory = import_module("psutil").Process(pid).memory_info()
    size: int = memory.rss - getattr(memory, "shared", 0)
    return size
