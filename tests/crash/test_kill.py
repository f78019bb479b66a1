"""The daemon is killed before each single change of shared memory, and in the middle of some.

Whatever it was doing, readers that were there and readers that come see the state before or the
one after, as the client's slot says; the next daemon, which may be killed too, finds the same,
goes on from there, and in the end keeps nothing that nobody needs.
"""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.support.choke import Choke
from tests.support.daemon import Daemon, after, check_space
from tests.support.file_system import new_directory
from tests.support.model import Model, delete, put_many, rollback
from tests.support.observe import Observer, Universe, difference
from tests.support.scenarios import CUSTOMERS, MORE, SCENARIOS, Scenario
from tests.support.seeds import sample
from tiger.format import layout
from tiger.place.pins import Pin
from tigerd.engine import retiring

pytest_plugins = "tests.support.recordings"

POINTS_IN_RECOVERY = 2
LOOKS = 3
"""So many of the steps of `MORE` are followed by a look of the reader that was there."""

NOTHING = [delete(CUSTOMERS, "a", "nobody")]


class Trial:
    """One scenario, which can be played up to any point again and again."""

    def __init__(self, scenario: Scenario, place: Path) -> None:
        self.scenario = scenario
        self._base = place / "base"
        self._directory = place / "instance"
        daemon = Daemon(self._base)
        models = [Model()]
        for step in scenario.base:
            daemon.do(step)
            models.append(after(models[-1], step))
        for step in scenario.warm:
            models.append(after(models[-1], step))
        self.before = models[-1]
        self.after = after(self.before, scenario.step)
        models.append(self.after)
        for step in MORE:
            models += [after(models[-1], step), after(self.before, step)]
        self.universe = Universe(models)

    def begin(self) -> None:
        """Bring an instance to where the step is to be made, and attach a reader."""
        shutil.rmtree(self._directory, ignore_errors=True)
        shutil.copytree(self._base, self._directory)
        mark = self.scenario.mark
        self.mark = Pin(self._directory, mark) if mark is not None else None
        self.daemon = Daemon(self._directory)
        self.model = self.before
        for step in self.scenario.warm:
            self.daemon.do(step)
        self.request = self.daemon.last_request() + 1
        self.old_reader = Observer(self._directory, self.universe)
        self.held = self.old_reader.snapshot() if isinstance(self.scenario.step, list) else None

    def remember(self) -> None:
        """Let that reader read all there is, twice: it remembers it then."""
        for _ in range(2):
            self.compare(self.old_reader, "before the step")

    def run(self, kill_at: int = 0, *, half: bool = False) -> Choke:
        """Make the step, up to its end or to the change that is not made any more."""
        with Choke(kill_at, half=half) as choke:
            self.daemon.do(self.scenario.step)
        if self.daemon.is_answered(self.request):
            self.model = self.after
        return choke

    def recover(self, kill_at: int = 0, *, half: bool = False) -> Choke:
        """Let the next daemon take over, up to its end or that change."""
        with Choke(kill_at, half=half) as choke:
            self.daemon.restart()
        return choke

    def look(self, when: str) -> None:
        """Compare what readers see, one that was there before and one that is new."""
        self.compare(self.old_reader, f"{when}, a reader that was there")
        self.compare(Observer(self._directory, self.universe), f"{when}, a new reader")
        if self.held is not None:
            seen, expected = self.held.look(), self.universe.expected(self.before)
            assert seen == expected, f"{when}, a snapshot: {difference(seen, expected)}"

    def roll_back(self) -> None:
        """Undo all that was done since the mark."""
        assert self.mark is not None
        self.daemon.clean()
        step = [rollback("a", self.scenario.mark)]
        self.daemon.do(step)
        self.model = after(self.model, step)
        self.look("after the rollback to the mark")
        self.mark.release()
        self.mark = None

    def compare(self, observer: Observer, when: str) -> None:
        seen, expected = observer.look(), self.universe.expected(self.model)
        assert seen == expected, f"{when}: {difference(seen, expected)}"

    def go_on(self, random: Random) -> None:
        """Send the request again if it was lost, and others; then clean all there is."""
        step = self.scenario.step
        if self.model is self.before and isinstance(step, list):
            assert self.daemon.last_request() < self.request, "the request would not be done again"
            self.daemon.do(step)
            self.model = self.after
            self.look("after the request was sent again")
        looks = sample(random, range(len(MORE)), LOOKS)
        for number, step in enumerate(MORE):
            self.daemon.do(step)
            self.model = after(self.model, step)
            if number in looks:
                self.compare(self.old_reader, f"after step {number} of more")
        self.look("after more steps")
        if self.mark is not None:
            self.roll_back()
        if self.held is not None:
            self.daemon.clean()
            self.look("after cleaning what the snapshot does not need")
            self.held.release()
            self.held = None
        for _ in range(4):  # the original of a copy goes after one more commit
            self.model = self.model.apply(NOTHING)
            self.daemon.do(NOTHING)
            self.daemon.clean()
        self.look("after cleaning")
        check_space(self.daemon, self.model)


