"""The parts of a soak: each a function of a seed and of seconds that returns figures.

A part raises at the first thing that is not as promised.
"""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any
from unittest.mock import patch

import pytest

from tests.crash import test_kill
from tests.faults.removals import remove_files
from tests.faults.storm import keep_busy, storm
from tests.hostile.trials import run_noise, run_trials
from tests.interleaving import test_interleaving
from tests.interleaving.writes import WRITES, recording_of
from tests.linearizability.histories import run_histories
from tests.machines import storm as machines_storm
from tests.stripe import test_books
from tests.support.file_system import new_directory
from tests.support.scenarios import SCENARIOS
from tests.support.simulation import Machine
from tests.weak_memory import test_weak_memory

Figures = Counter[str]
Part = Callable[[int, float], Figures]


def until(seconds: float) -> Callable[[Figures], bool]:
    """Return what says that it goes on, for so long, and until something was done."""
    deadline = time.monotonic() + seconds
    return lambda figures: time.monotonic() < deadline or not figures.total()


def kills(seed: int, seconds: float) -> Figures:
    """Kill daemons while others write and read."""
    return storm(seed, until(seconds))


def slow_requests(seed: int, seconds: float) -> Figures:
    """Keep daemons busy for seconds while others write and read, and kill some of them then."""
    return storm(seed, until(seconds), strike=keep_busy)


def forks(seed: int, seconds: float) -> Figures:
    """Kill daemons while processes write that fork without Python's hooks."""
    return storm(seed, until(seconds), role="forking")


def clocks(seed: int, seconds: float) -> Figures:
    """Kill daemons while others write whose clocks stand still and are set."""
    return storm(seed, until(seconds), role="frozen")


def removals(seed: int, seconds: float) -> Figures:
    """Remove files of an instance beneath its daemon, while it is written to and read."""
    return remove_files(seed, until(seconds))


def histories(seed: int, seconds: float) -> Figures:
    """Check what many processes saw and did."""
    goes_on, figures = until(seconds), Counter[str]()
    while goes_on(figures):
        figures += run_histories(seed + figures["histories"])
    return figures


def hostile_bytes(seed: int, seconds: float) -> Figures:
    """Read damaged instances."""
    return run_trials(seed, until(seconds))


def hostile_frames(seed: int, seconds: float) -> Figures:
    """Send noise to a daemon."""
    return run_noise(seed, until(seconds))


class CountingTrial(test_kill.Trial):
    """Counts how often stores were cut."""

    figures: Figures

    def run(self, kill_at: int = 0, *, half: bool = False) -> Any:
        """Make the step, up to its end or to the change that is not made any more."""
        self.figures["cuts"] += kill_at > 0
        return super().run(kill_at, half=half)

    def recover(self, kill_at: int = 0, *, half: bool = False) -> Any:
        """Let the next daemon take over, up to its end or that change."""
        self.figures["cuts"] += kill_at > 0
        return super().recover(kill_at, half=half)


def cuts(seed: int, seconds: float) -> Figures:
    """Kill a daemon between two stores, of a scenario chosen at random."""
    random, goes_on = Random(seed), until(seconds)
    figures = CountingTrial.figures = Counter()
    while goes_on(figures):
        scenario = SCENARIOS[random.choice(list(SCENARIOS))]
        test = random.choice(
            [
                test_kill.test_killed_anywhere_a_step_is_done_or_not_done,
                test_kill.test_killed_in_its_recovery_too_it_recovers,
            ]
        )
        with new_directory() as place:
            test(CountingTrial(scenario, place), random)
            gc.collect()
    return figures


def interleavings(seed: int, seconds: float) -> Figures:
    """Lay a writer's stores between a reader's loads, in order and as ARM64 may."""
    random, goes_on, figures = Random(seed), until(seconds), Counter[str]()
    start = Machine.start

    def counted(self: Machine, schedule: Any) -> None:
        figures["schedules"] += 1
        start(self, schedule)

    with patch.object(Machine, "start", counted):
        while goes_on(figures):
            module = random.choice((test_interleaving, test_weak_memory))
            with new_directory() as place:
                pinned = random.random() < 0.4
                recording = recording_of(random.choice(list(WRITES)), place, pinned=pinned)
                name = random.choice(list(module.READS))
                if pinned and module is test_interleaving:
                    module.test_a_snapshot_returns_what_was_so_at_its_commit(
                        recording, name, random
                    )
                elif pinned:
                    module.test_a_snapshot_is_right_at_its_commit(recording, name, random)
                elif module is test_interleaving:
                    module.test_a_read_returns_what_was_so_at_one_commit_during_it(
                        recording, name, random.random() < 0.5, random
                    )
                else:
                    module.test_a_read_is_right_at_one_commit_during_it(recording, name, random)
    return figures


def money(seed: int, seconds: float) -> Figures:
    """Move money in an account of the Stripe fake, from several processes, and kill its daemon."""
    goes_on, figures = until(seconds), Counter[str]()
    while goes_on(figures):
        figures.update(test_books.crowd(seed + figures["money"], actions=400, rounds=20))
    return figures


def machines(seed: int, seconds: float) -> Figures:
    """Strike three hosts that share a log; where no network may be made, that is said."""
    try:
        return machines_storm.storm(seed, until(seconds))
    except pytest.skip.Exception as error:
        return Figures({f"machines left out ({error})": 1})


PARTS: dict[str, Part] = {
    "kills": kills,
    "slow": slow_requests,
    "forks": forks,
    "clocks": clocks,
    "removals": removals,
    "histories": histories,
    "cuts": cuts,
    "interleavings": interleavings,
    "bytes": hostile_bytes,
    "frames": hostile_frames,
    "money": money,
    "machines": machines,
}

TOLD = {
    "kills": "daemons killed",
    "stops": "daemons stopped",
    "slow": "requests that took seconds",
    "forks": "forks without Python's hooks",
    "clocks": "clocks set while they stood still",
    "removals": "files and folders removed beneath a daemon",
    "raised": "calls that said so",
    "comparisons": "full comparisons with what was acknowledged",
    "acknowledged": "writes acknowledged",
    "refused": "writes refused",
    "unknown": "writes whose outcome was unknown",
    "reads": "reads beside the writes",
    "cuts": "stores cut, in writes and in recoveries",
    "schedules": "interleavings of loads and stores",
    "histories": "histories of one key",
    "operations": "operations in histories",
    "damaged": "instances damaged",
    "calls": "calls on damaged instances",
    "frames": "frames of noise",
    "bytes": "bytes fuzzed",
    "machines_daemon": "hosts whose daemon was killed",
    "machines_engine": "engines of a log killed",
    "machines_cut": "links of hosts cut",
    "machines_full": "hosts without room",
    "machines_still": "times one of these stood still",
    "machines_acknowledged": "writes acknowledged on one of three hosts",
    "machines_refused": "refused",
    "machines_unknown": "of unknown outcome",
    "machines_undone": "undone by rollbacks",
    "machines_comparisons": "comparisons of all hosts",
    "money": "payments, refunds, disputes and the like in a Stripe account",
    "transactions": "balance transactions that add up",
}
"""The figures that are shown, in this order, and what they are called."""
