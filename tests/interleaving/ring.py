"""A watcher of the ring of changes, beside the writer that fills it.

The ring is made small where it is to be lapped: a slow watcher then misses changes, and counts
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from unittest.mock import patch

import pytest

from tests.interleaving.schedules import schedules
from tests.interleaving.writes import WRITES, recording_of
from tests.support.simulation import FENCE, STORE, Cut, Machine, Recording, Schedule
from tiger.format import layout
from tiger.reading.changes import Changes

LAPPED = 3
"""Entries of a ring that most recordings lap."""

COMMITTED = [
    name
    for name, (_, steps) in WRITES.items()
    if not any(isinstance(step, Cut) and not step.change for step in steps)
]
"""Of `WRITES`, those of which all changes are told; what comes of others is in test_plan.py."""

SCHEDULES = 40
"""Of the writes of each name."""

of_both_sizes = pytest.mark.parametrize(
    "size", [layout.RING_MAX, LAPPED], ids=["never_lapped", "lapped"]
)

Entry = tuple[int, int]
"""A commit, and what the ring says of a change beside it."""


@contextmanager
def ring_of(size: int) -> Iterator[None]:
    """Let the ring have so many entries, for the writer and for those who watch."""
    with patch.object(layout, "RING_MAX", size):
        yield


def ring_recording(name: str, place: Path) -> Recording:
    """Return what a writer stores in one of `WRITES`, as far as a look at the ring loads it."""
    recording = recording_of(name, place, pinned=False)
    control = str(recording.directory / "control")
    words = {layout.COMMIT, layout.CHANGES, *_ring()}
    kept = [e for e in recording.events if e[0] == FENCE or (e[1] == control and e[2] in words)]
    return replace(recording, events=kept)


def _ring() -> range:
    return range(layout.RING_AT, layout.ring_at(layout.RING_MAX - 1) + layout.RING_WORDS)


def entries_of(recording: Recording) -> list[Entry]:
    """Return what the writer put into the ring, in its order."""
    stores = [event for event in recording.events if event[0] == STORE and event[2] in _ring()]
    return [(first[3], second[3]) for first, second in zip(stores[::2], stores[1::2], strict=True)]


def loads_of_a_look(machine: Machine) -> int:
    """Return how many loads one look makes when all has happened before it."""
    with machine.begin() as reader:
        changes = Changes(reader)
        machine.start({})
        machine.finish()
        list(changes._entries())
        return machine.loads


def faults(machine: Machine, random: Random) -> Iterator[str]:
    """Look at several schedules of a writer's stores, and yield what was wrong."""
    for schedule in schedules(random, loads_of_a_look(machine), machine, SCHEDULES):
        machine.shuffle(random)
        fault = fault_of(machine, schedule)
        if fault is not None:
            yield fault


def fault_of(machine: Machine, schedule: Schedule) -> str | None:
    """Look three times, and say what was wrong in what was told; None if nothing was."""
    entries = entries_of(machine.recording)
    with machine.begin() as reader:
        changes = Changes(reader)
        first = int(changes.commit)
        machine.start(schedule)
        told: list[Entry] = []
        for _ in range(2):
            told += [_words_of(entry) for entry in changes._entries()]
        seen, missed = int(changes.commit), changes.missed
        machine.finish()
        machine.fence()
        told_later = told + [_words_of(entry) for entry in changes._entries()]
    committed = [entry for entry in entries if first < entry[0] <= seen]
    if missed == 0 and told != committed:
        return f"schedule {schedule}: {told} was told of {committed}"
    left = iter(entries)
    if not all(entry in left for entry in told_later):
        return f"schedule {schedule}: {told_later}, not in the order of {entries}"
    if len(told_later) + changes.missed != len(entries):
        return f"schedule {schedule}: {told_later} and {changes.missed} missed of {entries}"
    return None


def _words_of(entry: tuple[int, int, int, int]) -> Entry:
    commit, kind, table, ref = entry
    return int(commit), int(kind) << 56 | int(table) << 48 | int(ref)
