"""A host is killed before each change of memory that the entry of a rollback makes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.choke import Choke
from tests.support.daemon import MAX_RECORD
from tests.support.file_system import new_directory
from tests.support.model import clear_namespace, delete, put, put_many, rollback
from tests.support.scenarios import CUSTOMERS, INVOICES
from tiger.errors import Conflict
from tiger.format import protocol
from tiger.place import instance
from tiger.place.pins import Pin
from tiger.reading.lineage import find_lineage
from tigerd.engine.control import open_control
from tigerd.log.log import Entry
from tigerd.service.replica import LOG, LOG_TOO, OTHERS, Progress, ReplicaApplying
from tigerd.service.rollbacks import Rollback
from tigerd.service.slots import Slots
from tigerd.tools.audit import audit

CLIENT = 4711
FILLED = [
    [put_many(CUSTOMERS, "a", [{"id": f"u{n}", "email": f"e{n % 2}"} for n in range(6)])],
    [put(INVOICES, "a", "i", customer="u1"), put(CUSTOMERS, "b", "u1")],
]
CHANGED = [
    [delete(CUSTOMERS, "a", "u2"), put(CUSTOMERS, "a", "u3", email="e7"), put(12, "a", "begun")],
    [put(CUSTOMERS, "a", "u2", email="e9"), put(CUSTOMERS, "a", "new")],
    [clear_namespace(INVOICES, "a")],
]
LATER = [put(CUSTOMERS, "a", "later"), put(12, "a", "later")]


class Replica:
    """A host that applies entries, without a log; made again after a kill."""

    def __init__(self, directory: Path) -> None:
        instance.make_directory(directory)
        control, _ = open_control(directory, MAX_RECORD)
        self.progress = Progress(control)
        self.applying = ReplicaApplying(directory, control, self.progress)
        self.slots = Slots(control)
        self.progress.keep_in(self.slots.keep(LOG), self.slots.keep(LOG_TOO))
        self.slots.keep(OTHERS)
        self.slot = self.slots.open(CLIENT)

    def take(self, entries: list[list[Any]]) -> None:
        """Apply the entries after the position, each a request of the client."""
        for number, operations in enumerate(entries, 1):
            if number > self.progress.position.sequence:
                assert self.slot is not None
                self.progress.entry = Entry(number, 1000 + number, b"")
                self.applying.apply(operations, (self.slot, number))

    def state(self) -> Any:
        """Return what all hosts have alike, with the place of each record."""
        writer, commit = self.applying.writer, self.applying.writer.commit
        records = {}
        for table in writer.in_use():
            for name in table.namespaces:
                lineage = find_lineage(table.reader, name.encode(), commit)
                assert lineage is not None
                found = [(v.key, v.body, v.begin, v.number) for v in lineage.walk(lineage.firsts())]
                records[table.number, name] = found
        return commit, self.progress.position, self.slots.last(self.slot or 0), records


@pytest.fixture
def place() -> Iterator[Path]:
    with new_directory() as directory:
        yield directory


def test_killed_anywhere_it_is_done_once_and_as_on_a_host_that_was_not(place: Path) -> None:
    base = place / "base"
    planning = Replica(base)
    planning.take(FILLED)
    before = planning.state()[3]
    commit = planning.applying.writer.commit
    pin = Pin(base, commit)
    planning.take(FILLED + CHANGED)
    frame = Rollback([], [rollback("a", commit)]).entry(planning.applying.writer, 1 << 20)
    (operations,) = protocol.unpack(frame)
    pin.release()
    entries = [*FILLED, *CHANGED, operations, LATER]

    calm = Replica(copied(base, place / "calm"))
    with Choke() as choke:
        calm.take(entries[:-1])
    after = calm.state()
    assert after[0] == commit + len(CHANGED) + 1
    assert {at: [r[:2] for r in found] for at, found in after[3].items()} == {
        at: [r[:2] for r in found] for at, found in before.items()
    }
    calm.take(entries)
    assert choke.count > 30
    for kill_at in range(1, choke.count + 1):
        killed = Replica(copied(base, place / "killed"))
        with Choke(kill_at):
            killed.take(entries[:-1])
        killed = Replica(place / "killed")
        killed.take(entries[:-1])
        assert killed.state() == after
        killed.take(entries)
        assert killed.state() == calm.state()
        assert not audit(place / "killed").findings


def test_one_that_is_stale_is_so_after_a_kill_too(place: Path) -> None:
    """What decides is in shared memory, and not what a daemon remembers."""
    base = place / "base"
    host = Replica(base)
    host.take(FILLED)
    frame = Rollback([], [rollback("a", 2)]).entry(host.applying.writer, 1 << 20)
    (operations,) = protocol.unpack(frame)
    for changes, is_stale in (
        ([[put(CUSTOMERS, "a", "u1")]], True),
        ([[clear_namespace(INVOICES, "a")]], True),
        ([[clear_namespace(INVOICES, "a")], [put(INVOICES, "a", "i", customer="u1")]], True),
        ([[put(CUSTOMERS, "b", "u1")], [clear_namespace(None, "b")]], False),
    ):
        entries = [*FILLED, *changes, operations]
        for restarts in (False, True):
            one = Replica(copied(base, place / "one"))
            one.take(entries[:-1])
            if restarts:
                one = Replica(place / "one")
            if is_stale:
                with pytest.raises(Conflict):
                    one.take(entries)
            else:
                one.take(entries)


def copied(source: Path, target: Path) -> Path:
    """Return a copy of an instance."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    return target
