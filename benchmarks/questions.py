"""The questions by name: `read` is what bench_read.py asks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from benchmarks.bars import Bar
from benchmarks.exponents import Series
from benchmarks.workload import FULL, Workload


@dataclass(frozen=True)
class Question:
    """One module's declarations; its title is the first line of the docstring.

    `rounds` are those of a full run; `pictured` are the workloads in its picture, or `series`,
    which differ in n alone.
    """

    name: str
    title: str
    workloads: Sequence[Workload]
    bars: Sequence[Bar]
    rounds: int
    pictured: Sequence[str]
    series: Sequence[Series]

    def only(self, peers: Collection[str]) -> Question:
        """Return the same question asked of these peers alone: of workloads that they have."""
        kept = (
            replace(workload, peers=tuple(peer for peer in workload.peers if peer in peers))
            for workload in self.workloads
        )
        return replace(self, workloads=[workload for workload in kept if workload.peers])


def question_names() -> list[str]:
    """List the names of the questions there are."""
    return sorted(path.stem[len("bench_") :] for path in Path(__file__).parent.glob("bench_*.py"))


def find_question(name: str) -> Question:
    """Import the module of one question."""
    module = import_module(f"benchmarks.bench_{name}")
    return Question(
        name,
        title=(module.__doc__ or "").splitlines()[0],
        workloads=module.WORKLOADS,
        bars=module.BARS,
        rounds=getattr(module, "ROUNDS", FULL.rounds),
        pictured=getattr(module, "PICTURED", ()),
        series=getattr(module, "SERIES", ()),
    )
