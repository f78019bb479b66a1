"""The harness with real workers, on little: it measures, and it says what went wrong."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import PROJECT, bench_suite, harness
from benchmarks.harness import measure
from benchmarks.peers import PEERS
from benchmarks.peers.base import allocated_size
from benchmarks.processes import COMPUTE
from benchmarks.questions import Question, find_question
from benchmarks.result import Row, Turn
from benchmarks.witness import OWN, SLOWEST
from benchmarks.worker import take_samples, time_plain_calls
from benchmarks.workload import Plan, Trial

BESIDE = ("--peer", "tigerd", "--peer", "python, imports only")
START = (sys.executable, "-m", "benchmarks", "start", "--quick", *BESIDE)


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
        assert 0 < row.median <= row.percentile(99) <= max(row.round_longest)


def test_a_writer_writes_while_its_reader_is_measured() -> None:
    names = {"get, read before, beside a writer"}
    (row,) = measure(only("read", names, {"tigerd"}), True, lambda _: None)
    assert not row.trouble
    assert row.calls


@pytest.mark.skipif(not Path(OWN).exists(), reason="the kernel does not tell")
def test_it_is_told_what_the_slowest_waited_for() -> None:
    names = {"peek, read before, quiet", "get, read before, quiet"}
    rows = measure(only("longest", names, {"tigerd"}), True, lambda _: None)
    for row in rows:
        assert not row.trouble
        assert len(row.slowest) == row.calls // SLOWEST
        assert max(row.slowest).took == max(row.round_longest)


def test_several_clients_write_one_store() -> None:
    (row,) = measure(only("write", {"insert, 2 clients"}, {"sqlite"}), True, lambda _: None)
    assert not row.trouble
    assert row.clients == 2


def test_processes_compute_beside_a_workload_in_its_turns_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def note(command: list[str], **options: Any) -> Any:
        process: Any = start(command, **options)
        if COMPUTE in command:
            made.append(process)
        return process

    monkeypatch.setattr(subprocess, "Popen", note)
    (row,) = measure(only("busy", {"insert, beside 2"}, {"sqlite"}), True, lambda _: None)
    assert not row.trouble
    assert len(made) == 2 * sum(len(turns) for turns in row.rounds)
    assert {process.returncode for process in made} == {-signal.SIGKILL}


def test_the_calls_of_several_clients_are_counted_together() -> None:
    row = Row("write", "insert, 2 clients", "sqlite", clients=2, rounds=[[]])
    answer = {"samples": [4.0, 6.0], "calls": 2, "elapsed_ns": 10.0, "batch": 1}
    nothing_left = {"samples": [], "calls": 0, "elapsed_ns": 0.0, "batch": 1}
    row.add_turn([answer, answer])
    row.add_turn([nothing_left])

    assert row.rounds == [[Turn(array("d", [4, 4, 6, 6]), pace=2.5)]]
    assert (row.calls, row.rate, row.median) == (4, 1e9 / 2.5, 5)


def test_sizes_are_measured_once() -> None:
    (row,) = measure(only("memory", {"45 tables"}, {"tigerd"}), True, lambda _: None)
    assert not row.trouble
    assert (row.calls, row.unit) == (1, "bytes")


def test_the_longest_insert_after_a_clear_is_of_a_thousand() -> None:
    names = {"1,000 inserts after a clear"}
    (row,) = measure(only("isolation", names, {"tigerd"}), True, lambda _: None)
    assert not row.trouble
    assert row.calls == 3 * 1000


def test_a_callback_before_a_call_runs_in_its_turn() -> None:
    done: list[str] = []
    plan = Plan(lambda: done.append("call"), samples=2, before=lambda: done.append("before"))
    take_samples(plan, [range(1), range(1)], time_plain_calls, limit_s=math.inf)
    assert done == ["before", "call", "before", "call"]


def test_a_file_that_vanishes_while_sizes_are_added_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kept").write_bytes(b"x" * 5000)
    kept = allocated_size(tmp_path)
    (tmp_path / "vanished").write_bytes(b"x" * 5000)
    walk = os.walk

    def walk_late(directory: Path):
        for found in walk(directory):
            (tmp_path / "vanished").unlink()
            yield found

    monkeypatch.setattr(os, "walk", walk_late)
    assert allocated_size(tmp_path) == kept > 0


def test_a_suite_that_fails_says_what_pytest_said(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "test_it.py").write_text("def test_it():\n    assert 1 == 2\n")
    monkeypatch.setattr(bench_suite, "SUITE", tmp_path)
    with pytest.raises(SystemExit, match=r"pytest ended with 1: .*assert 1 == 2.* 1 failed"):
        bench_suite.run_all("floor", tmp_path)


def test_the_environment_does_not_change_a_suite(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    trial = Trial(round=0, client=0, quick=True, directory=tmp_path)
    bench_suite.run_without(PEERS["floor"](), trial).operation()


@pytest.mark.parametrize(
    ("question", "number", "exit_code"),
    [("start", signal.SIGINT, 1), ("write", signal.SIGTERM, 143)],
)
def test_an_interrupted_run_leaves_nothing(
    question: str, number: int, exit_code: int, wait_until
) -> None:
    command = [sys.executable, "-m", "benchmarks", question, "--peer", "tigerd"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL) as running:
        directory = wait_until(lambda: directory_of_a_worker(running.pid), what="a worker")
        wait_until(lambda: f"--dir {directory}" in processes(), what="a daemon")
        running.send_signal(number)
        assert running.wait(20) == exit_code

    assert not Path(directory).exists()
    assert directory not in processes()


def directory_of_a_worker(pid: int) -> str | None:
    """Return where a run's worker works, as its command line says, once there is one."""
    worker = re.compile(rf' {pid} .*benchmarks.worker .*"directory": "([^"]*)".*"question"')
    found = worker.search(processes())
    return found and found[1]


def processes() -> str:
    """Return a line for each process: its parent's pid and its command line."""
    command = ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_worker_that_fails_is_named_with_its_last_words() -> None:
    question = only("list", {"count() of 100"}, {"sqlite"})
    wrong = [replace(workload, name="no such workload") for workload in question.workloads]
    (row,) = measure(replace(question, workloads=wrong), True, lambda _: None)
    assert row.trouble.startswith("failed: ")
    assert "StopIteration" in row.trouble


def test_the_command_line_gives_one_document_of_one_question(tmp_path) -> None:
    file = tmp_path / "run.json"
    ended = subprocess.run(
        [*START, "--json", str(file)], cwd=PROJECT, capture_output=True, text=True, check=False
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
