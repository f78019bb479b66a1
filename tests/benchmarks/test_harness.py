"""The harness with real workers, on little: it measures, and it says what went wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from benchmarks import harness
from benchmarks.harness import PROJECT, measure
from benchmarks.questions import Question, find_question
from benchmarks.result import Row, Turn


def only(name: str, workloads: set[str], peers: set[str]) -> Question:
    question = find_question(name)
    kept = [workload for workload in question.workloads if workload.name in workloads]
    return replace(question, workloads=kept).only(peers)


def test_workloads_are_measured_in_every_turn_of_every_round() -> None:
    rows = measure(only("list", {"count() of 100"}, {"tigerd", "sqlite"}), True, lambda _: None)

    assert [row.peer for row in rows] == ["tigerd", "sqlite"]
    for row in rows:
        assert not row.trouble
        assert [len(turns) for turns in row.rounds] == [harness.QUICK.turns] * harness.QUICK.rounds
        assert 0 < row.median <= row.percentile(99) <= max(row.samples)


def test_a_writer_writes_while_its_reader_is_measured() -> None:
    names = {"get, read before, beside a writer"}
    (row,) = measure(only("read", names, {"tigerd"}), True, lambda _: None)
    assert not row.trouble
    assert row.calls


def test_several_clients_write_one_store() -> None:
    (row,) = measure(only("write", {"insert, 2 clients"}, {"sqlite"}), True, lambda _: None)
    assert not row.trouble
    assert row.clients == 2


def test_the_calls_of_several_clients_are_counted_together() -> None:
    row = Row("write", "insert, 2 clients", "sqlite", clients=2, rounds=[[]])
    answer = {"samples": [4.0, 6.0], "calls": 2, "elapsed_ns": 10.0, "batch": 1}
    nothing_left = {"samples": [], "calls": 0, "elapsed_ns": 0.0, "batch": 1}
    row.add_turn([answer, answer])
    row.add_turn([nothing_left])

    assert row.rounds == [[Turn(median=5, p99=6, longest=6, pace=2.5)]]
    assert (row.calls, row.rate, row.median) == (4, 1e9 / 2.5, 5)


def test_sizes_are_measured_once() -> None:
    (row,) = measure(only("memory", {"45 tables"}, {"tigerd"}), True, lambda _: None)
    assert not row.trouble
    assert (row.calls, row.unit) == (1, "bytes")


def test_a_worker_that_fails_is_named_with_its_last_words() -> None:
    question = only("list", {"count() of 100"}, {"sqlite"})
    wrong = [replace(workload, name="no such workload") for workload in question.workloads]
    (row,) = measure(replace(question, workloads=wrong), True, lambda _: None)
    assert row.trouble.startswith("failed: ")
    assert "StopIteration" in row.trouble


def test_the_command_line_gives_one_document_of_one_question(tmp_path) -> None:
    file = tmp_path / "run.json"
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", "start", "--quick", "--json", str(file)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    document = json.loads(file.read_text())
    assert {row["peer"] for row in document["rows"]} >= {"tigerd", "python, imports only"}
    (bar,) = document["bars"]
    assert bar["measured"] > 0
    assert "launch" in ended.stdout


@pytest.mark.parametrize("name", ["nothing", "read; write"])
def test_an_unknown_question_is_a_usage_error(name: str) -> None:
    command = [sys.executable, "-m", "benchmarks", name]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, check=False)
    assert ended.returncode == 2
