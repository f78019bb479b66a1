"""The processes of a test: workers that talk in lines of JSON, and the daemons of one instance.

Daemons are often started by a worker, or by another daemon's death, so they are found by the
directory that their command line names: that directory is the test's own.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from tests.support.file_system import new_directory

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
Result = TypeVar("Result")


def wait_for(condition: Callable[[], Result], what: str, patience_s: float = PATIENCE_S) -> Result:
    """Return the condition's first true result.

    The longer that takes, the less often it is asked: asking may cost more than what it waits for.
    """
    begun = time.monotonic()
    while not (result := condition()):
        waited_s = time.monotonic() - begun
        assert waited_s < patience_s, f"{what}: not within {patience_s} s"
        time.sleep(min(max(0.002, waited_s / 10), 0.05))
    return result


# --- Daemons ---


def daemons_of(directory: Path) -> list[int]:
    """Return the processes that serve the directory or are about to."""
    wanted = [b"serve", b"--dir", os.fsencode(directory)]
    if not Path("/proc/self/cmdline").exists():
        found = subprocess.run(
            ["pgrep", "-f", f"serve .*--dir {directory}"],
            capture_output=True,
            text=True,
            check=False,
        )
        return [int(pid) for pid in found.stdout.split()]
    pids = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            with suppress(OSError):
                words = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
                if all(word in words for word in wanted):
                    pids.append(int(entry))
    return pids


def kill(pids: list[int], number: int = signal.SIGKILL) -> int:
    """Send a signal to each that is still there; return to how many."""
    count = 0
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            count += 1
    return count


def end_daemons(directory: Path) -> None:
    """Leave no daemon behind."""
    wait_for(lambda: not kill(daemons_of(directory)), "the end of the daemons")


def state_of(pid: int) -> str:
    """Return the letter of a process's state, as `T` for stopped; empty if it is gone."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return ""
    shown = subprocess.run(
        ["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shown.stdout.strip()[:1]


def is_alive(pid: int) -> bool:
    """Whether a process of that number runs; one that has ended but was not waited for does not."""
    return state_of(pid) not in ("", "Z")


def is_stopped(pid: int) -> bool:
    """Tell whether a process has got a SIGSTOP."""
    return state_of(pid) == "T"


def stop(pids: list[int]) -> None:
    """Stop processes, and return when they are."""
    kill(pids, signal.SIGSTOP)
    wait_for(lambda: all(state_of(pid) in ("T", "Z", "") for pid in pids), "the stop")


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """The process does nothing in this block."""
    stop([pid])
    try:
        yield
    finally:
        kill([pid], signal.SIGCONT)


@contextmanager
def instance_directory() -> Iterator[Path]:
    """Give a directory for an instance, whose daemons end with it."""
    with new_directory() as directory:
        try:
            yield directory
        finally:
            end_daemons(directory)


@contextmanager
def serving(directory: Path, *options: str, module: str = "tigerd") -> Iterator[int]:
    """Give the process id of a daemon that has said READY; end it."""
    command = [sys.executable, "-m", *module.split(), "serve", "--dir", str(directory), *options]
    with (directory / "daemon.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=log)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, f"no READY line: {(directory / 'daemon.log').read_text()}"
        yield int(json.loads(line)["pid"])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


# --- Workers ---


class Worker:
    """A Python file that runs beside the test: lines to it, lines of JSON from it."""

    def __init__(self, path: Path, *arguments: object, prefix: Sequence[str] = ()) -> None:
        """Start it; `prefix` is the beginning of its command, as of one that runs others."""
        self.name = f"{path.stem} {' '.join(str(word) for word in arguments[1:])}"
        self.process = subprocess.Popen(
            [*prefix, sys.executable, str(path), *(str(argument) for argument in arguments)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )
        self._lines = b""

    def say(self, line: str) -> None:
        """Send a line; a worker that has failed is found out when it is asked."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()

    def hear(self, patience_s: float = PATIENCE_S) -> Any:
        """Return what the worker says next."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + patience_s
        while b"\n" not in self._lines:
            left = deadline - time.monotonic()
            poll = select.poll()  # select() takes no descriptor above 1023
            poll.register(self.process.stdout, select.POLLIN)
            is_heard = poll.poll(1000 * max(0.0, left))
            assert is_heard, f"{self.name} is silent for {patience_s} s (state {self.state})"
            more = os.read(self.process.stdout.fileno(), 1 << 20)
            if not more:
                self._fail()
            self._lines += more
        line, _, self._lines = self._lines.partition(b"\n")
        return json.loads(line)

    @property
    def state(self) -> str:
        """The letter of its state."""
        return state_of(self.process.pid)

    def _fail(self) -> None:
        assert self.process.stderr is not None
        words = self.process.stderr.read().decode(errors="replace")
        raise AssertionError(f"{self.name} ended with {self.process.wait()}:\n{words[-4000:]}")

    def end(self) -> None:
        """End it by force, if it is there still."""
        kill([self.process.pid] if self.process.poll() is None else [], signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


@contextmanager
def workers() -> Iterator[Callable[..., Worker]]:
    """Give what starts a `Worker`; all are ended."""
    with ExitStack() as stack:

        def start(path: Path, *arguments: object) -> Worker:
            worker = Worker(path, *arguments)
            stack.callback(worker.end)
            return worker

        yield start
