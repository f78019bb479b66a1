"""The processes of a measurement: workers, and others that only compute."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from benchmarks import PROJECT
from benchmarks.workload import Load

ANSWER_TIMEOUT_S = 600
END_TIMEOUT_S = 60
COMPUTE = "print(flush=True)\nwhile True: sum(range(1000))"
INTERRUPTED_END_TIMEOUT_S = 5  # a worker stops the servers that it has started, if it is let


class WorkerError(Exception):
    """A worker ended early; the message is the last line it wrote on stderr."""


def spec_of(load: Load, peer: str, directory: Path) -> dict[str, Any]:
    """Tell a worker about a store; without a question in it, the worker fills the store."""
    return {"peer": peer, "directory": str(directory), "load": asdict(load)}


def start_workers(stack: ExitStack, specs: Iterable[dict[str, Any]]) -> list[Worker]:
    """Start workers, which end with the stack; each says a line when it is ready."""
    return [stack.enter_context(_started_worker(spec)) for spec in specs]


def ask_all(workers: Sequence[Worker]) -> list[str]:
    """Let workers go on all at once; return what each says then."""
    for worker in workers:
        worker.go_on()
    return [worker.read_line() for worker in workers]


@contextmanager
def computing() -> Iterator[None]:
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
class Worker:
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
def _started_worker(spec: dict[str, Any]) -> Iterator[Worker]:
    command = [sys.executable, "-m", "benchmarks.worker", json.dumps(spec)]
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command, cwd=PROJECT, stdin=pipe, stdout=pipe, stderr=errors, text=True
        ) as process,
    ):
        try:
            yield Worker(process, errors)
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