@pytest.fixture
def place() -> Iterator[Path]:
    with new_directory() as path:
        yield path
        gc.collect()  # unmap what the many daemons of one test have mapped


@pytest.fixture(params=SCENARIOS)
def trial(request: pytest.FixtureRequest, place: Path) -> Trial:
    return Trial(SCENARIOS[request.param], place)


def changes_of(trial: Trial) -> list[tuple[int, bool]]:
    """Return all points at which the step can be cut: before a change, or in the middle of one."""
    trial.begin()
    choke = trial.run()
    whole = [(number, False) for number in range(1, choke.count + 2)]
    return sorted([*whole, *((number, True) for number in choke.writes)])


@pytest.mark.parametrize("name", [name for name in SCENARIOS if "grows_the_index" in name])
def test_a_step_that_is_to_grow_the_index_does(name: str, place: Path) -> None:
    trial = Trial(SCENARIOS[name], place)
    trial.begin()
    index = trial.daemon.writer.table(CUSTOMERS).index
    assert index.current is not None
    before, known = index.current.path, index.previous
    trial.run()
    assert (known, index.previous.path if index.previous else None) == (None, before)


@pytest.mark.parametrize("name", [name for name in SCENARIOS if "the_index_moves" in name])
def test_a_step_that_is_made_while_the_index_moves_is(name: str, place: Path) -> None:
    trial = Trial(SCENARIOS[name], place)
    trial.begin()
    trial.run()
    assert trial.daemon.writer.table(CUSTOMERS).index.previous is not None


@pytest.mark.parametrize("name", [name for name in SCENARIOS if "a_chunk" in name])
def test_a_step_that_is_about_a_chunk_that_is_emptied_is(
    name: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies: list[bool] = []
    relocate = retiring.relocate
    monkeypatch.setattr(retiring, "relocate", lambda *a: copies.append(relocate(*a)))
    trial = Trial(SCENARIOS[name], place)
    trial.begin()
    trial.run()
    assert any(copies) is ("makes" not in name)


def test_killed_anywhere_a_step_is_done_or_not_done(trial: Trial, random: Random) -> None:
    for point, half in sample(random, changes_of(trial), trial.scenario.cuts):
        trial.begin()
        trial.remember()
        trial.run(point, half=half)
        cut = f"killed at change {point}{' (half of it made)' if half else ''}"
        trial.look(cut)
        try:
            trial.recover()
            trial.look("after the recovery")
            trial.go_on(random)
        except Exception as error:
            raise AssertionError(cut) from error


def test_killed_in_its_recovery_too_it_recovers(trial: Trial, random: Random) -> None:
    for point, half in sample(random, changes_of(trial), max(1, trial.scenario.cuts // 3)):
        trial.begin()
        trial.run(point, half=half)
        count = trial.recover().count
        for second in sample(random, range(1, count + 1), POINTS_IN_RECOVERY):
            trial.begin()
            trial.remember()
            trial.run(point, half=half)
            trial.recover(second)
            cut = f"killed at change {point}, half: {half}, then at {second} of {count} in recovery"
            try:
                trial.look("after both kills")
                trial.recover()
                trial.look("after the recovery")
                trial.go_on(random)
            except Exception as error:
                raise AssertionError(cut) from error


SMALL_RING = ["batch", "delete_where", "clear", "clean_records", "clear_namespace", "roll_back"]


@pytest.mark.parametrize("name", SMALL_RING)
def test_killed_where_more_ended_than_the_ring_holds(
    name: str, place: Path, random: Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ended, or was to end, is searched then."""
    monkeypatch.setattr(layout, "ENDED_MAX", 2)
    trial = Trial(replace(SCENARIOS[name], cuts=2), place)
    test_killed_anywhere_a_step_is_done_or_not_done(trial, random)
    test_killed_in_its_recovery_too_it_recovers(trial, random)


def test_killed_anywhere_in_a_recovery_that_searches_what_ended_it_recovers(
    place: Path, random: Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "ENDED_MAX", 2)
    keys = ["u0", "u1", "u2"]
    base = [put_many(CUSTOMERS, "a", [{"id": key, "email": "e1"} for key in keys])]
    trial = Trial(Scenario([base], [delete(CUSTOMERS, "a", key) for key in keys]), place)
    last, _ = changes_of(trial)[-2]
    trial.begin()
    trial.run(last)
    for second in range(1, trial.recover().count + 1):
        trial.begin()
        trial.remember()
        trial.run(last)
        trial.recover(second)
        trial.recover()
        trial.look(f"after a second kill at change {second}")
        trial.go_on(random)


def test_killed_while_it_makes_the_instance_the_next_daemon_makes_it(place: Path) -> None:
    with Choke() as choke:
        Daemon(place / "whole")
    for point in range(1, choke.count + 1):
        for half in (False, True):
            directory = place / f"{point}{half}"
            with Choke(point, half=half):
                Daemon(directory)
            daemon = Daemon(directory)
            daemon.do(NOTHING)
            assert daemon.is_answered(1)
