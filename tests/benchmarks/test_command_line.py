"""scripts/bench as people call it, with the measuring left out: exit codes, and what is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from benchmarks import __main__ as program
from benchmarks import pages
from benchmarks.questions import Question
from benchmarks.result import Row, Turn


@pytest.fixture
def times() -> dict[str, float]:
    """Return the nanoseconds that each peer is to take for everything, and 1000 for the others."""
    return {}


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: dict[str, float]) -> Path:
    """Let no worker be started, and return the directory of pages."""

    def measure(question: Question, *_: object) -> list[Row]:
        return [
            row_of(question.name, workload.name, peer, times.get(peer, 1000))
            for workload in question.workloads
            for peer in workload.peers
        ]

    monkeypatch.setattr(program, "measure", measure)
    monkeypatch.setattr(pages, "DIRECTORY", tmp_path / "pages")
    return tmp_path / "pages"


def row_of(question: str, workload: str, peer: str, ns: float) -> Row:
    row = Row(question, workload, peer, clients=1, rounds=[[Turn(ns, ns, ns, ns)]], calls=1)
    row.samples.append(ns)
    return row


def run(*arguments: str) -> Result:
    return CliRunner().invoke(program.main, arguments)


def names(directory: Path) -> Sequence[str]:
    return sorted(path.name for path in directory.glob("*"))


def test_check_fails_when_a_bar_that_was_kept_is_lost(written: Path, times) -> None:
    assert run("start", "--quick", "--check").exit_code == 0
    times["tigerd"] = 1e9
    assert run("start", "--quick", "--check").exit_code == 1
    assert run("start", "--quick").exit_code == 0


def test_a_full_run_writes_a_page_and_a_picture(written: Path) -> None:
    assert run("list", "start").exit_code == 0
    pictures = ["list.svg"] if find_spec("matplotlib") else []
    assert names(written) == ["list.md", *pictures, "start.md"]
    page = (written / "list.md").read_text()
    assert "* machine: " in page
    assert "scripts/bench list`" in page
    assert ("(list.svg)" in page) is bool(pictures)


def test_a_quick_run_writes_none_unless_told(written: Path) -> None:
    run("start", "--quick")
    assert names(written) == []
    run("start", "--quick", "--pictures")
    assert names(written) == ["start.md"]
    assert "scripts/bench start --quick`" in (written / "start.md").read_text()


def test_a_document_on_stdout_has_it_for_itself(written: Path) -> None:
    document = json.loads(run("start", "--quick", "--json", "-").stdout)
    assert document["quick"] is True
    assert [bar["met"] for bar in document["bars"]] == [True]
