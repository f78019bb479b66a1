"""The soak counts what its parts do, and says how to have a failure again."""

from __future__ import annotations

import pytest

from tests.soak import __main__ as soak
from tests.soak.parts import PARTS, TOLD, Figures
from tests.support.seeds import new_random


@pytest.mark.parametrize("name", ["cuts", "interleavings", "frames", "forks", "clocks", "removals"])
def test_a_part_counts_what_it_does(name: str) -> None:
    """The others are what tests/faults, linearizability and hostile run, or take seconds."""
    figures = PARTS[name](new_random().getrandbits(32), 0.5)
    assert sum(figures[key] for key in TOLD) > 0


def test_a_failure_ends_the_run_and_says_how_to_have_it_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds = []

    def fail(seed: int, _: float) -> Figures:
        seeds.append(seed)
        if len(seeds) == 3:
            raise AssertionError("lost: one")
        return Figures(kills=2)

    monkeypatch.setitem(PARTS, "kills", fail)
    assert soak.main(["1", "--seed", "40", "--only", "kills"]) == 1
    said = capsys.readouterr()
    assert seeds == [40, 41, 42]
    assert "lost: one" in said.err
    assert "scripts/soak --only kills --seed 42 --rounds 1" in said.out
    assert "see above" in said.out


def test_figures_end_a_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(PARTS, "kills", lambda *_: Figures(kills=2))
    assert soak.main(["--seed", "40", "--only", "kills", "--rounds", "3"]) == 0
    assert "6" in capsys.readouterr().out
