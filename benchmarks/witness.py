"""What the slowest calls waited for, as the kernel and Python counted it around each of them.

Linux tells of every thread how long it ran and how long it was ready and had no core, and how many
pages it touched for the first time; Python tells when it looks for garbage. All of that is read
right before a call and right after it. What the hypervisor or an interrupt takes while a thread
runs counts as time that it ran.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
from array import array
from collections.abc import Callable, Sequence
from operator import sub
from pathlib import Path
from time import perf_counter_ns, thread_time_ns
from typing import Any, NamedTuple

SLOWEST = 100  # one call in so many is told of
OWN = "/proc/thread-self/schedstat"
COUNTERS_MAX = 512  # bytes of a file that tells of a thread
FAULTS = 7  # the place of this number in a thread's `stat`, behind its name


class Parts(NamedTuple):
    """Where the time of a call went, in nanoseconds, and what was counted in it."""

    took: int
    ran: int
    """The calling thread, on a core."""
    queued: int
    """The calling thread, ready and without a core."""
    collected: int
    """Of what it ran, in looking for garbage."""
    faults: int
    """Pages that the calling thread touched for the first time."""
    served: int
    """The server's threads, on a core, whether it was for this call or not."""
    server_queued: int
    server_faults: int
    """Of its main thread."""

    @property
    def slept(self) -> int:
        """For how long the calling thread was neither on a core nor ready."""
        return max(0, self.took - self.ran - self.queued)

    @property
    def causes(self) -> dict[str, int]:
        """The same time by what it was lost to; the server's is that of the caller's sleep."""
        server_queued = min(self.slept, self.server_queued)
        served = min(self.slept - server_queued, self.served)
        return {
            "no core for the caller": self.queued,
            f"the caller ran{_faults(self.faults)}": self.ran - self.collected,
            "the caller looked for garbage": self.collected,
            "no core for the server": server_queued,
            f"the server ran{_faults(self.server_faults)}": served,
            "nobody ran: being woken": self.slept - server_queued - served,
        }

    @property
    def cause(self) -> tuple[str, float]:
        """What took most of the time, and its share of it."""
        causes = self.causes
        largest = max(causes, key=lambda name: causes[name])
        return largest, causes[largest] / max(self.took, 1)


def total(parts: Sequence[Parts]) -> Parts:
    """Return what several calls took together."""
    return Parts(*map(sum, zip(*parts, strict=True)))


class Witness:
    """Times single calls, and keeps what is known of each until it is asked for the slowest."""

    def __init__(self, server: int | None) -> None:
        """Watch this thread, the collector and a server's process, if there is one."""
        if not Path(OWN).exists():
            sys.exit(f"there is no {OWN}, which tells what calls wait for: Linux alone has it")
        self._own = os.open(OWN, os.O_RDONLY)
        self._server: list[int] = []
        self._server_stat: int | None = None
        if server:
            tasks = Path(f"/proc/{server}/task")
            self._server = [os.open(task / "schedstat", os.O_RDONLY) for task in tasks.iterdir()]
            self._server_stat = os.open(tasks / str(server) / "stat", os.O_RDONLY)
        self._seen = array("q")  # not tuples: those are what makes Python look for garbage
        self._collected = self._collecting_since = 0
        gc.callbacks.append(self._on_collection)

    def time_call(self, operation: Callable[..., Any], arguments: Sequence[Any]) -> float:
        """Call once; return the nanoseconds."""
        (argument,) = arguments
        before = self._counters()
        queued_before, ran_before = _schedstat(self._own)[1], thread_time_ns()
        began = perf_counter_ns()
        operation(argument)
        took = perf_counter_ns() - began
        ran, queued = thread_time_ns() - ran_before, _schedstat(self._own)[1] - queued_before
        # Who was without a core for longer than the call took was so beside it.
        self._seen.extend((took, min(ran, took), queued if queued <= took else 0))
        self._seen.extend(map(sub, self._counters(), before))
        return took

    def take_slowest(self) -> list[Parts]:
        """Return the slowest calls since the last time, the slowest first."""
        size = len(Parts._fields)
        calls = [Parts(*self._seen[at : at + size]) for at in range(0, len(self._seen), size)]
        del self._seen[:]
        calls.sort(reverse=True)
        return calls[: max(1, len(calls) // SLOWEST)]

    def _counters(self) -> tuple[int, int, int, int, int]:
        """Read what `Parts` tells beyond the time of the calling thread, since there is any."""
        served, server_queued = 0, 0
        for descriptor in self._server:
            ran, queued = _schedstat(descriptor)
            served += ran
            server_queued += queued
        return (
            self._collected,
            resource.getrusage(resource.RUSAGE_THREAD).ru_minflt,
            served,
            server_queued,
            0 if self._server_stat is None else _faults_of(self._server_stat),
        )

    def _on_collection(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._collecting_since = perf_counter_ns()
        else:
            self._collected += perf_counter_ns() - self._collecting_since


def _schedstat(descriptor: int) -> tuple[int, int]:
    """Return how long a thread has run, and waited for a core, in nanoseconds."""
    ran, queued, _ = os.pread(descriptor, COUNTERS_MAX, 0).split()
    return int(ran), int(queued)


def _faults_of(descriptor: int) -> int:
    """Return how many pages a thread has touched for the first time."""
    behind_name = os.pread(descriptor, COUNTERS_MAX, 0).rpartition(b")")[2]
    return int(behind_name.split(None, FAULTS + 1)[FAULTS])


def _faults(count: int) -> str:
    return f", {count:,} page faults" if count else ""
