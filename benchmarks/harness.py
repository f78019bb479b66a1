"""What a question declares, and how its measurements are taken.

A question is a module with `WORKLOADS` and `BARS`. It is measured in several rounds. In each round,
every workload with every peer is measured by a fresh process (see worker.py), or by as many as the
workload has clients. All the processes of one group of workloads are started and warmed up first,
and then take turns, round-robin: a machine's speed changes by the second, and in a turn of a few
hundredths of one it changes for none or for all. A store that is only read is filled once and kept
for all the rounds; one that is written is made anew for each measurement.
"""

from __future__ import annotations

import json
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from benchmarks.peers import PEERS, Peer

PROJECT = Path(__file__).resolve().parent.parent
ROUNDS, QUICK_ROUNDS = 5, 3
TURNS = 10  # of each measurement in a round
WORKER_TIMEOUT_S = 600  # for one answer
END_TIMEOUT_S = 60


@dataclass(frozen=True)
class Trial:
    """What a plan may depend on: which round and client this is, and where."""

    round: int
    client: int
    quick: bool
    directory: Path

    @property
    def seed(self) -> str:
        """A seed that no other measurement of the run has."""
        return f"round {self.round}, client {self.client}"


@dataclass(frozen=True)
class Plan:
    """What a worker times.

    `operation` is called with each of `arguments` in turn, over and over until the time is up, or,
    if they are to be used `once`, until they are used up; without `arguments` it is called with
    none. If `samples` is set, that many calls are timed, one by one, whatever time they take, and
    after each, untimed, `after` is called. `expect` tells whether the first result is right.
    """

    operation: Callable[..., Any]
    arguments: Sequence[Any] | None = None
    once: bool = False
    samples: int | None = None
    after: Callable[[], object] = lambda: None
    expect: Callable[[Any], object] = lambda _: True


@dataclass(frozen=True)
class Load:
    """A store to measure: the table, and how many records it holds at first."""

    table: str
    count: int = 0
    reused: bool = False  # whether measurements only read it, so that they may share it
    served: bool = True  # whether the harness starts the server, and the worker connects


@dataclass(frozen=True)
class Workload:
    """One line of a question, measured for each of the peers named."""

    name: str
    peers: tuple[str, ...]
    load: Load
    plan: Callable[[Peer, Trial], Plan]
    clients: int = 1
    group: str = ""  # neighbours of one group take turns; without one it is alone


Place = tuple[str, str]  # a workload and a peer


@dataclass(frozen=True)
class Bar:
    """The time of `subject` is to be at most `at_most` times the time of `peer`."""

    name: str
    subject: Place
    peer: Place
    at_most: float


@dataclass(frozen=True)
class Question:
    """One module's workloads and bars; its title is the first line of the docstring."""

    name: str
    title: str
    workloads: Sequence[Workload]
    bars: Sequence[Bar]

    def only(self, peers: Collection[str]) -> Question:
        """Return the same question asked of these peers alone."""
        kept = (
            replace(workload, peers=tuple(peer for peer in workload.peers if peer in peers))
            for workload in self.workloads
        )
        return replace(self, workloads=list(kept))


