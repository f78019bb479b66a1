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
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from benchmarks.peers import PEERS, Peer
from benchmarks.questions import Question
from benchmarks.result import Row
from benchmarks.workload import FULL, QUICK, Load, Workload

PROJECT = Path(__file__).resolve().parent.parent
ANSWER_TIMEOUT_S = 600
END_TIMEOUT_S = 60
COMPUTE = "print(flush=True)\nwhile True: sum(range(1000))"
INTERRUPTED_END_TIMEOUT_S = 5  # a worker stops the servers that it has started, if it is let


class WorkerError(Exception):
    """A worker ended early; the message is the last line it wrote on stderr."""


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
        stores = _Stores(stack)
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


def _measure_group(runs: Sequence[_Run], stores: _Stores, turns: int) -> None:
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
        self._writers: list[_Worker] = []
        self._clients: list[_Worker] = []

    def attempt(self, step: Callable[[_Run], object]) -> None:
        """Take a step; let a failure end the measurement of one row, not the run."""
        if self._row.failure:
            return
        try:
            step(self)
        except (WorkerError, OSError, subprocess.SubprocessError) as error:
            self._row.failure = str(error) or type(error).__name__

    def start(self, stack: ExitStack, stores: _Stores) -> None:
        self._row.rounds.append([])
        directory = stack.enter_context(stores.store(self._row.peer, self._workload.load))
        spec = {
            **_spec(self._workload.load, self._row.peer, directory),
            "question": self._row.question,
            "workload": self._row.workload,
            **self._trial,
        }
        count = self._workload.clients
        self._clients = _start_workers(stack, ({**spec, "client": n} for n in range(count)))
        if self._workload.writer:
            self._writers = _start_workers(stack, [{**spec, "client": count, "writes": True}])

    def wait_until_ready(self) -> None:
        for worker in (*self._clients, *self._writers):
            worker.read_line()

    def warm_up(self) -> None:
        _ask_all([*self._clients, *self._writers])

    def take_turn(self) -> None:
        """Let the clients go all at once, between a writer's start and stop."""
        with ExitStack() as stack:
            for _ in range(self._workload.computing):
                stack.enter_context(_computing())
            _ask_all(self._writers)
            answers = _ask_all(self._clients)
            _ask_all(self._writers)
        self._row.add_turn([json.loads(answer) for answer in answers])


class _Stores:
    """Stores by (peer, load): those to be reused live as long as the stack, others for one use."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._kept: dict[tuple[str, Load], Future[Path]] = {}

    def fill(self, wanted: Iterable[tuple[str, Load]]) -> None:
        """Fill those that are reused, several at once, before anything is measured.

        One that cannot be filled fails what is measured in it.
        """
        reused = {(peer, load) for peer, load in wanted if load.reused}
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                for peer, load in sorted(reused, key=lambda one: one[1].size, reverse=True):
                    self._kept[peer, load] = pool.submit(self._keep, peer, load)
                wait(self._kept.values())
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _keep(self, peer: str, load: Load) -> Path:
        return self._stack.enter_context(_filled_store(peer, load))

    @contextmanager
    def store(self, peer: str, load: Load) -> Iterator[Path]:
        if load.reused:
            yield self._kept[peer, load].result()
            return
        with _filled_store(peer, load) as directory:
            yield directory


@contextmanager
def _filled_store(name: str, load: Load) -> Iterator[Path]:
    peer = PEERS[name]()
    with _temporary_directory() as directory:
        if not load.served:
            with _stopping_what_is_left(peer, directory):
                yield directory
            return
        try:
            peer.start(directory)
            if (load.count or load.more) and not peer.private:
                with ExitStack() as stack:
                    _start_workers(stack, [_spec(load, name, directory)])[0].read_line()
            yield directory
        finally:
            peer.stop(directory)


@contextmanager
def _stopping_what_is_left(peer: Peer, directory: Path) -> Iterator[None]:
    """After an interruption, stop servers that a worker has started below the directory."""
    try:
        yield
    except BaseException:
        for left in directory.iterdir():
            peer.stop(left)
        raise


@contextmanager
def _temporary_directory() -> Iterator[Path]:
    """Make a directory in memory where there is such a place: no peer is measured by its disk."""
    shared_memory = Path("/dev/shm")
    directory = Path(
        tempfile.mkdtemp(prefix="tb-", dir=shared_memory if shared_memory.is_dir() else None)
    )
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _spec(load: Load, peer: str, directory: Path) -> dict[str, Any]:
    """Tell a worker about a store; without a question in it, the worker fills the store."""
    return {"peer": peer, "directory": str(directory), "load": asdict(load)}


def _start_workers(stack: ExitStack, specs: Iterable[dict[str, Any]]) -> list[_Worker]:
    """Start workers, which end with the stack; each says a line when it is ready."""
    return [stack.enter_context(_started_worker(spec)) for spec in specs]


def _ask_all(workers: Sequence[_Worker]) -> list[str]:
    """Let workers go on all at once; return what each says then."""
    for worker in workers:
        worker.go_on()
    return [worker.read_line() for worker in workers]


@contextmanager
def _computing() -> Iterator[None]:
    """Have a process compute, as a test would that asks no store, once it has begun."""
    command = [sys.executable, "-S", "-c", COMPUTE]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            process.stdout.readline()
            yield
        finally:
            process.kill()


@dataclass
class _Worker:
    """A measuring process, and the file that takes its stderr.

    A file and a poll, for a daemon that a worker starts may outlive it and hold its pipes open.
    """

    process: subprocess.Popen[str]
    errors: IO[bytes]

    def go_on(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def read_line(self) -> str:
        stdout = self.process.stdout
        assert stdout
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        while not select.select([stdout], [], [], 0.5)[0]:
            if time.monotonic() > deadline:
                raise WorkerError(f"no answer in {ANSWER_TIMEOUT_S} s")
            if self.process.poll() is not None:
                break
        else:
            if line := stdout.readline():
                return line
        self.errors.seek(0)
        said = self.errors.read().decode(errors="replace").strip()
        raise WorkerError(said.splitlines()[-1] if said else "the worker said nothing")


@contextmanager
def _started_worker(spec: dict[str, Any]) -> Iterator[_Worker]:
    command = [sys.executable, "-m", "benchmarks.worker", json.dumps(spec)]
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command, cwd=PROJECT, stdin=pipe, stdout=pipe, stderr=errors, text=True
        ) as process,
    ):
        try:
            yield _Worker(process, errors)
        except BaseException:
            _end(process, INTERRUPTED_END_TIMEOUT_S)
            raise
        _end(process, END_TIMEOUT_S)


def _end(process: subprocess.Popen[str], patience_s: float) -> None:
    """Let a worker end; insist if it does not."""
    assert process.stdin
    assert process.stdout
    process.stdout.close()  # or it might wait for what it says to be read
    with suppress(BrokenPipeError):
        process.stdin.close()
    for insist in (process.terminate, process.kill):
        try:
            process.wait(patience_s)
            return
        except subprocess.TimeoutExpired:
            insist()
