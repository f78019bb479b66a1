"""The questions by name: `read` is what bench_read.py asks."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from benchmarks.harness import Question


def question_names() -> list[str]:
    """List the names of the questions there are."""
    return sorted(path.stem[len("bench_") :] for path in Path(__file__).parent.glob("bench_*.py"))


def find_question(name: str) -> Question:
    """Import the module of one question."""
    module = import_module(f"benchmarks.bench_{name}")
    title = (module.__doc__ or "").splitlines()[0]
    return Question(name, title, module.WORKLOADS, module.BARS)
