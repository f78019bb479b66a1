"""Recorded answers of the live API, where they are there: see `replay.py` beside this file."""

from __future__ import annotations

import pytest

from tests.fidelity import replay

pytestmark = pytest.mark.skipif(
    not replay.JUDGE.exists(), reason="the recordings are not part of the project"
)


def test_implemented_operations_answer_as_recorded_and_so_does_billing_alone() -> None:
    results = replay.judged(replay.TARGET)
    score = replay.scored(replay.without_presupposed(results, replay.RECORDINGS))
    assert score.interactions > 700
    assert score.status_share >= 0.98
    assert score.exact_share >= 0.85
    score = replay.scored(replay.billing(results, replay.VERSIONS))
    assert score.interactions > 700
    assert score.status_share >= 0.97
    assert score.exact_share >= 0.85


def test_payments_are_answered_in_older_versions_as_recorded() -> None:
    score = replay.run(versions=replay.OLDER)
    assert score.interactions > 300
    assert score.status_share >= 0.98
    assert score.exact_share >= 0.70
