"""Files of an instance are removed, one by one, under a live daemon, as what tidies up may do.

The daemon still has them mapped, and writes them again. Until it has, a call may raise; none may
say that what was acknowledged is not there, or give what it was before.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import tiger
from tests.faults.storm import check
from tests.support.checksums import sealed
from tests.support.processes import instance_directory

RAISED = (tiger.InstanceError, tiger.Damaged, tiger.DaemonUnavailable, tiger.OutcomeUnknown)
PATIENCE_S = 10.0
"""How long a file may be gone, or a call raise, before that is a failure."""
NEEDED = ("control", "socket", "tables")
"""What nobody can do without; all else is made again by those who need it."""
IDS = 40


class Pair:
    """One who writes and one who reads, each of whom connects again when told to."""

    def __init__(self, directory: Path, random: Random, figures: Counter[str]) -> None:
        self.directory, self.random, self.figures = directory, random, figures
        self.closing = ExitStack()
        self.writer, self.reader = self.connect(), self.connect()
        self.known: dict[str, list[Any]] = {}

    def connect(self) -> tiger.Store:
        """Return a new store, as soon as one can be had."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                store = tiger.connect(self.directory)
            except RAISED:
                assert time.monotonic() < deadline, "nobody can connect"
            else:
                return self.closing.enter_context(store)

    def write(self) -> None:
        """Write a record, and note what may be there then."""
        name = f"r{self.random.randrange(IDS)}"
        record = None
        if self.random.random() < 0.8:
            text = "x" * self.random.randrange(3000)
            record = sealed({"id": name, "n": self.figures["acknowledged"], "text": text})
        try:
            if record is None:
                self.writer.coupons.delete(name)
            else:
                self.writer.coupons.insert(record)
        except RAISED:
            self.figures["raised"] += 1
            self.known[name] = [*self.known.get(name, [None]), record]
            self.writer = self.connect()
        else:
            self.figures["acknowledged"] += 1
            self.known[name] = [record]

    def read(self) -> None:
        """Read a record, which is one of those that may be there, or is not told."""
        name = f"r{self.random.randrange(IDS)}"
        try:
            seen = self.reader.coupons.get(name, None)
        except RAISED:
            self.figures["raised"] += 1
            self.reader = self.connect()
        else:
            self.figures["reads"] += 1
            possible = self.known.get(name, [None])
            assert seen in possible, f"lost: {name} is {seen}, not one of {possible}"
            self.known[name] = [seen]

    def compare(self) -> None:
        """See all that is there, by a store that was not there before."""
        with self.connect() as store:
            there = {record["id"]: record for record in store.coupons}
        for name, possible in self.known.items():
            seen = there.get(name)
            assert seen in possible, f"lost: {name} is {seen}, not one of {possible}"
        assert set(there) <= set(self.known), f"doubled: {set(there) - set(self.known)}"
        self.figures["comparisons"] += 1


def remove_files(seed: int, goes_on: Callable[[Counter[str]], bool]) -> Counter[str]:
    """Remove something, write and read until it is back, again and again; return figures."""
    random, figures = Random(seed), Counter[str]()
    with instance_directory() as directory:
        with tiger.connect(directory):
            pair = Pair(directory, random, figures)
        with pair.closing:
            while goes_on(figures):
                for _ in range(random.randrange(60)):
                    pair.write()
                path = _remove(directory, random)
                figures["removals"] += 1
                deadline = time.monotonic() + PATIENCE_S
                while not _is_whole(directory):
                    assert time.monotonic() < deadline, f"{path} was removed, and is not back"
                    pair.write()
                    pair.read()
                pair.compare()
        check(directory)
    return figures


def _remove(directory: Path, random: Random) -> Path:
    found = sorted(path for path in directory.rglob("*") if path.name != "daemon.log")
    path = random.choice(found)
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    return path


def _is_whole(directory: Path) -> bool:
    """Tell whether all is there that clients need, and no table lacks a file that it has."""
    if not all((directory / name).exists() for name in NEEDED):
        return False
    try:
        with tiger.connect(directory) as store:
            list(store.coupons)
            store.ping()
    except RAISED:
        return False
    return True
