"""Takes the measurements of a question: stores, processes, rounds and turns.

A question is measured in several rounds. In each round, every workload with every peer is measured
by a fresh process (see worker.py), or by as many as the workload has clients. All the processes of
one group of workloads are started together, then warmed up one by one, and then take turns,
round-robin: a machine's speed changes by the second, and in a turn of a few hundredths of one it
changes for none or for all. A store that is left as it was is filled once, beside as many others
as there are cores, and kept for all the rounds; one that is written is made anew for each
measurement.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import groupby
from typing import Any

from benchmarks.peers import PEERS
from benchmarks.processes import Worker, WorkerError, ask_all, computing, spec_of, start_workers
from benchmarks.questions import Question
from benchmarks.result import Row
from benchmarks.stores import Stores
from benchmarks.workload import FULL, QUICK, Workload


def measure(question: Question, quick: bool, tell: Callable[[str], None]) -> list[Row]:
    """Take every measurement of a question; `tell` hears what is being measured."""
    lines = [
        (workload, new_row(question.name, workload, peer))
        for workload in question.workloads
        if not (quick and workload.slow)
        for peer in workload.peers
    ]
    effort = QUICK if quick else FULL
    rounds = max(1, question.rounds * effort.rounds // FULL.rounds)
    with ExitStack() as stack:
        stores = Stores(stack)
        tell(f"{question.name}: filling stores")
        stores.fill((row.peer, workload.load) for workload, row in lines if not row.trouble)
        for number in range(rounds):
            for name, group in groupby(lines, lambda line: line[0].group or line[0].name):
                tell(f"round {number + 1} of {rounds}: {question.name}, {name}")
                trial = {"round": number, "quick": quick}
                _measure_group(
                    [_Run(*line, trial) for line in group if not line[1].trouble],
                    stores,
                    effort.turns,
                )
    return [row for _, row in lines]


def new_row(question: str, workload: Workload, peer: str) -> Row:
    row = Row(question, workload.name, peer, workload.clients, workload.unit)
    row.absent = PEERS[peer]().missing()
    return row


def _measure_group(runs: Sequence[_Run], stores: Stores, turns: int) -> None:
    """Measure one round of workloads whose processes take turns."""
    with ExitStack() as stack:
        steps: list[Callable[[_Run], object]] = [
            lambda run: run.start(stack, stores),
            _Run.wait_until_ready,
            _Run.warm_up,
            *[_Run.take_turn] * turns,
        ]
        for step in steps:
            for run in runs:
                run.attempt(step)


class _Run:
    """One round's measurement of one row: its clients, and the process that writes meanwhile."""

    def __init__(self, workload: Workload, row: Row, trial: dict[str, Any]) -> None:
        self._workload = workload
        self._row = row
        self._trial = trial
        self._writers: list[Worker] = []
        self._clients: list[Worker] = []

    def attempt(self, step: Callable[[_Run], object]) -> None:
        """Take a step; let a failure end the measurement of one row, not the run."""
        if self._row.failure:
            return
        try:
            step(self)
        except (WorkerError, OSError, subprocess.SubprocessError) as error:
            self._row.failure = str(error) or type(error).__name__

    def start(self, stack: ExitStack, stores: Stores) -> None:
        self._row.rounds.append([])
        directory = stack.enter_context(stores.store(self._row.peer, self._workload.load))
        spec = {
            **spec_of(self._workload.load, self._row.peer, directory),
            "question": self._row.question,
            "workload": self._row.workload,
            **self._trial,
        }
        count = self._workload.clients
        self._clients = start_workers(stack, ({**spec, "client": n} for n in range(count)))
        if self._workload.writer:
            self._writers = start_workers(stack, [{**spec, "client": count, "writes": True}])

    def wait_until_ready(self) -> None:
        for worker in (*self._clients, *self._writers):
            worker.read_line()

    def warm_up(self) -> None:
        ask_all([*self._clients, *self._writers])

    def take_turn(self) -> None:
        """Let the clients go all at once, between a writer's start and stop."""
        with ExitStack() as stack:
            for _ in range(self._workload.computing):
                stack.enter_context(computing())
            ask_all(self._writers)
            answers = ask_all(self._clients)
            ask_all(self._writers)
        self._row.add_turn([json.loads(answer) for answer in answers])
