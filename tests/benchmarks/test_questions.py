"""What the questions declare fits together, before anything is measured."""

from __future__ import annotations

import pytest

from benchmarks.bars import judge
from benchmarks.peers import PEERS
from benchmarks.questions import find_question, question_names
from benchmarks.result import Row, Turn
from benchmarks.witness import Parts

ASKED = {
    "busy", "churn", "growth", "isolation", "list", "longest", "machines", "memory", "read",
    "scale", "start", "stripe", "suite", "write",
}  # fmt: skip


def test_the_questions_of_the_readme_are_there() -> None:
    assert set(question_names()) == ASKED


@pytest.mark.parametrize("name", question_names())
def test_workloads_have_names_of_their_own_and_known_peers(name: str) -> None:
    workloads = find_question(name).workloads
    assert len({workload.name for workload in workloads}) == len(workloads)
    assert {peer for workload in workloads for peer in workload.peers} <= set(PEERS)


@pytest.mark.parametrize("name", question_names())
def test_a_store_that_is_reused_has_no_writer(name: str) -> None:
    written = [workload for workload in find_question(name).workloads if workload.writer]
    assert not any(workload.load.reused for workload in written)


@pytest.mark.parametrize("name", question_names())
def test_every_bar_is_computed_from_what_its_question_measures(name: str) -> None:
    question = find_question(name)
    assert question.bars
    assert None not in [verdict.ratio for verdict in judge(name, question.bars, rows_of(question))]


@pytest.mark.parametrize("name", question_names())
def test_pictures_are_of_workloads_that_tigerd_has(name: str) -> None:
    question = find_question(name)
    assert bool(question.pictured) is (name in {"read", "write", "list", "suite"})
    assert bool(question.series) is (name == "scale")
    peers = {workload.name: workload.peers for workload in question.workloads}
    assert all("tigerd" in peers[pictured] for pictured in question.pictured)


def rows_of(question) -> list[Row]:
    """Return what a run would measure, were every figure 1000."""
    turns, slowest = [Turn([1000], pace=1000)], [Parts(1000, *[0] * 7)]
    return [
        Row(
            question.name,
            workload.name,
            peer,
            workload.clients,
            workload.unit,
            rounds=[turns],
            slowest=slowest,
        )
        for workload in question.workloads
        for peer in workload.peers
    ]
