"""How a writer's changes are laid between a reader's loads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from random import Random

from tests.interleaving.reads import Look, Read, latest
from tests.support.seeds import FULL, sample
from tests.support.simulation import Machine, Schedule
from tiger.reading.reader import Reader

ALL = 20000
"""At full effort all schedules of one burst are tried if there are so many, else this many."""


def schedules(random: Random, loads: int, machine: Machine, count: int) -> Iterator[Schedule]:
    """Yield ways to lay the writer's changes between so many loads.

    First whole requests between two loads, then any changes; in one burst, then in several.
    """
    commits = [0, *machine.commits(), len(machine.events)]
    yield from sample(random, list(bursts(commits, loads)), count // 3)
    changes = len(machine.events)
    if FULL and loads * changes * changes // 2 < ALL:
        yield from bursts(range(changes + 1), loads)
    for _ in range(ALL if FULL else count):
        left = random.randint(0, changes)
        schedule = {0: changes - left}
        for _ in range(random.choice((1, 1, 2, 4))):
            burst = random.randint(0, left)
            load = random.randint(1, loads + 2)
            schedule[load] = schedule.get(load, 0) + burst
            left -= burst
        yield schedule


def bursts(places: Sequence[int], loads: int) -> Iterator[Schedule]:
    """Yield the schedules with one burst during the read, from one of the places to another."""
    for load in range(1, loads + 1):
        for start, stop in combinations(places, 2):
            yield {0: start, load: stop - start}


def loads_of(machine: Machine, read: Read) -> int:
    with machine.begin() as reader:
        look = latest(reader)
        machine.start({})
        read.call(look)
        return machine.loads


def attached(reader: Reader, read: Read, *, remembers: bool) -> Look:
    """Return a reader that has read the same before, so often that it remembers, or never."""
    look = latest(reader)
    for _ in range(3 if remembers else 0):
        read.call(look)
    return look