@dataclass
class Row:
    """The measurements of one workload with one peer; times are nanoseconds for one call.

    Where calls were timed in batches, a sample is a batch's mean.
    """

    question: str
    workload: str
    peer: str
    clients: int
    absent: str = ""  # why the peer cannot run here
    failure: str = ""  # what its worker said last
    samples: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)  # calls a second of all clients, of each turn
    turns: list[list[float]] = field(default_factory=list)  # each round's medians, one a turn
    calls: int = 0
    batch: int = 1

    def add_turn(self, results: Sequence[dict[str, Any]]) -> None:
        """Take what the clients measured in one turn, which is nothing if nothing was left."""
        results = [result for result in results if result["calls"]]
        if not results:
            return
        samples = [sample for result in results for sample in result["samples"]]
        self.samples += samples
        self.turns[-1].append(statistics.median(samples))
        self.rates.append(sum(result["calls"] / result["elapsed_ns"] * 1e9 for result in results))
        self.calls += sum(result["calls"] for result in results)
        self.batch = max(result["batch"] for result in results)

    @property
    def trouble(self) -> str:
        """Why there is nothing to report, or an empty string."""
        return self.absent or (f"failed: {self.failure}" if self.failure else "")

    @property
    def round_medians(self) -> list[float]:
        """The median of each round's turns."""
        return [statistics.median(turns) for turns in self.turns]

    @property
    def median(self) -> float:
        """The median of the rounds' medians."""
        return statistics.median(self.round_medians)

    @property
    def spread(self) -> float:
        """How far apart the slowest and the fastest round are, as a part of the median."""
        return (max(self.round_medians) - min(self.round_medians)) / self.median

    @property
    def rate(self) -> float:
        """Calls a second of all the clients together, in the median turn."""
        return statistics.median(self.rates)

    def percentile(self, percent: int) -> float:
        """Return the time that so many of a hundred samples do not exceed."""
        ordered = sorted(self.samples)
        return ordered[(len(ordered) - 1) * percent // 100]

    def ratio_to(self, peer: Row) -> float:
        """Divide each turn by the peer's turn beside it; return the median of the rounds' medians.

        So a machine that was slow for a while was slow for both.
        """
        return statistics.median(
            statistics.median(mine / its for mine, its in zip(*pair, strict=False))
            for pair in zip(self.turns, peer.turns, strict=True)
        )


class WorkerError(Exception):
    """A worker ended early; the message is the last line it wrote on stderr."""


Line = tuple[Workload, Row]


def measure(question: Question, quick: bool, tell: Callable[[str], None]) -> list[Row]:
    """Take every measurement of a question; `tell` hears what is being measured."""
    lines = [
        (workload, Row(question.name, workload.name, peer, workload.clients, why_absent(peer)))
        for workload in question.workloads
        for peer in workload.peers
    ]
    rounds = QUICK_ROUNDS if quick else ROUNDS
    with ExitStack() as stack:
        stores = _Stores(stack)
        for number in range(rounds):
            for name, group in groupby(lines, lambda line: line[0].group or line[0].name):
                tell(f"round {number + 1} of {rounds}: {question.name}, {name}")
                present = [line for line in group if not line[1].trouble]
                _measure_group(present, stores, {"round": number, "quick": quick})
    return [row for _, row in lines]


def why_absent(peer: str) -> str:
    """Tell why a peer cannot run here, or return an empty string."""
    return PEERS[peer]().missing()


def _measure_group(lines: list[Line], stores: _Stores, trial: dict[str, int | bool]) -> None:
    """Measure one round of some lines, whose processes take turns."""
    with ExitStack() as stack:
        runs: list[tuple[Row, list[_Worker]]] = []
        for workload, row in lines:
            row.turns.append([])
            with _blamed(row):
                directory = stack.enter_context(stores.store(row.peer, workload.load))
                spec = {
                    **_spec(workload.load, row.peer, directory),
                    "question": row.question,
                    "workload": row.workload,
                    **trial,
                }
                runs.append((row, _start_clients(stack, spec, workload.clients)))
        for _ in range(TURNS):
            for row, workers in runs:
                with _blamed(row):
                    if not row.failure:
                        row.add_turn(_take_turn(workers))


@contextmanager
def _blamed(row: Row) -> Iterator[None]:
    """Let a failure end the measurement of one row, not the run."""
    try:
        yield
    except (WorkerError, OSError, subprocess.SubprocessError) as error:
        row.failure = str(error) or type(error).__name__


class _Stores:
    """Stores by (peer, load): those to be reused live as long as the stack, others for one use."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._kept: dict[tuple[str, Load], Path] = {}

    @contextmanager
    def store(self, peer: str, load: Load) -> Iterator[Path]:
        if not load.reused:
            with _filled_store(peer, load) as directory:
                yield directory
            return
        if (peer, load) not in self._kept:
            self._kept[peer, load] = self._stack.enter_context(_filled_store(peer, load))
        yield self._kept[peer, load]


@contextmanager
def _filled_store(name: str, load: Load) -> Iterator[Path]:
    peer = PEERS[name]()
    with _temporary_directory() as directory:
        if not load.served:
            yield directory
            return
        peer.start(directory)
        try:
            if load.count and not peer.private:
                with ExitStack() as stack:
                    _start_clients(stack, _spec(load, name, directory), 1)
            yield directory
        finally:
            peer.stop(directory)


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


def _start_clients(stack: ExitStack, spec: dict[str, Any], clients: int) -> list[_Worker]:
    """Start workers and wait until each is ready; they end with the stack."""
    workers = [
        stack.enter_context(_started_worker({**spec, "client": client}))
        for client in range(clients)
    ]
    for worker in workers:
        worker.read_line()
    return workers


def _take_turn(workers: list[_Worker]) -> list[dict[str, Any]]:
    """Let the clients of a workload go all at once, and collect what they measured."""
    for worker in workers:
        worker.go()
    return [json.loads(worker.read_line()) for worker in workers]


@dataclass
class _Worker:
    """A measuring process, and the file that takes its stderr.

    A file and a poll, for a daemon that a worker starts may outlive it and hold its pipes open.
    """

    process: subprocess.Popen[str]
    errors: IO[bytes]

    def go(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def read_line(self) -> str:
        stdout = self.process.stdout
        assert stdout
        deadline = time.monotonic() + WORKER_TIMEOUT_S
        while not select.select([stdout], [], [], 0.5)[0]:
            if time.monotonic() > deadline:
                raise WorkerError(f"no answer in {WORKER_TIMEOUT_S} s")
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
            _end(process)
        except BaseException:
            process.kill()
            raise


def _end(process: subprocess.Popen[str]) -> None:
    """Let a worker end; one that hangs has had its time already."""
    assert process.stdin
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
