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
    return Row(question, workload, peer, clients=1, rounds=[[Turn([ns], ns)]], calls=1)


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
    assert "`scripts/bench start --quick --pictures`" in (written / "start.md").read_text()


def test_a_page_names_the_peers_it_was_made_with(written: Path) -> None:
    run("list", "--pictures", "--peer", "tigerd", "--peer", "lmdb, indexed")
    command = "`scripts/bench list --pictures --peer tigerd --peer 'lmdb, indexed'`"
    assert command in (written / "list.md").read_text()


def test_a_question_that_a_peer_is_not_asked_is_a_usage_error(written: Path) -> None:
    ended = run("start", "--peer", "lmdb")
    assert ended.exit_code == 2
    assert "start is not asked of 'lmdb'; choose from 'tigerd', 'redis', " in ended.stderr


def test_without_a_name_a_peer_is_asked_what_it_can_be(written: Path) -> None:
    document = json.loads(run("--quick", "--peer", "diskcache", "--json", "-").stdout)
    assert {row["question"] for row in document["rows"]} == {"read", "write"}
    assert {row["peer"] for row in document["rows"]} == {"diskcache"}


def test_help_lists_the_questions(written: Path) -> None:
    assert "churn, growth, isolation," in " ".join(run("--help").stdout.split())


def test_a_place_that_cannot_be_written_is_an_error_before_anything_is_measured(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "measure", lambda *_: pytest.fail("measured"))
    ended = run("start", "--quick", "--json", str(tmp_path / "missing" / "run.json"))
    assert ended.exit_code == 2
    assert "No such file or directory" in ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is always full")
def test_a_place_that_is_full_is_an_error_and_the_tables_are_there(written: Path) -> None:
    ended = run("start", "--quick", "--json", "/dev/full")
    assert ended.exit_code == 1
    assert "cannot write the results to /dev/full: No space left" in ended.stderr
    assert "launch" in ended.stdout


def test_a_document_on_stdout_has_it_for_itself(written: Path) -> None:
    document = json.loads(run("start", "--quick", "--json", "-").stdout)
    assert document["quick"] is True
    assert [bar["met"] for bar in document["bars"]] == [True]
    assert [bar["rounds"] for bar in document["bars"]] == [[1.0]]
